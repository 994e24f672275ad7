"""Numbers that people and machines write, taken exactly: thousandths of a unit, millionths of money; never rounded.

The one reader for every door. Digits are ASCII: what else Python takes for a number, such as `1_000`, digits of other
scripts, `NaN` or `Infinity`, is refused. Nothing here computes with more digits than were written.
"""

import re
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, InvalidOperation
from typing import Literal

# As JSON carries one: a number, or its digits as text.
Number = int | float | str
Written = Number | Decimal
Fault = Literal["wrong_type", "not_finite", "too_large", "too_precise"]

MILLI_PLACES, MICRO_PLACES = 3, 6
# What a signed column of 64 bits holds.
INT64_MAX = 2**63 - 1
# Arithmetic in it is exact, for it never rounds; only cheap operations are asked of it.
EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
SHOWN_MAX = 40
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[+-]?(?:s?nan[0-9]*|inf|infinity)", re.IGNORECASE)


class NotExact(ValueError):
    """A number that cannot be kept exactly; str() ends a sentence that begins with the field's name."""

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.fault: Fault = fault


def decimal_of(value: Written) -> Decimal:
    """Return what was written, exactly: a float by its shortest text. Raises NotExact."""
    is_exact = isinstance(value, int | Decimal)
    number = Decimal(value) if is_exact else _of_text(str(value).strip(" \t\r\n"))
    if not number.is_finite():
        raise NotExact("not_finite", f"is {number}, not a number.")
    return number


def _of_text(text: str) -> Decimal:
    if _NOT_FINITE.fullmatch(text):
        raise NotExact("not_finite", f"is {text}, not a number.")
    if _NUMBER.fullmatch(text) is None:
        raise NotExact(
            "wrong_type", f"is not a number: {shown(text)!r}; write digits such as 12 or 12.5."
        )
    try:
        return Decimal(text)
    except InvalidOperation:
        # its exponent alone has more digits than any number of this world
        raise NotExact("too_large", f"{shown(text)} is out of range.") from None


def scaled_exactly(value: Written, places: int, limit: int) -> int:
    """Return value * 10**places. Raises NotExact for what is no number, beyond ±limit or has more decimals."""
    number = decimal_of(value)
    # a comparison never rounds, whatever the exponent
    if not -limit <= number <= limit:
        raise NotExact("too_large", f"{shown(str(number))} is larger than {limit}.")
    moved = number.scaleb(places, EXACT)
    whole = moved.to_integral_value()
    if whole != moved:
        raise NotExact(
            "too_precise", f"has more than {places} decimals: {shown(str(value))}; round it."
        )
    return int(whole)


def in_full(value: float, places: int = MILLI_PLACES, *, grouped: bool = True) -> str:
    """Write a number with all the digits that it has, up to so many decimals: never `1.23e+06`, and no ending zeros.

    grouped: thousands apart, as people read them; a file for machines has none.
    """
    text = f"{value:{',' if grouped else ''}.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def as_typed(value: float) -> str:
    """Write a number with the digits that tell it from any other: 1.0000001, never 1 or 1e-07."""
    return f"{Decimal(repr(float(value))):f}"


def shown(text: str) -> str:
    """Return a text as a message quotes it: its beginning, if it is long."""
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"
