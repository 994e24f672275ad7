"""What somebody types for a field of an event, as the value that this field takes."""

import json
from typing import Any

# Fields of an event's data that are no text: numbers, and true or false. A test holds them against the event kinds.
NOT_TEXT = frozenset(
    {"quantity", "counted", "observed", "price", "cost", "order_line", "promotion"}
)


def value_of(field: str, text: str) -> Any:
    """A typed text as the value of `field`, such as `data.product`: text stays text, however much it looks a number.

    Of a field that is no text, and of `data` as a whole, JSON is taken as such; what is none stays text, for the
    parser to say what is wrong with it.
    """
    if field.removeprefix("data.") not in NOT_TEXT and field != "data":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
