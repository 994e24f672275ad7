"""Bytes to an EPCIS document: its envelope, and its events one by one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import msgspec

from ingest.epcis.identifiers.epc import canonical
from ingest.epcis.model.context import own_parts, prefixes_of, read_context
from ingest.epcis.model.event_parts import Envelope
from ingest.epcis.model.models import EVENT_TYPES, AnyEvent
from ingest.epcis.model.reading import Refused, convert, decode, missing
from ingest.epcis.model.values import is_uri
from ingest.parsing.events import Fault

# Where each kind of document has its events.
LISTS = {
    "EPCISDocument": "epcisBody.eventList",
    "EPCISQueryDocument": "epcisBody.queryResults.resultsBody.eventList",
}
# Kind and element of master data together are one index entry of Postgres, which has to fit a third of a page.
ENTRY_BYTES_MAX = 2_500
MASTER_DATA = "$.epcisHeader.epcisMasterData"
# What some editors put before UTF-8.
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class EventRead:
    """One event, unchanged. raw: its JSON. own_context: what its @context says beyond the standard's."""

    raw: bytes
    value: dict[str, Any]
    event: AnyEvent
    own_context: list[Any]

    @property
    def prefixes(self) -> dict[str, str]:
        """Return what the prefixes in it stand for."""
        return prefixes_of(self.own_context)


@dataclass(frozen=True)
class Document:
    """A document: envelope without events, and for each event what was read or what is wrong with it.

    raw: all of its bytes; raws: those of each event.
    """

    raw: bytes
    envelope: Envelope
    header: dict[str, Any]
    events: Sequence[EventRead | Fault]
    raws: Sequence[bytes]


def read_document(raw: bytes) -> Document:
    """Read an EPCISDocument; also an EPCISQueryDocument or one bare event, as a document with its events.

    Raises Refused if it is no document. What is wrong with one event stands at its index.
    """
    raw = raw.removeprefix(BOM)
    value = _object(decode(raw), "$")
    kind = value.get("type")
    if not isinstance(kind, str):
        raise missing("$.type", ": EPCISDocument, or a type of event")
    if kind not in LISTS:
        return bare_document(raw)
    is_query = kind == "EPCISQueryDocument"
    _require(value, "@context")
    context = _context(value["@context"], "$")
    _require(value, *(() if is_query else ("schemaVersion", "creationDate")), "epcisBody")
    header = {name: item for name, item in value.items() if name != "epcisBody"}
    told = {name: item for name, item in header.items() if name not in ("type", "@context")}
    envelope = convert(told, Envelope, "$")
    _check_vocabulary(envelope)
    raws, path = _event_list(raw, kind, value)
    events = [
        _event(item, context, f"{path}[{index}]", raw=raws[index])
        for index, item in enumerate(_at(value, path))
    ]
    return Document(raw, envelope, header, events, raws)


def _require(value: dict[str, Any], *names: str) -> None:
    for name in names:
        if name not in value:
            raise missing(f"$.{name}")


def bare_document(raw: bytes) -> Document:
    """Read one event that stands alone, as a document with that event. Raises Refused."""
    read = read_bare_event(raw)
    return Document(read.raw, Envelope(), {}, [read], [read.raw])


def read_bare_event(raw: bytes) -> EventRead:
    """Read one event that carries its own @context. Raises Refused."""
    raw = raw.removeprefix(BOM)
    value = _object(decode(raw), "$")
    if "@context" not in value:
        raise missing("$.@context", ": an event that stands alone carries its context itself")
    read = _event(value, [], "$", raw=raw)
    if isinstance(read, Fault):
        raise Refused(read.reason, read.message, read.field)
    return read


def vocabulary_rows(envelope: Envelope) -> Iterator[dict[str, Any]]:
    """Give a row for each element of the header's vocabularies."""
    header = envelope.epcisHeader
    data = header.epcisMasterData if header else None
    vocabularies = data.vocabularyList if data else None
    for vocabulary in vocabularies or ():
        for element in vocabulary.vocabularyElementList or ():
            yield {
                "vocabulary": vocabulary.type,
                "element": canonical(element.id),
                "attributes": element.attributes or [],
                "children": [canonical(child) for child in element.children or ()],
            }


def _check_vocabulary(envelope: Envelope) -> None:
    """Refuse entries whose names no index can hold."""
    for row in vocabulary_rows(envelope):
        if len(row["vocabulary"].encode()) + len(row["element"].encode()) > ENTRY_BYTES_MAX:
            raise Refused(
                "too_long",
                f"{MASTER_DATA} names an element whose id and type have more than {ENTRY_BYTES_MAX} bytes.",
                MASTER_DATA,
            )


def _event_list(raw: bytes, kind: str, value: dict[str, Any]) -> tuple[list[bytes], str]:
    """Cut the events out unchanged. Returns them with the address of their list."""
    path = f"$.{LISTS[kind]}"
    if kind == "EPCISQueryDocument":
        results = _at(value, "$.epcisBody.queryResults")
        if not isinstance(results, dict) or not isinstance(results.get("queryName"), str):
            raise Refused("missing_field", "$.epcisBody.queryResults.queryName is missing.")
    events = _at(value, path)
    if not isinstance(events, list):
        raise Refused("wrong_value", f"{path} is not a list.", path)
    try:
        cut = attrgetter(LISTS[kind])(msgspec.json.decode(raw, type=_SHAPES[kind]))
    except msgspec.ValidationError:
        cut = None
    if cut is None or len(cut) != len(events):
        raise Refused(
            "wrong_value", f"A property on the way to {path} is given more than once.", path
        )
    return [bytes(item) for item in cut], path


def _shape(path: str) -> Any:
    """Make a type for objects in one another, down to a list whose items are cut but not decoded."""
    shape: Any = list[msgspec.Raw]
    for name in reversed(path.split(".")):
        shape = msgspec.defstruct("Holder", [(name, shape)])
    return shape


_SHAPES = {kind: _shape(path) for kind, path in LISTS.items()}


def _at(value: Any, path: str) -> Any:
    for name in path.removeprefix("$.").split("."):
        if not isinstance(value, dict) or name not in value:
            raise missing(path)
        value = value[name]
    return value


def _event(value: Any, outer: list[Any], path: str, *, raw: bytes) -> EventRead | Fault:
    try:
        own = _object(value, path)
        kind = own.get("type")
        if not isinstance(kind, str):
            raise missing(f"{path}.type")
        if kind not in EVENT_TYPES and not (is_uri(kind) and kind not in LISTS):
            raise Refused(
                "unknown_event_type",
                f"{path}.type {kind!r} is not one of {', '.join(EVENT_TYPES)}; a type of your own is a URI.",
                f"{path}.type",
            )
        context = [*outer, *(_context(own["@context"], path) if "@context" in own else [])]
        event = convert(own, EVENT_TYPES.get(kind, AnyEvent), path)
        return EventRead(raw, own, event, own_parts(context))
    except Refused as refused:
        return refused.fault


def _object(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused("wrong_value", f"{path} is not a JSON object.", path)
    return value


def _context(context: Any, path: str) -> list[Any]:
    try:
        return read_context(context)
    except ValueError as error:
        raise Refused("context", f"{path}: {error}.", f"{path}.@context") from None
