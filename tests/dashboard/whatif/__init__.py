"""Page What-if."""
