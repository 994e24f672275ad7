"""What the identifiers of EPCIS name: URNs and GS1 Digital Link URIs of any host, read alike."""

from functools import lru_cache
from urllib.parse import unquote

from ingest.epcis.identifiers import schemes as gs1
from ingest.epcis.identifiers.epc_urn import parse_epc
from ingest.epcis.identifiers.identifier import CANONICAL_HOST, Identifier, is_key

# Words that stood for application identifiers in the first release of the standard.
WORDS = {
    "gtin": "01", "itip": "8006", "cpid": "8010", "gln": "414", "party": "417", "gsrnp": "8017", "gsrn": "8018",
    "gcn": "255", "sscc": "00", "gdti": "253", "ginc": "401", "gsin": "402", "grai": "8003", "giai": "8004",
    "cpv": "22", "lot": "10", "ser": "21",
}  # fmt: skip
# Which qualifiers count for a key, the finest first.
QUALIFIERS = {
    "01": (gs1.SERIAL, gs1.CONTROLLED_SERIAL, gs1.LOT),
    "8006": (gs1.SERIAL, gs1.LOT),
    "414": (gs1.EXTENSION,),
    "8010": (gs1.PART_SERIAL,),
}


@lru_cache(maxsize=65_536)
def identify(uri: str) -> Identifier | None:
    """Read an EPC, an EPC class or a place; None if it is no identifier of GS1."""
    return parse_epc(uri) if uri.startswith("urn:") else parse_digital_link(uri)


def canonical(uri: str) -> str:
    """Return one spelling for each identifier: the canonical digital link, or unchanged what is not of GS1."""
    found = identify(uri)
    return found.uri if found is not None else uri


def key_of(uri: str) -> str | None:
    """Return which GS1 key an address is, by its application identifier; None if it is not one."""
    found = identify(uri)
    return found.key if found is not None else None


def gln_of(uri: str) -> str | None:
    """Return the global location number that an address has; None if it has none."""
    found = identify(uri)
    return found.gln if found is not None else None


def parse_digital_link(uri: str) -> Identifier | None:
    """Read a GS1 Digital Link: http(s), any host and any path before the key; None if it is not one.

    Behind a path of the host's own a key has to have its check digit: …/2024/01/20240115 is a date, no GTIN.
    """
    scheme, separator, rest = uri.partition("://")
    if separator == "" or scheme.lower() not in ("http", "https"):
        return None
    path = rest.partition("#")[0].partition("?")[0].rstrip("/")
    segments = [unquote(part) for part in path.split("/")[1:]]
    canonical_host = f"https://{path.partition('/')[0].lower()}" == CANONICAL_HOST
    # the key may stand behind a path of the host's own; what follows it are pairs
    for index in range(len(segments) - 1):
        key = WORDS.get(segments[index], segments[index])
        if is_key(key, segments[index + 1]):
            found = _qualified(key, segments[index + 1], segments[index + 2 :])
            if index == 0 or canonical_host or found.is_valid:
                return found
    return None


def _qualified(key: str, value: str, pairs: list[str]) -> Identifier:
    named = zip(pairs[::2], pairs[1::2], strict=False)
    given = {WORDS.get(name, name): text for name, text in named if text}
    if key == gs1.GTIN_KEY:
        value = value.zfill(14)
    for qualifier in QUALIFIERS.get(key, ()):
        if qualifier in given:
            return Identifier(key, value, qualifier, given[qualifier], lot=given.get(gs1.LOT))
    return Identifier(key, value)
