"""The page of overrides."""
