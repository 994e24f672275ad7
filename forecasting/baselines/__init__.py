"""Baselines for many series at once: repeats, means, exponential smoothing, Theta, Croston and TSB, on arrays."""
