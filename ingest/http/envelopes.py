"""CloudEvents over HTTP: what a body and its headers carry, cut into one raw input per event."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, overload
from urllib.parse import unquote_to_bytes

import msgspec

from ingest.parsing.attributes import is_json
from ingest.parsing.events import Fault
from stocktide.foundation.errors import UnsupportedMedia

Mode = Literal["single", "batch"]
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])


class Cut(Sequence[bytes]):
    """Raw inputs in order, or the Fault of a body that could not be cut.

    mode: decides how the answer looks. size: of `raws`, where they are a JSON array, to be cut when somebody asks.
    """

    def __init__(
        self,
        mode: Mode,
        raws: list[bytes] | bytes,
        fault: Fault | None = None,
        *,
        size: int | None = None,
    ) -> None:
        self.mode = mode
        self.fault = fault
        self._raws = raws
        self._size = len(raws) if size is None else size

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        """Return one, or some."""
        if isinstance(self._raws, bytes):
            self._raws = _array_raws(self._raws)
        return self._raws[index]


def _array_raws(body: bytes) -> list[bytes]:
    return [bytes(raw) for raw in _RAWS.decode(body)]


def media_type(content_type: str) -> str:
    """Return the media type alone, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def cut_body(content_type: str, headers: Mapping[str, str], body: bytes) -> Cut:
    """Cut a request body into events. `headers` have lower-case names. Raises UnsupportedMedia.

    The three modes of CloudEvents over HTTP: a media type that begins with application/cloudevents says structured
    or batched, and every other one is the data's own, with the attributes in ce- headers.
    """
    media = media_type(content_type)
    if media == STRUCTURED:
        _require_utf8(content_type)
        return Cut("single", [body])
    if media == BATCH:
        _require_utf8(content_type)
        return _cut_array(body)
    if not media.startswith("application/cloudevents") and "ce-specversion" in headers:
        return _from_binary(content_type, headers, body)
    raise UnsupportedMedia(
        "content_type",
        f"Content-Type {media or '(none)'!r} without ce- headers is not read here. Send {STRUCTURED}, {BATCH}, "
        f"{NDJSON[0]}, or application/json with ce- headers.",
    )


def _require_utf8(content_type: str) -> None:
    charset = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", content_type, re.IGNORECASE)
    if charset and charset[1].lower() not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMedia(
            "charset", f"JSON is UTF-8; charset {charset[1][:50]!r} is not read here."
        )


def is_array(content_type: str) -> bool:
    """Return True if a body of this type is one array of events. Raises UnsupportedMedia for a foreign charset."""
    _require_utf8(content_type)
    return media_type(content_type) == BATCH


def _cut_array(body: bytes) -> Cut:
    try:
        return Cut("batch", _array_raws(body))
    except msgspec.ValidationError:
        return Cut("batch", [], Fault("wrong_type", "A batch is a JSON array of CloudEvents."))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Cut("batch", [], Fault("malformed_json", f"The batch is not JSON: {error}."))
    except RecursionError:
        return Cut("batch", [], Fault("too_deep", "The JSON is nested too deeply."))


def _from_binary(content_type: str, headers: Mapping[str, str], body: bytes) -> Cut:
    """Write a binary-mode event in structured form, so that one parser serves all modes.

    The data goes in unchanged, and what is not JSON as base64: the parser then says that it wants JSON.
    """
    attributes = {}
    for header, value in headers.items():
        if header.startswith("ce-"):
            try:
                attributes[header.removeprefix("ce-")] = header_text(value)
            except UnicodeDecodeError:
                fault = Fault("bad_encoding", f"{header} is not UTF-8 text.", header[3:103])
                return Cut("single", [], fault)
    taken = attributes.keys() & {"data", "data_base64", "datacontenttype"}
    if taken:
        name = sorted(taken)[0]
        return Cut("single", [], Fault("attribute_name", f"ce-{name} is no attribute.", name))
    media = content_type.strip()
    if media:
        attributes["datacontenttype"] = media
    is_inline = is_json(media)
    data = (
        b',"data":' + (body.strip() or b"null")
        if is_inline
        else b',"data_base64":' + msgspec.json.encode(body)
    )
    return Cut("single", [msgspec.json.encode(attributes)[:-1] + data + b"}"])


def header_text(value: str) -> str:
    """Return an attribute's value in a header: perhaps quoted, and percent-encoded UTF-8 (HTTP binding, 3.1.3.2).

    Raises UnicodeDecodeError for bytes that are not UTF-8, which the binding does not allow.
    """
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    return unquote_to_bytes(value.encode("latin-1")).decode()
