"""Bytes to an EPCIS document: its envelope, and its events one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ingest.epcis.model.context import own_parts, prefixes_of, read_context
from ingest.epcis.model.event_parts import Envelope
from ingest.epcis.model.master_data import check_vocabulary
from ingest.epcis.model.models import EVENT_TYPES, AnyEvent
from ingest.epcis.model.reading import Refused, convert, decode
from ingest.epcis.model.values import is_uri
from ingest.parsing.events import Fault

CONTAINERS = {"EPCISDocument", "EPCISQueryDocument"}
# What some editors put before UTF-8.
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class EventRead:
    """One event as it came. raw: its JSON. own_context: what its @context says beyond the standard's."""

    raw: bytes
    value: dict[str, Any]
    event: AnyEvent
    own_context: list[Any]

    @property
    def prefixes(self) -> dict[str, str]:
        """What the prefixes in it stand for."""
        return prefixes_of(self.own_context)


@dataclass(frozen=True)
class Document:
    """A document: envelope without events, and for each event what was read or what is wrong with it.

    raw: all of it as it came; raws: each event.
    """

    raw: bytes
    envelope: Envelope
    header: dict[str, Any]
    events: Sequence[EventRead | Fault]
    raws: Sequence[bytes]


def read_document(raw: bytes) -> Document:
    """Read an EPCISDocument; also an EPCISQueryDocument or one bare event, as a document with its events.

    Raises Refused for what is no document. What is wrong with one event stands in its place.
    """
    raw = raw.removeprefix(BOM)
    value = _object(decode(raw), "$")
    kind = value.get("type")
    if not isinstance(kind, str):
        raise Refused(
            "missing_field", "$.type is missing: EPCISDocument, or a type of event.", "$.type"
        )
    if kind not in CONTAINERS:
        return bare_document(raw)
    if "@context" not in value:
        raise Refused("missing_field", "$.@context is missing.", "$.@context")
    context = _context(value["@context"], "$")
    header = {name: item for name, item in value.items() if name != "epcisBody"}
    required = ("schemaVersion", "creationDate", "epcisBody")
    for name in required if kind == "EPCISDocument" else ("epcisBody",):
        if name not in value:
            raise Refused("missing_field", f"$.{name} is missing.", f"$.{name}")
    envelope = convert(
        {name: item for name, item in header.items() if name not in ("type", "@context")},
        Envelope,
        "$",
    )
    check_vocabulary(envelope)
    raws, path = _event_list(raw, kind, value)
    events = [
        _event(item, context, f"{path}[{place}]", raw=bytes(raws[place]))
        for place, item in enumerate(_at(value, path))
    ]
    return Document(raw, envelope, header, events, raws)


def bare_document(raw: bytes) -> Document:
    """Read one event that stands alone, as a document with that event. Raises Refused."""
    read = read_bare_event(raw)
    return Document(read.raw, Envelope(), {}, [read], [read.raw])


def read_bare_event(raw: bytes) -> EventRead:
    """Read one event that carries its own @context. Raises Refused."""
    raw = raw.removeprefix(BOM)
    value = _object(decode(raw), "$")
    if "@context" not in value:
        raise Refused(
            "missing_field",
            "$.@context is missing: an event that stands alone carries its context itself.",
            "$.@context",
        )
    read = _event(value, [], "$", raw=raw)
    if isinstance(read, Fault):
        raise Refused(read.reason, read.message, read.field)
    return read


class _Listed(msgspec.Struct):
    """Any object that holds a list of events, cut but not decoded."""

    eventList: list[msgspec.Raw]


class _DocumentBody(msgspec.Struct):
    epcisBody: _Listed


class _Results(msgspec.Struct):
    resultsBody: _Listed


class _QueryBody(msgspec.Struct):
    queryResults: _Results


class _QueryDocument(msgspec.Struct):
    epcisBody: _QueryBody


def _event_list(raw: bytes, kind: str, value: dict[str, Any]) -> tuple[list[bytes], str]:
    """Cut the events out as they came. Returns them with the place of their list."""
    path = "$.epcisBody.eventList"
    if kind == "EPCISQueryDocument":
        path = "$.epcisBody.queryResults.resultsBody.eventList"
        results = _at(value, "$.epcisBody.queryResults")
        if not isinstance(results, dict) or not isinstance(results.get("queryName"), str):
            raise Refused("missing_field", "$.epcisBody.queryResults.queryName is missing.")
    events = _at(value, path)
    if not isinstance(events, list):
        raise Refused("wrong_value", f"{path} is not a list.", path)
    try:
        cut = _cut(raw, kind)
    except msgspec.ValidationError as error:
        raise _repeated(path) from error
    if len(cut) != len(events):
        raise _repeated(path)
    return [bytes(item) for item in cut], path


def _cut(raw: bytes, kind: str) -> list[msgspec.Raw]:
    if kind == "EPCISDocument":
        return msgspec.json.decode(raw, type=_DocumentBody).epcisBody.eventList
    body = msgspec.json.decode(raw, type=_QueryDocument).epcisBody
    return body.queryResults.resultsBody.eventList


def _repeated(path: str) -> Refused:
    return Refused("wrong_value", f"A property on the way to {path} is given more than once.", path)


def _at(value: Any, path: str) -> Any:
    for name in path.removeprefix("$.").split("."):
        if not isinstance(value, dict) or name not in value:
            raise Refused("missing_field", f"{path} is missing.", path)
        value = value[name]
    return value


def _event(value: Any, outer: list[Any], path: str, *, raw: bytes) -> EventRead | Fault:
    try:
        own = _object(value, path)
        kind = own.get("type")
        if not isinstance(kind, str):
            raise Refused("missing_field", f"{path}.type is missing.", f"{path}.type")
        if kind not in EVENT_TYPES and not (is_uri(kind) and kind not in CONTAINERS):
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
