"""CloudEvents attributes beyond those that we use: what is allowed of them, and how they are kept."""

import base64
import binascii
import json
import re
from datetime import datetime
from typing import Any

import msgspec

from ingest.parsing.events import NotAnEvent
from ingest.parsing.kinds import Text
from stocktide.foundation.stored_text import is_storable

# Of these we make fields of our own.
OURS = frozenset({"specversion", "id", "source", "type", "time", "data", "data_base64"})
# CloudEvents 1.0, "Naming conventions" and "Type system".
NAME = re.compile(r"[a-z0-9]{1,100}")
INTEGER_MAX = 2**31 - 1
# RFC 6838 and 6839: JSON, by its two names, and whatever is built on it.
_JSON_MEDIA = re.compile(
    r"((application|text)/json|[a-z0-9.!#$&^_-]+/[a-z0-9.!#$&^_-]+\+json)\s*(;.*)?", re.IGNORECASE
)
PLAIN_JSON = "application/json"
# What differs from one delivery to the next, or from mode to mode: the traces that carried it, and which of its names
# JSON went by. Of the event itself they tell nothing.
NOT_IDENTITY = frozenset({"datacontenttype", "traceparent", "tracestate", "baggage", "b3"})
ATTRIBUTES_MAX = 50
TEXT_MAX = 2_000


class Envelope(msgspec.Struct, gc=False):
    """CloudEvents 1.0 attributes with a meaning here; the others are read by `other_attributes`."""

    specversion: str
    id: Text
    source: Text
    type: Text
    time: datetime
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    data_base64: str | None = None
    datacontenttype: str | None = None


def is_json(media: str) -> bool:
    """Return True if a media type, perhaps with parameters, says JSON; and where there is none, which means JSON."""
    return not media.strip() or _JSON_MEDIA.fullmatch(media.strip()) is not None


def data_of(envelope: Envelope) -> bytes | msgspec.Raw:
    """Return the event's data as JSON. Raises NotAnEvent where there is none, two, or none that is JSON."""
    media = envelope.datacontenttype
    if media is not None and not is_json(media):
        raise NotAnEvent(
            "datacontenttype",
            f"datacontenttype is {media[:100]!r}; the kinds here carry JSON.",
            "datacontenttype",
        )
    if envelope.data_base64 is not None:
        if not isinstance(envelope.data, msgspec.UnsetType):
            raise NotAnEvent("two_data", "data and data_base64 exclude each other.", "data_base64")
        try:
            return base64.b64decode(envelope.data_base64, validate=True)
        except (binascii.Error, ValueError):
            raise NotAnEvent("base64", "data_base64 is not base64.", "data_base64") from None
    if isinstance(envelope.data, msgspec.UnsetType):
        raise NotAnEvent("missing_field", "The field data is missing.", "data")
    return envelope.data


_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def other_attributes(raw: bytes) -> str | None:
    """Return JSON of the attributes that we have no field for, extensions among them; None where there is none."""
    kept: dict[str, Any] = {}
    for name, value in _OBJECT.decode(raw).items():
        if name in OURS:
            continue
        if NAME.fullmatch(name) is None:
            raise NotAnEvent(
                "attribute_name",
                f"{name[:100]!r} is not an attribute: names are lower-case letters and digits.",
                name[:100],
            )
        kept[name] = _value(name, value)
    # JSON is what it is anyway, and says so in many ways
    if str(kept.get("datacontenttype", "")).partition(";")[0].strip().lower() in ("", PLAIN_JSON):
        kept.pop("datacontenttype", None)
    if len(kept) > ATTRIBUTES_MAX:
        raise NotAnEvent(
            "attributes", f"{len(kept)} attributes; at most {ATTRIBUTES_MAX} are kept.", None
        )
    return msgspec.json.encode(dict(sorted(kept.items()))).decode() if kept else None


def differing_attribute(attributes: str | None, recorded: str | None) -> str | None:
    """Return the first attribute that two events say differently; None where they mean the same.

    Both: as `other_attributes` returns them. Values are compared by their canonical text (CloudEvents 1.0, "Type
    system"), for a header carries text alone; null is as if it was not there.
    """
    if attributes == recorded:
        return None
    said, held = _canonical(attributes), _canonical(recorded)
    return next((name for name in sorted(said | held) if said.get(name) != held.get(name)), None)


def _canonical(attributes: str | None) -> dict[str, str]:
    values = json.loads(attributes) if attributes else {}
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
        if value is not None and name not in NOT_IDENTITY
    }


def _value(name: str, raw: msgspec.Raw) -> str | int | bool | None:
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = [raw]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= TEXT_MAX:
        if not is_storable(value):
            raise NotAnEvent("bad_text", f"{name} holds a NUL character.", name)
        return value
    if isinstance(value, int) and abs(value) <= INTEGER_MAX:
        return value
    raise NotAnEvent(
        "attribute_value",
        f"{name} is not a valid value: text of at most {TEXT_MAX} characters, an integer of 32 bits, true or false.",
        name,
    )
