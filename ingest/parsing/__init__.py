"""Bytes to events: the kinds, what is wrong with an input, exact numbers and units."""
