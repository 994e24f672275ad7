"""The page System: what it shows is placed in `page`."""
