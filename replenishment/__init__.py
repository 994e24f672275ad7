"""What to order, and why: pure functions on arrays."""
