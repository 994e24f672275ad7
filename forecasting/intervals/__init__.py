"""How wide to be: quantiles from held-out errors, and joint sample paths."""
