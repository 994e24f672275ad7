"""What-if comparisons."""
