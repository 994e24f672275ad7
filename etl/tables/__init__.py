"""Further tables of the lake, a query each; a run writes the months in which something changed."""
