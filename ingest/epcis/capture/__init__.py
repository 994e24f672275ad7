"""Documents and single events are stored once each, as capture jobs."""
