"""Refused input: looked at, fixed, replayed or dropped, with an audit."""
