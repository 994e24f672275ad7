"""The hierarchy: its nodes, and how forecasts of them are made to add up."""
