"""The schemes of EPC URNs: which GS1 key each writes, and what its parts are."""

from collections.abc import Mapping
from dataclasses import dataclass

GTIN_KEY, PIECE_KEY, SSCC_KEY, GLN_KEY, PARTY_KEY = "01", "8006", "00", "414", "417"
LOT, SERIAL, CONTROLLED_SERIAL, EXTENSION, PART_SERIAL = "10", "21", "235", "254", "8011"
COMPANY_DIGITS = range(6, 13)


@dataclass(frozen=True)
class Scheme:
    """One scheme. key, qualifier: application identifiers of the key, and of what the last part tells of it.

    parts: of the URN, company prefix first. digits: of company prefix and reference together, without check digit;
    None for a key of letters, which starts with a company prefix. leads: the reference's first digit goes before the
    company prefix. zero: before all. tail: how the key's value goes on behind its check digit.
    """

    key: str
    parts: int
    digits: int | None = None
    qualifier: str | None = None
    leads: bool = False
    zero: str = ""
    tail: str = ""

    @property
    def has_class(self) -> bool:
        """Return True if the last part tells one of a class."""
        return self.parts > 2

    @property
    def checked_digits(self) -> int | None:
        """Return how many digits of the key its check digit ends; None for a key without one."""
        return None if self.digits is None else len(self.zero) + self.digits + 1

    @property
    def shape(self) -> str:
        """Return the pattern of the key's value."""
        return rf"\d{{{self.checked_digits or 4}}}{self.tail}"


SCHEMES: Mapping[str, Scheme] = {
    "sgtin": Scheme(GTIN_KEY, 3, 13, SERIAL, leads=True),
    "lgtin": Scheme(GTIN_KEY, 3, 13, LOT, leads=True),
    "upui": Scheme(GTIN_KEY, 3, 13, CONTROLLED_SERIAL, leads=True),
    "itip": Scheme(PIECE_KEY, 5, 13, SERIAL, leads=True, tail=r"\d{4}"),
    "sgln": Scheme(GLN_KEY, 3, 12, EXTENSION),
    "pgln": Scheme(PARTY_KEY, 2, 12),
    "sscc": Scheme(SSCC_KEY, 2, 17, leads=True),
    "gsrn": Scheme("8018", 2, 17),
    "gsrnp": Scheme("8017", 2, 17),
    "gsin": Scheme("402", 2, 16),
    "grai": Scheme("8003", 3, 12, zero="0", tail=".{0,16}"),
    "gdti": Scheme("253", 3, 12, tail=".{0,17}"),
    "sgcn": Scheme("255", 3, 12, tail=r"\d{0,12}"),
    "giai": Scheme("8004", 2, tail=".{0,26}"),
    "ginc": Scheme("401", 2, tail=".{0,26}"),
    "cpi": Scheme("8010", 3, qualifier=PART_SERIAL, tail=".{0,26}"),
}
