"""Text that somebody types for a field of an event, as the value that this field takes."""

import json
from typing import Any

# Fields of an event's data that are not text: numbers, and true or false. A test holds them against the event kinds.
NOT_TEXT = frozenset(
    {"quantity", "counted", "observed", "price", "line_total", "cost", "order_line", "promotion"}
)


def value_of(field: str, text: str) -> Any:
    """Return a typed text as the value of `field`, such as `data.product`: text stays text, even if it looks numeric.

    For a field that is not text, and for `data` as a whole, JSON is decoded; other input stays text, so that the
    parser says what is wrong with it.
    """
    if field.removeprefix("data.") not in NOT_TEXT and field != "data":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
