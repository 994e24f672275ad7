"""Policies over many lines at once: how much to order now, in which packs, and what it is worth."""
