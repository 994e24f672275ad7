"""The page Overview: what it shows is placed in `page`."""
