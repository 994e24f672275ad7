"""One identifier of GS1: a key, what qualifies it, and its canonical GS1 Digital Link."""

import re
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from ingest.epcis.identifiers.check_digit import is_right

CANONICAL_HOST = "https://id.gs1.org"
# What a value in a digital link carries unescaped, beside letters, digits and -._~
UNESCAPED = "';="
GTIN_KEY, SSCC_KEY, GLN_KEY, PARTY_KEY = "01", "00", "414", "417"
LOT, SERIAL, CONTROLLED_SERIAL, EXTENSION, PART_SERIAL = "10", "21", "235", "254", "8011"


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
        """The constrained canonical digital link: its own host, no query, the finest qualifier alone."""
        base = f"{CANONICAL_HOST}/{self.key}/{_escaped(self.value)}"
        if self.qualifier is None or self.qualifying is None:
            return base
        return f"{base}/{self.qualifier}/{_escaped(self.qualifying)}"

    @property
    def gtin(self) -> str | None:
        """The GTIN in 14 digits, of a trade item or of a piece of one."""
        if self.key == GTIN_KEY:
            return self.value
        return self.value[:14] if self.key == "8006" else None

    @property
    def serial(self) -> str | None:
        """The serial number of one instance of a trade item."""
        return self.qualifying if self.qualifier in (SERIAL, CONTROLLED_SERIAL) else None

    @property
    def gln(self) -> str | None:
        """The global location number, of a place or a party."""
        return self.value if self.key in (GLN_KEY, PARTY_KEY) else None

    @property
    def is_valid(self) -> bool:
        """Tell whether the check digit is right; keys without one always are."""
        digits = CHECKED.get(self.key)
        return digits is None or is_right(self.value[:digits])


# How many digits of a key its check digit ends.
CHECKED = {
    GTIN_KEY: 14, "8006": 14, SSCC_KEY: 18, GLN_KEY: 13, PARTY_KEY: 13, "402": 17, "8017": 18, "8018": 18, "8003": 14,
    "253": 13, "255": 13,
}  # fmt: skip
# How the value of each key must look; alphanumeric ones start with a company prefix.
KEY_SHAPES = {
    "00": r"\d{18}",
    "01": r"\d{8}|\d{12,14}",
    "253": r"\d{13}.{0,17}",
    "255": r"\d{13}\d{0,12}",
    "401": r"\d{4}.{0,26}",
    "402": r"\d{17}",
    "414": r"\d{13}",
    "417": r"\d{13}",
    "8003": r"\d{14}.{0,16}",
    "8004": r"\d{4}.{0,26}",
    "8006": r"\d{18}",
    "8010": r"\d{4}.{0,26}",
    "8017": r"\d{18}",
    "8018": r"\d{18}",
}
_SHAPES = {key: re.compile(shape, re.ASCII) for key, shape in KEY_SHAPES.items()}


def is_key(key: str, value: str) -> bool:
    """Tell whether a value has the form of a key."""
    shape = _SHAPES.get(key)
    return shape is not None and shape.fullmatch(value) is not None


def _escaped(text: str) -> str:
    return quote(text, safe=UNESCAPED)
