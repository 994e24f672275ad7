"""The page Trending: what it shows is placed in `page`."""
