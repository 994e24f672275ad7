"""Order lines as arrays: what is there and on its way, when an order would arrive, and what will be needed then."""
