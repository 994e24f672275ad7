"""EPC URNs to GS1 identifiers: urn:epc:id, urn:epc:class and urn:epc:idpat of one class."""

import re
from urllib.parse import unquote

from ingest.epcis.identifiers.check_digit import check_digit
from ingest.epcis.identifiers.identifier import (
    CONTROLLED_SERIAL,
    EXTENSION,
    LOT,
    PART_SERIAL,
    SERIAL,
    Identifier,
)

URN = re.compile(r"urn:epc:(id|class|idpat):([a-z]+):(.+)")
# Digits of company prefix and reference together, without check digit.
GTIN_DIGITS, GLN_DIGITS, SSCC_DIGITS, GSIN_DIGITS = 13, 12, 17, 16
COMPANY_DIGITS = range(6, 13)


def parse_epc(uri: str) -> Identifier | None:
    """Read an EPC URN that names a GS1 key or a class; None for what is none.

    A pattern such as urn:epc:idpat:sgtin:4012345.098765.* names its class.
    """
    found = URN.fullmatch(uri)
    if found is None:
        return None
    form, scheme, body = found.groups()
    parts = body.split(".")
    company, rest = parts[0], parts[1:]
    if not rest or not _digits(company) or len(company) not in COMPANY_DIGITS:
        return None
    if form == "class":
        return _trade_item(company, rest, LOT) if scheme == "lgtin" else None
    if form == "idpat":
        if rest[-1] != "*" or "*" in rest[:-1] or scheme not in SERIALISED:
            return None
        return _read(scheme, company, [*rest[:-1], ""])
    return None if "*" in rest else _read(scheme, company, rest)


SERIALISED = {"sgtin", "grai", "gdti", "sgcn", "cpi", "itip", "upui", "sgln"}


def _read(scheme: str, company: str, rest: list[str]) -> Identifier | None:
    if scheme in ("sgtin", "upui"):
        return _trade_item(company, rest, SERIAL if scheme == "sgtin" else CONTROLLED_SERIAL)
    if scheme == "itip":
        return _piece(company, rest)
    if scheme in NUMBERED:
        key, length = NUMBERED[scheme]
        return _whole(key, company, rest, length)
    if scheme in ATTACHED:
        return _attached(ATTACHED[scheme], company, rest)
    if scheme == "sgln":
        return _place(company, rest)
    if scheme in ("giai", "ginc"):
        text = _joined(rest)
        return Identifier("8004" if scheme == "giai" else "401", company + text) if text else None
    return _part(company, rest) if scheme == "cpi" else None


# Keys that are digits and nothing else, and keys with a serial number attached.
NUMBERED = {
    "sscc": ("00", SSCC_DIGITS),
    "gsrn": ("8018", SSCC_DIGITS),
    "gsrnp": ("8017", SSCC_DIGITS),
    "gsin": ("402", GSIN_DIGITS),
    "pgln": ("417", GLN_DIGITS),
}
ATTACHED = {"grai": "8003", "gdti": "253", "sgcn": "255"}


def _trade_item(company: str, rest: list[str], qualifier: str) -> Identifier | None:
    item, value = rest[0], _joined(rest[1:])
    if len(rest) < 2 or not _fits(company, item, GTIN_DIGITS):
        return None
    gtin = _gtin(company, item)
    if not value:
        return Identifier("01", gtin)
    return Identifier("01", gtin, qualifier, value, lot=value if qualifier == LOT else None)


def _piece(company: str, rest: list[str]) -> Identifier | None:
    if len(rest) < 4 or not _fits(company, rest[0], GTIN_DIGITS):
        return None
    piece, total, serial = rest[1], rest[2], _joined(rest[3:])
    if not (_digits(piece) and _digits(total) and len(piece) == len(total) == 2):
        return None
    value = _gtin(company, rest[0]) + piece + total
    return Identifier("8006", value, SERIAL if serial else None, serial or None)


def _whole(key: str, company: str, rest: list[str], length: int) -> Identifier | None:
    if len(rest) != 1 or not _fits(company, rest[0], length):
        return None
    # only the SSCC's reference begins with a digit that goes before the company prefix
    digits = rest[0][:1] + company + rest[0][1:] if key == "00" else company + rest[0]
    return Identifier(key, digits + check_digit(digits))


def _place(company: str, rest: list[str]) -> Identifier | None:
    if len(rest) < 2 or not _fits(company, rest[0], GLN_DIGITS):
        return None
    digits, extension = company + rest[0], _joined(rest[1:])
    gln = digits + check_digit(digits)
    if extension in ("0", ""):
        return Identifier("414", gln)
    return Identifier("414", gln, EXTENSION, extension)


def _attached(key: str, company: str, rest: list[str]) -> Identifier | None:
    if len(rest) < 2 or not _fits(company, rest[0], GLN_DIGITS):
        return None
    digits = company + rest[0]
    zero = "0" if key == "8003" else ""
    return Identifier(key, zero + digits + check_digit(digits) + _joined(rest[1:]))


def _part(company: str, rest: list[str]) -> Identifier | None:
    if len(rest) != 2 or not rest[0]:
        return None
    part, serial = unquote(rest[0]), rest[1]
    return Identifier("8010", company + part, PART_SERIAL if serial else None, serial or None)


def _gtin(company: str, item: str) -> str:
    digits = item[:1] + company + item[1:]
    return digits + check_digit(digits)


def _fits(company: str, reference: str, length: int) -> bool:
    """An empty reference fits a company prefix that fills the key."""
    return len(company) + len(reference) == length and (reference == "" or _digits(reference))


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _joined(parts: list[str]) -> str:
    # a serial number may hold dots of its own
    return unquote(".".join(parts))
