"""Patterns of EPCs: what an identifier answers to in a query, and what a query asks for."""

import re

from ingest.epcis.identifiers import schemes as gs1
from ingest.epcis.identifiers.epc import identify
from ingest.epcis.identifiers.epc_urn import URN, is_company
from ingest.epcis.identifiers.identifier import Identifier

IDPAT = "urn:epc:idpat:"
# The scheme of a GTIN depends on what qualifies it, that of another key is its own.
TRADE_ITEMS = {gs1.LOT: "lgtin", gs1.CONTROLLED_SERIAL: "upui"}
BY_KEY = {scheme.key: name for name, scheme in gs1.SCHEMES.items()}
_DIGITS = re.compile(r"\d*", re.ASCII)


def match_keys(uri: str) -> list[str]:
    """Return what an identifier answers to in a query: itself, and the patterns of its class, company and scheme.

    Where a company prefix ends, a digital link does not tell: then every length of one is answered to. That is no
    guess, for no company's prefix begins with that of another.
    """
    found = identify(uri)
    if found is None:
        return [uri]
    name = BY_KEY[found.key]
    if found.key == gs1.GTIN_KEY:
        name = TRADE_ITEMS.get(found.qualifier or "", "sgtin")
    behind = ".*" * (gs1.SCHEMES[name].parts - 1)
    patterns = [f"{IDPAT}{name}:{company}{behind}" for company in ("*", *_companies(uri, found))]
    class_key = _class_key(name, found)
    return [found.uri, *patterns, *([] if class_key is None else [class_key])]


def _companies(uri: str, found: Identifier) -> list[str]:
    urn = URN.fullmatch(uri)
    if urn is not None:
        return [urn[3].partition(".")[0]]
    scheme = gs1.SCHEMES[BY_KEY[found.key]]
    # a digit stands before the company prefix of some keys
    known = _DIGITS.match(found.value, 1 if scheme.leads or scheme.zero else 0)
    digits = known[0] if known else ""
    return [digits[:length] for length in gs1.COMPANY_DIGITS if length <= len(digits)]


def _class_key(name: str, found: Identifier) -> str | None:
    """Return the class with anything behind it; None if it has none, and for a class itself."""
    scheme = gs1.SCHEMES[name]
    if not scheme.has_class:
        return None
    if scheme.qualifier is None:
        return f"{Identifier(found.key, found.value[: scheme.checked_digits]).uri}/*"
    if found.qualifier is None and name != "sgln":
        return None
    return f"{Identifier(found.key, found.value).uri}/{scheme.qualifier}/*"


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
    if instances and found.key == gs1.GTIN_KEY and found.qualifier is None:
        return f"{found.uri}/{gs1.SERIAL}/*"
    return found.uri


def _pattern_key(uri: str, *, instances: bool) -> str:
    name, _, body = uri.removeprefix(IDPAT).partition(":")
    parts = body.split(".")
    if "*" not in uri:
        return query_key(f"urn:epc:{_form(name)}:{name}:{body}", instances=instances)
    key = None
    if name in gs1.SCHEMES and len(parts) == gs1.SCHEMES[name].parts:
        whole = set(parts[1:]) == {"*"} and (parts[0] == "*" or is_company(parts[0]))
        key = uri if whole else _class_pattern_key(name, parts, instances=instances)
    if key is None:
        raise ValueError(
            f"{uri[:200]!r} is no pattern that can be answered: * stands for the serial number or lot, for all behind "
            "the company prefix, or for everything"
        )
    return key


def _class_pattern_key(name: str, parts: list[str], *, instances: bool) -> str | None:
    """Return the key of all of one class; or of the class itself, which the standard writes with * as serial number."""
    if parts.index("*") != len(parts) - 1 or not gs1.SCHEMES[name].has_class:
        return None
    if instances or name == "lgtin":
        one = identify(f"urn:epc:{_form(name)}:{name}:{'.'.join([*parts[:-1], '1'])}")
        return None if one is None else _class_key(name, one)
    found = identify(f"{IDPAT}{name}:{'.'.join(parts)}")
    return None if found is None else found.uri


def _form(name: str) -> str:
    return "class" if name == "lgtin" else "id"
