"""What the identifiers of EPCIS name: URNs and digital links, read alike."""

from functools import lru_cache

from ingest.epcis.identifiers.digital_link import parse_digital_link
from ingest.epcis.identifiers.epc_urn import parse_epc
from ingest.epcis.identifiers.identifier import Identifier


@lru_cache(maxsize=65_536)
def identify(uri: str) -> Identifier | None:
    """Read an EPC, an EPC class or a place; None for what is no identifier of GS1."""
    return parse_epc(uri) if uri.startswith("urn:") else parse_digital_link(uri)


def canonical(uri: str) -> str:
    """One spelling for each identifier: the canonical digital link, or what is none of GS1's as it is."""
    found = identify(uri)
    return found.uri if found is not None else uri
