"""Mappings that we ship, as TOML."""
