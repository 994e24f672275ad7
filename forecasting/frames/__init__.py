"""Doors for a caller's data frames, and the whole way from a frame to a forecast in a notebook."""
