"""The page Calendar: what it shows is placed in `page`."""
