"""EPC URNs to GS1 identifiers: urn:epc:id, urn:epc:class and urn:epc:idpat of one class."""

import re
from urllib.parse import unquote

from ingest.epcis.identifiers import schemes as gs1
from ingest.epcis.identifiers.identifier import Identifier, check_digit

URN = re.compile(r"urn:epc:(id|class|idpat):([a-z]+):(.+)")
# The number of a piece and how many there are, in two digits each.
_PIECE = re.compile(r"\d{4}", re.ASCII)


def parse_epc(uri: str) -> Identifier | None:
    """Read an EPC URN that names a GS1 key or a class; None if it names neither.

    A pattern such as urn:epc:idpat:sgtin:4012345.098765.* names its class.
    """
    found = URN.fullmatch(uri)
    if found is None:
        return None
    form, name, body = found.groups()
    company, *rest = body.split(".")
    scheme = gs1.SCHEMES.get(name)
    if scheme is None or not rest or not is_company(company):
        return None
    if (form == "class") != (name == "lgtin"):
        return None
    if form == "idpat":
        if rest[-1] != "*" or not scheme.has_class:
            return None
        rest[-1] = ""
    if form != "class" and "*" in rest:
        return None
    if scheme.digits is None:
        return _of_letters(scheme, company, rest)
    return _of_digits(scheme, company, rest)


def is_company(text: str) -> bool:
    """Return True if a text can be a company prefix."""
    return _digits(text) and len(text) in gs1.COMPANY_DIGITS


def _of_letters(scheme: gs1.Scheme, company: str, rest: list[str]) -> Identifier | None:
    if scheme.qualifier is None:
        text = _joined(rest)
        return Identifier(scheme.key, company + text) if text else None
    if len(rest) != 2 or not rest[0]:
        return None
    return _qualified(scheme, company + unquote(rest[0]), rest[1])


def _of_digits(scheme: gs1.Scheme, company: str, rest: list[str]) -> Identifier | None:
    reference, *more = rest
    if len(more) < scheme.parts - 2 or (more and not scheme.has_class):
        return None
    # an empty reference fits a company prefix that fills the key
    if len(company) + len(reference) != scheme.digits or not _digits(company + reference):
        return None
    first = 1 if scheme.leads else 0
    digits = reference[:first] + company + reference[first:]
    value = scheme.zero + digits + check_digit(digits)
    if scheme.key == gs1.PIECE_KEY:
        if not (len(more[0]) == len(more[1]) == 2 and _PIECE.fullmatch(more[0] + more[1])):
            return None
        value += more.pop(0) + more.pop(0)
    tail = _joined(more)
    return (
        _qualified(scheme, value, tail)
        if scheme.qualifier
        else Identifier(scheme.key, value + tail)
    )


def _qualified(scheme: gs1.Scheme, value: str, text: str) -> Identifier:
    if not text or (scheme.qualifier == gs1.EXTENSION and text == "0"):
        return Identifier(scheme.key, value)
    lot = text if scheme.qualifier == gs1.LOT else None
    return Identifier(scheme.key, value, scheme.qualifier, text, lot=lot)


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _joined(parts: list[str]) -> str:
    # a serial number may hold dots of its own
    return unquote(".".join(parts))
