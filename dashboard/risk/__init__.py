"""The page Stock risk: what it shows is placed in `page`."""
