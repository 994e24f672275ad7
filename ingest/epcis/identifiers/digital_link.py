"""GS1 Digital Link URIs of any host to GS1 identifiers."""

from urllib.parse import unquote

from ingest.epcis.identifiers.identifier import (
    CANONICAL_HOST,
    CONTROLLED_SERIAL,
    EXTENSION,
    LOT,
    PART_SERIAL,
    SERIAL,
    Identifier,
    is_key,
)

# Words that stood for application identifiers in the first release of the standard.
WORDS = {
    "gtin": "01",
    "itip": "8006",
    "cpid": "8010",
    "gln": "414",
    "party": "417",
    "gsrnp": "8017",
    "gsrn": "8018",
    "gcn": "255",
    "sscc": "00",
    "gdti": "253",
    "ginc": "401",
    "gsin": "402",
    "grai": "8003",
    "giai": "8004",
    "cpv": "22",
    "lot": "10",
    "ser": "21",
}
# Which qualifiers count for a key, the finest first.
QUALIFIERS = {
    "01": (SERIAL, CONTROLLED_SERIAL, LOT),
    "8006": (SERIAL, LOT),
    "414": (EXTENSION,),
    "8010": (PART_SERIAL,),
}


def parse_digital_link(uri: str) -> Identifier | None:
    """Read a GS1 Digital Link: http(s), any host and any path before the key; None for what is none.

    Behind a path of the host's own a key has to have its check digit: …/2024/01/20240115 is a date, no GTIN.
    """
    scheme, separator, rest = uri.partition("://")
    if separator == "" or scheme.lower() not in ("http", "https"):
        return None
    path = rest.partition("#")[0].partition("?")[0].rstrip("/")
    segments = [unquote(part) for part in path.split("/")[1:]]
    canonical_host = f"https://{path.partition('/')[0].lower()}" == CANONICAL_HOST
    # the key may stand behind a path of the host's own; what follows it are pairs
    for place in range(len(segments) - 1):
        key = WORDS.get(segments[place], segments[place])
        if is_key(key, segments[place + 1]):
            found = _qualified(key, segments[place + 1], segments[place + 2 :])
            if place == 0 or canonical_host or found.is_valid:
                return found
    return None


def _qualified(key: str, value: str, pairs: list[str]) -> Identifier:
    given = {
        WORDS.get(name, name): text
        for name, text in zip(pairs[::2], pairs[1::2], strict=False)
        if text
    }
    if key == "01":
        value = value.zfill(14)
    lot = given.get(LOT)
    for qualifier in QUALIFIERS.get(key, ()):
        if qualifier in given:
            return Identifier(key, value, qualifier, given[qualifier], lot=lot)
    return Identifier(key, value)
