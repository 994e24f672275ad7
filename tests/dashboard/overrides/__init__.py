"""Page Overrides."""
