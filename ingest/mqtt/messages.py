"""Decode one MQTT message: a CloudEvent by the MQTT binding's two modes, or plain JSON by a topic's rule."""

import base64
import re
from dataclasses import dataclass
from typing import Any

import msgspec

from ingest.mqtt.message import Message
from ingest.mqtt.plain import Refused, Undated, map_plain
from ingest.mqtt.topic_rules import Match, TopicRules
from ingest.parsing.attributes import is_json
from ingest.parsing.events import Fault
from stocktide.foundation.stored_text import storable

CLOUDEVENTS = "application/cloudevents"
STRUCTURED = "application/cloudevents+json"
_ATTRIBUTE = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True)
class Decoded:
    """A structured CloudEvent's bytes; or those of another input, with its fault; or an event without time.

    match: the rule of its topic. content_type: of the bytes, which are the payload, or an event that was made of it.
    whole: the event came as one, and is to be held to its topic.
    """

    raw: bytes
    match: Match
    fault: Fault | None = None
    undated: Undated | None = None
    content_type: str = STRUCTURED
    whole: bool = False


def decode(message: Message, rules: TopicRules, client_id: str) -> Decoded:
    """Read a message by the CloudEvents MQTT binding 1.0.3, section 3, or by the rule of its topic; never raises."""
    match = rules.find(message.topic)
    try:
        return _decode(message, match, rules, client_id)
    except Refused as refused:
        content_type = storable(message.content_type or "")
        return Decoded(message.payload, match, refused.fault, content_type=content_type)


def _decode(message: Message, match: Match, rules: TopicRules, client_id: str) -> Decoded:
    media, charset = _media(message.content_type)
    if media.startswith(CLOUDEVENTS):
        return _structured(message, match, media, charset)
    if message.five and any(name == "specversion" for name, _ in message.properties):
        return _binary(message, match, media, charset)
    if match.rule.kind is not None and not _looks_structured(message.payload):
        return _plain(message, match, rules, client_id)
    # by 3.1.1, and from a 3.1.1 sender through a broker that speaks both, there is no content type to ask
    if message.content_type is None:
        return Decoded(message.payload, match, content_type="", whole=True)
    said = f"Content type {message.content_type!r} without CloudEvents attributes, and no topic mapping applies."
    raise Refused("no_rule", said)


def _plain(message: Message, match: Match, rules: TopicRules, client_id: str) -> Decoded:
    event = map_plain(message, match, rules.devices, client_id)
    if isinstance(event, Undated):
        return Decoded(message.payload, match, undated=event)
    return Decoded(event, match)


def _structured(message: Message, match: Match, media: str, charset: str) -> Decoded:
    if media != STRUCTURED:
        said = f"Event format {media!r} is not read here; send {STRUCTURED}, one event a message."
        raise Refused("content_type", said)
    text = _utf8(message.payload, charset)
    if text is None:
        raise Refused("bad_encoding", f"The payload is no {charset} text.")
    return Decoded(text, match, whole=True)


def _binary(message: Message, match: Match, media: str, charset: str) -> Decoded:
    """Write a binary-mode event in structured form: attributes from user properties, data from the payload."""
    attributes: dict[str, Any] = {}
    for name, value in message.properties:
        if name == "data" or not _ATTRIBUTE.fullmatch(name):
            continue
        if attributes.setdefault(name, value) != value:
            raise Refused("wrong_type", f"User property {name} stands there twice.")
    # what the JSON format implies is left out, so that the event is the same whichever way it comes
    attributes.pop("datacontenttype", None)
    if message.content_type is not None and media != "application/json":
        attributes["datacontenttype"] = message.content_type
    fault = None
    if message.payload and is_json(media):
        try:
            text = _utf8(message.payload, charset) or b""
            attributes["data"] = msgspec.json.decode(text, type=msgspec.Raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            fault = Fault("malformed_json", f"The payload is not JSON: {error}.", "data")
    if message.payload and "data" not in attributes:
        attributes["data_base64"] = base64.b64encode(message.payload).decode()
    return Decoded(msgspec.json.encode(attributes), match, fault, whole=fault is None)


def _looks_structured(payload: bytes) -> bool:
    """Return True if a payload on a mapped topic is a CloudEvent all the same: an object that names its specversion."""
    if b'"specversion"' not in payload:
        return False
    try:
        return "specversion" in msgspec.json.decode(payload, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _media(content_type: str | None) -> tuple[str, str]:
    """Return media type and charset of a content type, in lower case; UTF-8 where it names none."""
    media, *parameters = (content_type or "").split(";")
    charset = "utf-8"
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip('"').lower()
    return media.strip().lower(), charset


def _utf8(payload: bytes, charset: str) -> bytes | None:
    if charset in ("utf-8", "utf8"):
        return payload
    try:
        return payload.decode(charset).encode()
    except (LookupError, UnicodeError, ValueError):
        return None
