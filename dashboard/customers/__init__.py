"""Customers: who buys, who stops, how much hangs on few, and what they are expected to buy."""
