"""The values that query parameters have: lists, numbers, instants and choices, or an error that names the parameter."""

import re
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation

from ingest.epcis.model.values import INSTANT, instant_of, quantity_of
from stocktide.foundation.errors import Invalid

# Values of one parameter; more are no question but a download.
VALUES_MAX = 1_000


def wrong(name: str, what: str) -> Invalid:
    """Make the error for a parameter that has a wrong value."""
    return Invalid("parameter", f"{name[:80]} {what}.", field=name[:80])


def values_of(name: str, texts: Sequence[str]) -> list[str]:
    """Return the values of a parameter that takes several. Raises Invalid."""
    values = [value for text in texts for value in text.split("|")]
    if "" in values:
        raise wrong(name, "has an empty value")
    if len(values) > VALUES_MAX:
        raise wrong(name, f"has more than {VALUES_MAX} values")
    return values


def single(name: str, texts: Sequence[str]) -> str:
    """Return the value of a parameter that takes one. Raises Invalid."""
    if len(texts) != 1:
        raise wrong(name, "is given more than once")
    return texts[0]


def choice_given(choices: Collection[str], name: str, text: str) -> str:
    """Return a value out of some. Raises Invalid."""
    if text not in choices:
        raise wrong(name, f"{text[:80]!r} is not one of {', '.join(choices)}")
    return text


def instant_given(name: str, text: str) -> datetime:
    """Return a date and time with zone. Raises Invalid."""
    # a + that was not escaped arrives as a space
    text = text.replace(" ", "+")
    try:
        if re.match(INSTANT, text) is None:
            raise ValueError
        return instant_of(text)
    except ValueError:
        raise wrong(
            name, f"{text[:80]!r} is not a date and time with zone, such as 2026-03-01T10:15:00Z"
        ) from None


def count_given(most: int) -> Callable[[str, str], int]:
    """Make the reader of a whole number from 1 on, which raises Invalid."""

    def read(name: str, text: str) -> int:
        if not (text.isascii() and text.isdigit()) or len(text) > 10 or not 1 <= int(text) <= most:
            raise wrong(name, f"{text[:80]!r} is not a whole number from 1 to {most}")
        return int(text)

    return read


def number_given(name: str, text: str) -> Decimal:
    """Return a number that a quantity can have. Raises Invalid."""
    try:
        exact = quantity_of(Decimal(text))
    except InvalidOperation:
        exact = None
    if exact is None:
        raise wrong(name, f"{text[:80]!r} is not a number that a quantity can have")
    return exact
