"""Page SQL: ask what no page answers."""
