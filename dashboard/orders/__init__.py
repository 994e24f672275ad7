"""Page Orders: what to order today, from whom, and why this much."""
