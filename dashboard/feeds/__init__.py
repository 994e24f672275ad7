"""The page Feeds: what it shows is placed in `page`."""
