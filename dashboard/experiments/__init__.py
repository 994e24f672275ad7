"""The page Experiments: what it shows is placed in `page`."""
