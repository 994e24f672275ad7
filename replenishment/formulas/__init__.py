"""Formulas of the textbooks: lot sizes, levels and service of one item whose demand has a known distribution."""
