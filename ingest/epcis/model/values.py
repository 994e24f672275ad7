"""The plain values of EPCIS: addresses, instants, offsets, numbers; and the words of a vocabulary."""

import re
from datetime import UTC, datetime
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Annotated

import msgspec

from ingest.epcis.model.vocabulary import Vocabulary

# RFC 3986 without its finer rules for the host; letters of any script are allowed, as JSON-LD's addresses have them.
_CHARACTER = r"(?:[A-Za-z0-9\-._~:/?@!$&'()*+,;=]|%[0-9A-Fa-f]{2}|[^\x00-\x9f\s\ud800-\udfff\ufdd0-\ufdef\uffff])"
_HOST_IN_BRACKETS = r"(?://(?:[^/\s\[\]]*@)?\[[0-9A-Fa-f:.vV]+\](?=[:/?#]|\Z))?"
URI = rf"^[A-Za-z][A-Za-z0-9+.\-]*:{_HOST_IN_BRACKETS}{_CHARACTER}*(?:#{_CHARACTER}*)?\Z"
INSTANT = r"^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:(?:[0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})\Z"
OFFSET = r"^[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)\Z"
UNIT = r"^[A-Z0-9]{2,3}\Z"
HEX = r"^[A-Fa-f0-9]+\Z"
VERSION = r"^[0-9]+(?:\.[0-9]+)*\Z"

Uri = Annotated[str, msgspec.Meta(pattern=URI)]
Instant = Annotated[str, msgspec.Meta(pattern=INSTANT)]
Offset = Annotated[str, msgspec.Meta(pattern=OFFSET)]
Unit = Annotated[str, msgspec.Meta(pattern=UNIT)]
Hex = Annotated[str, msgspec.Meta(pattern=HEX)]
Version = Annotated[str, msgspec.Meta(pattern=VERSION)]
Number = int | Decimal

# For people: what a value that does not fit its pattern should have been.
DESCRIPTIONS = {
    URI: "a URI such as urn:epc:id:sgtin:… or https://…",
    INSTANT: "a date and time with zone, such as 2026-03-01T10:15:00.000+01:00",
    OFFSET: "an offset from -14:00 to +14:00, such as +01:00",
    UNIT: "a unit code of UN/ECE Recommendation 20, such as KGM",
    HEX: "hexadecimal digits",
    VERSION: "a version such as 2.0",
}
_URI = re.compile(URI)
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
# What a quantity can be: larger or finer ones are mistakes, and arithmetic on them would not be exact.
QUANTITY_DIGITS, QUANTITY_DECIMALS = 15, 9


def is_uri(text: str) -> bool:
    """Return True if a text is an address: it has a scheme, and no character that needs escaping."""
    return _URI.match(text) is not None


def instant_of(text: str) -> datetime:
    """Read a checked instant as UTC; a leap second counts as the second before it. Raises ValueError."""
    if text[17:19] == "60":
        text = f"{text[:17]}59{text[19:]}"
    try:
        return msgspec.convert(text, datetime).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        raise ValueError(f"{text} is no instant of the calendar") from None


def plain(number: Decimal) -> Decimal:
    """Return a number without trailing zeros, exactly: no other arithmetic is, which would round."""
    return number.normalize(_EXACT)


def quantity_of(number: Number) -> Decimal | None:
    """Return a number that a quantity can be, exactly; None if it is too large or too fine to be one."""
    exact = Decimal(number)
    # first, for a signalling NaN cannot even be compared
    if not exact.is_finite():
        return None
    if exact == 0:
        return Decimal(0)
    if exact.adjusted() >= QUANTITY_DIGITS:
        return None
    # zeros behind the point do not make a number finer
    exponent = plain(exact).as_tuple().exponent
    return exact if isinstance(exponent, int) and exponent >= -QUANTITY_DECIMALS else None


def check_instants(**values: str | msgspec.UnsetType) -> None:
    """Refuse instants that no calendar has, such as 30 February. Raises ValueError that names the field."""
    for name, value in values.items():
        if isinstance(value, str):
            try:
                instant_of(value)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None


def check_word(name: str, value: str | msgspec.UnsetType, vocabulary: Vocabulary) -> None:
    """Refuse what is neither a word of the vocabulary nor an address. Raises ValueError that names the field."""
    if isinstance(value, str) and value not in vocabulary.words and not is_uri(value):
        raise ValueError(f"{name}: {vocabulary.suggestion(value)}")
