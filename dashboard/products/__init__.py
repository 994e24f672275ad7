"""The page Products: what it shows is placed in `page`."""
