"""Captured events are found again: the query language's parameters, pages, and query documents."""
