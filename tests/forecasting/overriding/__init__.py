"""Overrides of forecasts."""
