"""Overrides: the published forecast with what planners changed of it. The published one stays as it is."""
