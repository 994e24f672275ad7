"""Page Accuracy: whether the forecast can be believed, where, and where not."""
