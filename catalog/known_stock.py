"""How much of a stock is known, in words: a number of it is never shown without them."""

from collections.abc import Iterable

UNKNOWN = "– unknown"
BELOW_ZERO = "– book below zero: count it"


def stock_words(*, places: int, known: int, below_zero: int) -> str:
    """Describe what of a sum over places is known; "" where all of it is.

    below_zero: places whose book is less than nothing, since more was sold than ever came.
    """
    if known == places and places:
        return ""
    if not known:
        return BELOW_ZERO if below_zero else UNKNOWN
    said = f"known at {known:,} of {places:,} places"
    return f"{said}, book below zero at {below_zero:,}" if below_zero else said


def sum_of_known(levels: Iterable[float | None]) -> float | None:
    """Add up what is known; None where nothing is."""
    known = [level for level in levels if level is not None]
    return sum(known) if known else None
