"""What the identifiers of EPCIS name: URNs and digital links, read alike."""

from functools import lru_cache

from ingest.epcis.digital_link import parse_digital_link
from ingest.epcis.epc_urn import parse_epc
from ingest.epcis.identifier import GTIN_KEY, SERIAL, Identifier


@lru_cache(maxsize=65_536)
def identify(uri: str) -> Identifier | None:
    """Read an EPC, an EPC class or a place; None for what is no identifier of GS1."""
    return parse_epc(uri) if uri.startswith("urn:") else parse_digital_link(uri)


def canonical(uri: str) -> str:
    """One spelling for each identifier: the canonical digital link, or what is none of GS1's as it is."""
    found = identify(uri)
    return found.uri if found is not None else uri


def match_keys(uri: str) -> list[str]:
    """What an instance answers to in a query: itself, and the patterns of its class, company and scheme."""
    found = identify(uri)
    keys = [uri if found is None else found.uri]
    if found is not None and found.key == GTIN_KEY and found.qualifier is not None:
        keys.append(f"{Identifier(GTIN_KEY, found.value).uri}/{found.qualifier}/*")
    for scheme in ("sgtin", "lgtin"):
        form = "id" if scheme == "sgtin" else "class"
        prefix = f"urn:epc:{form}:{scheme}:"
        if uri.startswith(prefix):
            company = uri.removeprefix(prefix).partition(".")[0]
            keys += [f"urn:epc:idpat:{scheme}:{company}.*.*", f"urn:epc:idpat:{scheme}:*.*.*"]
    return keys


def query_key(uri: str, *, instances: bool) -> str:
    """Turn what a MATCH_ parameter names into the key that `match_keys` gave.

    instances: whether the parameter asks for single things; then a class stands for all of its instances.
    """
    scheme, _, body = uri.removeprefix("urn:epc:idpat:").partition(":")
    if uri.startswith("urn:epc:idpat:") and scheme == "lgtin" and not body.startswith("*"):
        company, _, rest = body.partition(".")
        item, _, lot = rest.partition(".")
        if lot == "*" and item != "*":
            found = identify(f"urn:epc:idpat:sgtin:{company}.{item}.*")
            return uri if found is None else f"{found.uri}/10/*"
    found = identify(uri)
    if found is None:
        return uri
    if instances and found.key == GTIN_KEY and found.qualifier is None:
        return f"{found.uri}/{SERIAL}/*"
    return found.uri
