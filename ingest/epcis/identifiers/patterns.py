"""Patterns of EPCs: what an identifier answers to in a query, and what a query asks for."""

import re

from ingest.epcis.identifiers.epc import identify
from ingest.epcis.identifiers.epc_urn import COMPANY_DIGITS, URN
from ingest.epcis.identifiers.identifier import (
    CONTROLLED_SERIAL,
    EXTENSION,
    GTIN_KEY,
    LOT,
    PART_SERIAL,
    SERIAL,
    Identifier,
)

IDPAT = "urn:epc:idpat:"
# The parts of each scheme's URN, company prefix first.
PARTS = {
    "sgtin": 3, "lgtin": 3, "upui": 3, "itip": 5, "sgln": 3, "pgln": 2, "sscc": 2, "grai": 3, "giai": 2, "gdti": 3,
    "sgcn": 3, "ginc": 2, "gsin": 2, "gsrn": 2, "gsrnp": 2, "cpi": 3,
}  # fmt: skip
# The scheme of a key; a GTIN's depends on what qualifies it.
SCHEMES = {
    "00": "sscc", "8006": "itip", "414": "sgln", "417": "pgln", "8003": "grai", "8004": "giai", "253": "gdti",
    "255": "sgcn", "401": "ginc", "402": "gsin", "8018": "gsrn", "8017": "gsrnp", "8010": "cpi",
}  # fmt: skip
TRADE_ITEMS = {LOT: "lgtin", CONTROLLED_SERIAL: "upui"}
# Schemes whose last part tells one of a class: what qualifies the class, and of keys that end in a serial number how
# many digits the class has.
QUALIFIERS = {
    "sgtin": SERIAL, "lgtin": LOT, "upui": CONTROLLED_SERIAL, "itip": SERIAL, "sgln": EXTENSION, "cpi": PART_SERIAL,
}  # fmt: skip
ATTACHED = {"grai": 14, "gdti": 13, "sgcn": 13}
# Keys in which a digit stands before the company prefix.
LED_BY_A_DIGIT = {GTIN_KEY, "8006", "00", "8003"}
_DIGITS = re.compile(r"\d*", re.ASCII)


def match_keys(uri: str) -> list[str]:
    """What an identifier answers to in a query: itself, and the patterns of its class, company and scheme.

    Where a company prefix ends, a digital link does not tell: then every length of one is answered to. That is no
    guess, for no company's prefix begins with that of another.
    """
    found = identify(uri)
    if found is None:
        return [uri]
    scheme = _scheme_of(found)
    keys = [
        found.uri,
        _pattern(scheme, "*"),
        *(_pattern(scheme, c) for c in _companies(uri, found)),
    ]
    class_key = _class_key(scheme, found)
    return keys if class_key is None else [*keys, class_key]


def _scheme_of(found: Identifier) -> str:
    if found.key == GTIN_KEY:
        return TRADE_ITEMS.get(found.qualifier or "", "sgtin")
    return SCHEMES[found.key]


def _pattern(scheme: str, company: str) -> str:
    return f"{IDPAT}{scheme}:{company}{'.*' * (PARTS[scheme] - 1)}"


def _companies(uri: str, found: Identifier) -> list[str]:
    urn = URN.fullmatch(uri)
    if urn is not None:
        return [urn[3].partition(".")[0]]
    start = 1 if found.key in LED_BY_A_DIGIT else 0
    digits = found.value[start:]
    known = _DIGITS.match(digits)
    most = len(known[0]) if known else 0
    return [digits[:length] for length in COMPANY_DIGITS if length <= most]


def _class_key(scheme: str, found: Identifier) -> str | None:
    """The class with anything behind it; None for what has none, and for a class itself."""
    if scheme in ATTACHED:
        return f"{Identifier(found.key, found.value[: ATTACHED[scheme]]).uri}/*"
    if scheme not in QUALIFIERS or (found.qualifier is None and scheme != "sgln"):
        return None
    return f"{Identifier(found.key, found.value).uri}/{QUALIFIERS[scheme]}/*"


def query_key(uri: str, *, instances: bool) -> str:
    """Turn what a MATCH_ parameter names into the key that `match_keys` gave.

    instances: whether the parameter asks for single things; then a class stands for all of its instances. Raises
    ValueError for a pattern that cannot be answered.
    """
    if uri.startswith(IDPAT):
        return _pattern_key(uri, instances=instances)
    found = identify(uri)
    if found is None:
        return uri
    if instances and found.key == GTIN_KEY and found.qualifier is None:
        return f"{found.uri}/{SERIAL}/*"
    return found.uri


def _pattern_key(uri: str, *, instances: bool) -> str:
    scheme, _, body = uri.removeprefix(IDPAT).partition(":")
    parts = body.split(".")
    if "*" not in uri:
        return query_key(
            f"urn:epc:{'class' if scheme == 'lgtin' else 'id'}:{scheme}:{body}", instances=instances
        )
    key = None
    if scheme in PARTS and len(parts) == PARTS[scheme]:
        whole = set(parts[1:]) == {"*"} and (parts[0] == "*" or _is_company(parts[0]))
        key = uri if whole else _class_pattern_key(scheme, parts, instances=instances)
    if key is None:
        raise ValueError(
            f"{uri[:200]!r} is no pattern that can be answered: * stands for the serial number or lot, for all behind "
            "the company prefix, or for everything"
        )
    return key


def _class_pattern_key(scheme: str, parts: list[str], *, instances: bool) -> str | None:
    """All of one class; or the class itself, which the standard writes with * as serial number."""
    if parts.index("*") != len(parts) - 1 or not (scheme in QUALIFIERS or scheme in ATTACHED):
        return None
    if instances or scheme == "lgtin":
        form = "class" if scheme == "lgtin" else "id"
        one = identify(f"urn:epc:{form}:{scheme}:{'.'.join([*parts[:-1], '1'])}")
        return None if one is None else _class_key(scheme, one)
    found = identify(f"{IDPAT}{scheme}:{'.'.join(parts)}")
    return None if found is None else found.uri


def _is_company(text: str) -> bool:
    return _DIGITS.fullmatch(text) is not None and len(text) in COMPANY_DIGITS
