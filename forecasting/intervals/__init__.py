"""Width of a forecast: quantiles from held-out errors, and joint sample paths."""
