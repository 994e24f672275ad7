"""One identifier of GS1: a key, what qualifies it, and its canonical GS1 Digital Link."""

import re
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from ingest.epcis.identifiers import schemes as gs1

CANONICAL_HOST = "https://id.gs1.org"
# What a value in a digital link carries unescaped, beside letters, digits and -._~
UNESCAPED = "';="
# How many digits of a key its check digit ends.
CHECKED = {scheme.key: scheme.checked_digits for scheme in gs1.SCHEMES.values()}


@dataclass(frozen=True)
class Identifier:
    """A GS1 key by its application identifier, with check digit; a GTIN has 14 digits.

    qualifier, value: the finest one that applies: serial before lot. lot: kept also beside a serial.
    """

    key: str
    value: str
    qualifier: str | None = None
    qualifying: str | None = None
    lot: str | None = None

    @cached_property
    def uri(self) -> str:
        """Return the constrained canonical digital link: its own host, no query, the finest qualifier alone."""
        base = f"{CANONICAL_HOST}/{self.key}/{_escaped(self.value)}"
        if self.qualifier is None or self.qualifying is None:
            return base
        return f"{base}/{self.qualifier}/{_escaped(self.qualifying)}"

    @property
    def gtin(self) -> str | None:
        """Return the GTIN in 14 digits, of a trade item or of a piece of one."""
        return self.value[:14] if self.key in (gs1.GTIN_KEY, gs1.PIECE_KEY) else None

    @property
    def serial(self) -> str | None:
        """Return the serial number of one instance of a trade item."""
        return self.qualifying if self.qualifier in (gs1.SERIAL, gs1.CONTROLLED_SERIAL) else None

    @property
    def gln(self) -> str | None:
        """Return the global location number, of a place or a party."""
        return self.value if self.key in (gs1.GLN_KEY, gs1.PARTY_KEY) else None

    @property
    def is_valid(self) -> bool:
        """Return True if the check digit is right; keys without one always are."""
        digits = CHECKED.get(self.key)
        return digits is None or is_right(self.value[:digits])


def check_digit(digits: str) -> str:
    """Return the check digit of a GS1 key's other digits: weights 3, 1, 3 … from the right, to the next ten."""
    total = sum(int(digit) * (3, 1)[index % 2] for index, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def is_right(key: str) -> bool:
    """Return True if the last digit of a key is the check digit of those before it."""
    return check_digit(key[:-1]) == key[-1]


# How the value of each key must look.
KEY_SHAPES = {scheme.key: scheme.shape for scheme in gs1.SCHEMES.values()}
KEY_SHAPES[gs1.GTIN_KEY] = r"\d{8}|\d{12,14}"


def is_key(key: str, value: str) -> bool:
    """Return True if a value has the form of a key."""
    shape = KEY_SHAPES.get(key)
    return shape is not None and re.fullmatch(shape, value, re.ASCII) is not None


def _escaped(text: str) -> str:
    return quote(text, safe=UNESCAPED)
