"""The page Forecasts: what it shows is placed in `page`."""
