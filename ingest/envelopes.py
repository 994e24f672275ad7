"""CloudEvents over HTTP: what a body and its headers carry, cut into one raw input per event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote_to_bytes

import msgspec

from ingest.events import Fault
from stocktide.errors import UnsupportedMedia

Mode = Literal["single", "batch"]
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")
BINARY_DATA = ("application/json", "")
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True)
class Cut:
    """Raw inputs in order, or the Fault of a body that could not be cut. `mode` decides how the answer looks."""

    mode: Mode
    raws: Sequence[bytes]
    fault: Fault | None = None


def cut_body(content_type: str, headers: Mapping[str, str], body: bytes) -> Cut:
    """Cut a request body into events. `headers` have lower-case names. Raises UnsupportedMedia."""
    media = content_type.partition(";")[0].strip().lower()
    if media == BATCH:
        return _cut_array(body)
    if media in NDJSON:
        return Cut("batch", [line for line in body.split(b"\n") if line.strip()])
    if media == STRUCTURED:
        return Cut("single", [body])
    if media in BINARY_DATA and "ce-specversion" in headers:
        return Cut("single", [_from_binary(headers, body)])
    raise UnsupportedMedia(
        "content_type",
        f"Content-Type {media or '(none)'!r} without ce- headers is not read here. Send {STRUCTURED}, {BATCH}, "
        f"{NDJSON[0]}, or application/json with ce- headers.",
    )


def _cut_array(body: bytes) -> Cut:
    try:
        return Cut("batch", [bytes(raw) for raw in _RAWS.decode(body)])
    except msgspec.ValidationError:
        return Cut("batch", [], Fault("wrong_type", "A batch is a JSON array of CloudEvents."))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Cut("batch", [], Fault("malformed_json", f"The batch is not JSON: {error}."))
    except RecursionError:
        return Cut("batch", [], Fault("too_deep", "The JSON is nested too deeply."))


def _from_binary(headers: Mapping[str, str], body: bytes) -> bytes:
    """Write a binary-mode event in structured form, so that one parser serves all modes.

    Header values are percent-encoded UTF-8 (CloudEvents HTTP binding 3.1.3.2). The body goes in as it came.
    """
    attributes = {
        name.removeprefix("ce-"): unquote_to_bytes(value).decode("utf-8", "replace")
        for name, value in headers.items()
        if name.startswith("ce-") and name != "ce-data"
    }
    head = msgspec.json.encode(attributes)
    return head[:-1] + b',"data":' + (body.strip() or b"null") + b"}"
