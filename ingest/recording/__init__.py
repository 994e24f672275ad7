"""Requests of feeds, recorded together: the one way in, group commit and the fast lane."""
