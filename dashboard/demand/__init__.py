"""The page Demand: what it shows is placed in `page`."""
