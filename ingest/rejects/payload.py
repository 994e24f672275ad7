"""The bytes that were sent: of which kind they are, how they are shown, and how an event in them is edited."""

import base64
import binascii
import codecs
import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from stocktide.foundation.errors import Invalid

Kind = Literal["event", "epcis", "row", "batch", "other"]
# Only an event can be recorded again; of the others, what to do.
HOW_TO_FIX: Mapping[str, str] = {
    "event": "Fix a field and replay it.",
    "epcis": "Capture the fixed document again: POST /v1/epcis/capture. Then drop this reject.",
    "row": "Fix the row in its file and import the file again: recorded rows answer duplicate. Then drop this "
    "reject. Or write the event that the row stands for, and fix the reject with it.",
    "batch": "Send the fixed batch again: recorded events answer duplicate. Then drop this reject.",
    "other": "This is not an event that can be edited. Fix its sender, or write the whole event that it should have "
    "been, and fix the reject with it. Otherwise drop it.",
}
FIELD = re.compile(r"(data\.)?[A-Za-z0-9_]{1,100}")
EDITS_MAX = 50
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def kind_of(raw: bytes, *, feed: str, content_type: str) -> Kind:
    """Return what the bytes are: a CloudEvent, an EPCIS event or document, a file's row, a batch, or something else."""
    try:
        names = _OBJECT.decode(raw).keys()
    except _BROKEN:
        if raw.lstrip()[:1] == b"[":
            return "batch"
        return "row" if feed.startswith("import ") or content_type == "text/csv" else "other"
    if "specversion" in names:
        return "event"
    epcis = names & {"@context", "epcisBody", "bizStep", "eventTimeZoneOffset", "epcList"}
    if epcis or content_type.startswith("application/ld+json"):
        return "epcis"
    return "row" if feed.startswith("import ") else "other"


def shown(raw: bytes, bytes_max: int) -> dict[str, Any]:
    """Return the first `bytes_max` bytes as JSON can carry them: text where they are UTF-8, else base64."""
    start, truncated = raw[:bytes_max], len(raw) > bytes_max
    more = {"bytes": len(raw), "truncated": truncated}
    try:
        # a character that is cut at the end is left out
        text = codecs.getincrementaldecoder("utf-8")().decode(start, final=not truncated)
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(start).decode(), **more}
    return {"text": text, **more}


def value_at(raw: bytes, field: str | None) -> Any:
    """Return what an event says in a field such as `time` or `data.product`; None where it says nothing."""
    if field is None:
        return None
    try:
        event: Mapping[str, Any] = _OBJECT.decode(raw)
        name = field.removeprefix("data.")
        if name != field or name not in event:
            event = _data_of(event)
        return msgspec.json.decode(event[name]) if name in event else None
    except (*_BROKEN, Invalid):
        return None


def edited(raw: bytes, edits: Mapping[str, Any]) -> bytes:
    """Return the event with some fields changed; null leaves a field out. Raises Invalid.

    What is not edited stays as it was written, to the last digit.
    """
    if not 1 <= len(edits) <= EDITS_MAX:
        raise Invalid("edits", f"Edit 1 to {EDITS_MAX} fields, not {len(edits)}.")
    try:
        event: dict[str, Any] = dict(_OBJECT.decode(raw))
    except _BROKEN:
        raise Invalid("not_an_event", f"It has no fields to edit. {HOW_TO_FIX['other']}") from None
    for field, value in edits.items():
        if FIELD.fullmatch(field) is None:
            why = f"{field[:100]!r} is no field such as `time` or `data.product`."
            raise Invalid("edits", why, field=field)
        if field.startswith("data."):
            data = dict(_data_of(event))
            _put(data, field.removeprefix("data."), value)
            event.pop("data_base64", None)
            event["data"] = data
        else:
            _put(event, field, value)
    try:
        return msgspec.json.encode(event)
    except (UnicodeEncodeError, ValueError, OverflowError) as error:
        raise Invalid("edits", f"A value cannot be written as JSON: {error}.") from None


def _put(fields: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        fields.pop(name, None)
    else:
        fields[name] = value


def _data_of(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the event's data, of whichever of the two forms. Raises Invalid."""
    data = event.get("data", b"{}")
    if isinstance(data, dict):
        return data
    try:
        if "data_base64" in event:
            data = base64.b64decode(msgspec.json.decode(event["data_base64"]), validate=True)
        return _OBJECT.decode(data)
    except (*_BROKEN, binascii.Error, ValueError, TypeError):
        why = "Its data is not a JSON object whose fields can be edited: edit `data` as a whole."
        raise Invalid("not_an_event", why) from None
