"""Facts of the trade, one home each. Every stage may import this room; it imports the standard library alone."""
