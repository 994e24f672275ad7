"""The @context of JSON-LD, as far as EPCIS needs it: prefixes. Nothing is ever fetched."""

from collections.abc import Mapping, Sequence
from typing import Any

from ingest.epcis.model.values import is_uri

STANDARD = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
# What the standard's own context defines.
STANDARD_PREFIXES = {
    "cbv": "https://ref.gs1.org/cbv/",
    "epcis": "https://ref.gs1.org/epcis/",
    "gs1": "https://ref.gs1.org/voc/",
    "cbvmda": "urn:epcglobal:cbv:mda",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dcterms": "http://purl.org/dc/terms/",
}


def read_context(context: Any) -> list[Any]:
    """Bring a @context into the form of a list. Raises ValueError that says what it should be."""
    items = context if isinstance(context, list) else [context]
    for item in items:
        if not isinstance(item, dict) and not (isinstance(item, str) and is_uri(item)):
            raise ValueError("@context holds neither a URI nor an object of prefixes")
    if len({_key(item) for item in items}) != len(items):
        raise ValueError("@context names something twice")
    return list(items)


def _key(item: Any) -> str:
    return item if isinstance(item, str) else repr(sorted(item.items(), key=lambda pair: pair[0]))


def own_parts(context: Sequence[Any]) -> list[Any]:
    """Return what a context says beyond the standard's own."""
    return [item for item in context if isinstance(item, dict) or "epcis-context" not in item]


def _definitions(context: Sequence[Any]) -> list[tuple[str, Any]]:
    return [pair for item in context if isinstance(item, dict) for pair in item.items()]


def prefixes_of(context: Sequence[Any]) -> dict[str, str]:
    """Return the prefixes that a context defines, with those of the standard; the last definition counts."""
    prefixes = dict(STANDARD_PREFIXES)
    for name, value in _definitions(context):
        target = value.get("@id") if isinstance(value, dict) else value
        if isinstance(target, str):
            prefixes[name] = target
    return prefixes


def merge(contexts: Sequence[Sequence[Any]]) -> tuple[list[Any], list[bool]]:
    """Make one context for several events; says for each event whether it is covered by it.

    An event that means something else by the same prefix is not, and has to carry its own context.
    """
    merged: dict[str, Any] = {}
    addresses: dict[str, None] = {}
    covered = []
    for context in contexts:
        own = dict(_definitions(context))
        fits = all(merged.get(name, value) == value for name, value in own.items())
        covered.append(fits)
        if fits:
            merged |= own
            addresses |= dict.fromkeys(item for item in context if isinstance(item, str))
    return [STANDARD, *addresses, *([merged] if merged else [])], covered


def expand_name(name: str, prefixes: Mapping[str, str]) -> str:
    """Write a property's name as {namespace}local; what has no known namespace stays as it is."""
    prefix, separator, local = name.partition(":")
    if separator and prefix in prefixes and not local.startswith("//"):
        return f"{{{prefixes[prefix]}}}{local}"
    if name.startswith(("http://", "https://")):
        cut = max(name.rfind("/"), name.rfind("#")) + 1
        return f"{{{name[:cut]}}}{name[cut:]}"
    return name


def expand_value(value: str, prefixes: Mapping[str, str]) -> str:
    """Write a compact address in full; anything else stays as it is."""
    prefix, separator, local = value.partition(":")
    if separator and prefix in prefixes and not local.startswith("//"):
        return prefixes[prefix] + local
    return value
