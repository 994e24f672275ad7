"""The page Alerts: what it shows is placed in `page`."""
