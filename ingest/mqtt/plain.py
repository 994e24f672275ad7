"""Plain JSON, or a bare number, to an event: fields from topic, payload, and what a device stands for."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from ingest.mqtt.message import Message
from ingest.mqtt.topic_rules import Devices, Match, TopicRule, fields_of
from ingest.parsing.events import Fault
from stocktide.domain.kinds import KINDS, TYPE_PREFIX
from stocktide.foundation.stored_text import is_storable

# A number above this is milliseconds since 1970, one below it seconds (which reach the year 5138).
EPOCH_MS_FROM = 100_000_000_000
_NUMBER = re.compile(rb"-?\d+(\.\d+)?([eE][+-]?\d+)?")
# What the ledger keeps of an id or a source, characters.
IDENTITY_MAX = 500
_Object = dict[str, msgspec.Raw]


@dataclass(frozen=True)
class Undated:
    """An event whose payload says no time: it happened when it was first seen here.

    `key` finds that moment again when it comes once more; None where it cannot come once more. Without an `id` of the
    event's own, the moment is its id too.
    """

    key: str | None
    maybe_redelivered: bool
    received_at: datetime
    event: Mapping[str, Any]
    topic: str

    def dated(self, seen_at: datetime) -> bytes:
        """Return the structured event, as of the moment when it was first seen."""
        text = seen_at.isoformat()
        event = {"id": f"{self.topic}@{text}", **self.event, "time": text}
        return msgspec.json.encode(event)


class Refused(Exception):
    """No event can be made of a message; `fault` says why."""

    def __init__(self, reason: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.fault = Fault(reason, message, field)


def map_plain(message: Message, match: Match, devices: Devices, client_id: str) -> bytes | Undated:
    """Make a structured event of a plain message. Raises Refused."""
    members = _members(message, match.rule)
    return _event(message, match, members, _data(match, members, devices), client_id)


def _members(message: Message, rule: TopicRule) -> _Object:
    """Return the payload's members under the event's names; a bare number is the rule's value."""
    text = message.payload.strip()
    if _NUMBER.fullmatch(text):
        return {rule.value_field: msgspec.Raw(text)}
    try:
        body = msgspec.json.decode(text, type=_Object)
    except msgspec.ValidationError:
        raise Refused("wrong_type", "The payload is neither a number nor an object.") from None
    except msgspec.DecodeError as error:
        raise Refused("malformed_json", f"Not JSON: {error}.") from None
    except UnicodeDecodeError as error:
        raise Refused("bad_encoding", f"Not UTF-8 text (byte {error.start}).") from None
    except RecursionError:
        raise Refused("too_deep", "The JSON is nested too deeply.") from None
    named = {name: body[member] for name, member in rule.fields.items() if member in body}
    taken = set(rule.fields.values())
    return {**{name: raw for name, raw in body.items() if name not in taken}, **named}


def _data(match: Match, members: _Object, devices: Devices) -> dict[str, Any]:
    """Return the kind's fields. What the topic says holds: it is what the broker lets a device publish on."""
    rule, levels = match.rule, match.levels
    assert rule.kind is not None  # noqa: S101 - only rules with a kind are for plain JSON
    fields = fields_of(rule.kind)
    said = {name: raw for name, raw in members.items() if name in fields and bytes(raw) != b"null"}
    for name in said.keys() & levels.keys():
        level, text = levels[name], _text(said[name], name)
        if text != level:
            why = f"{name} is {level!r} in the topic and {text!r} in the payload."
            raise Refused("wrong_topic", why, name)
    device = levels.get("device", "")
    if not device and "device" in members:
        device = _text(members["device"], "device")
    data: dict[str, Any] = {**rule.constants, **devices.get(device, {}), **said, **levels}
    return {name: value for name, value in data.items() if name in fields}


def _event(
    message: Message, match: Match, members: _Object, data: Mapping[str, Any], client_id: str
) -> bytes | Undated:
    head = {
        "specversion": "1.0",
        "source": match.source,
        "type": f"{TYPE_PREFIX}{match.rule.kind}",
        "data": data,
    }
    own_id = _first_text(members, "id")
    sequence = _first_text(members, "sequence", "seq")
    said_at = _first_text(members, "time")
    identity = f"{message.topic}#{own_id or sequence}" if own_id or sequence else message.topic
    if own_id is None and said_at is not None:
        identity += f"@{said_at}"
    for field, text in (("source", match.source), ("id", identity)):
        if len(text) > IDENTITY_MAX:
            said = f"The {field} that is made of it has {len(text)} characters; {IDENTITY_MAX} are kept."
            raise Refused("wrong_type", said, field)
    if said_at is not None:
        return msgspec.json.encode({**head, "id": identity, "time": _instant(said_at)})
    if own_id or sequence:
        key = f"{head['source']} {identity}"
        return Undated(key, True, message.received_at, {**head, "id": identity}, message.topic)
    return _nameless(message, match.rule, head, client_id)


def _nameless(
    message: Message, rule: TopicRule, head: Mapping[str, Any], client_id: str
) -> Undated:
    """Return the event of a message without id, sequence and time: a reading, which moves no stock."""
    if rule.kind is None or not KINDS[rule.kind].is_reading:
        why = (
            f"A {rule.kind} needs an id, a sequence or a time in its payload: without, one that comes "
            "again could not be told from a new one."
        )
        raise Refused("missing_field", why, "id")
    if message.retain:
        why = "A retained message needs a time: nobody knows how old it is."
        raise Refused("missing_field", why, "time")
    said = message.topic.encode() + b"\x00" + message.payload
    digest = hashlib.blake2b(said, digest_size=16).hexdigest()
    # a message of QoS 0 comes once or not at all: it needs no key
    key = f"{client_id} {message.mid} {digest}" if message.qos else None
    return Undated(key, message.dup, message.received_at, head, message.topic)


def _first_text(members: _Object, *names: str) -> str | None:
    for name in names:
        if name in members and bytes(members[name]) not in (b"null", b'""'):
            return _text(members[name], name)
    return None


def _text(raw: msgspec.Raw, name: str) -> str:
    """Return a JSON string's text, or a number as it is written."""
    text = bytes(raw).strip()
    if _NUMBER.fullmatch(text):
        return text.decode()
    try:
        said = msgspec.json.decode(text, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused("wrong_type", f"{name} is neither a text nor a number.", name) from None
    if not is_storable(said):
        raise Refused("bad_text", f"{name} holds a NUL character.", name)
    return said


def _instant(said: str) -> str:
    """Return the time as the event's field: a number is seconds or milliseconds since 1970, a text goes as it is."""
    if not _NUMBER.fullmatch(said.encode()):
        return said
    number = float(said)
    seconds = number / 1000 if number >= EPOCH_MS_FROM else number
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        raise Refused("time_range", f"time {said[:40]} is out of range.", "time") from None
