"""The page Inventory health: what it shows is placed in `page`."""
