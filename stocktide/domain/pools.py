"""How forecasts name what they pool, so that everybody who looks for an item finds it."""

OTHER_PRODUCTS = "(other products)"


def name_for(key: str) -> str:
    """Return the name of leaves without a value for a key, e.g. "(no category)"."""
    return f"(no {key})"
