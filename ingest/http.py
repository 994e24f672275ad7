"""Routes of the way in: events, products, locations and the schemas of the kinds."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from ingest.announcement import announce
from ingest.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.envelopes import BATCH, NDJSON, STRUCTURED, Cut, cut_body
from ingest.events import Fault
from ingest.kinds import KINDS, TYPE_PREFIX, json_schema
from ingest.outcomes import Outcome
from ingest.recording import Recorder
from stocktide.errors import Conflict, Invalid, NotFound, TooLarge, UnsupportedMedia
from stocktide.web import IngestKey, limited_body, problem

router = APIRouter(prefix="/v1")


class ProductsIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of PUT /v1/products."""

    products: list[ProductIn]


class LocationsIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of PUT /v1/locations."""

    locations: list[LocationIn]


def recorder_of(request: Request) -> Recorder:
    """The process's recorder, put there by the entry point."""
    recorder: Recorder = request.app.state.recorder
    return recorder


EVENT_BODY = {
    "requestBody": {
        "required": True,
        "description": "CloudEvents 1.0: structured, batch, NDJSON (one structured event a line), or binary.",
        "content": {
            STRUCTURED: {"schema": {"type": "object"}},
            BATCH: {"schema": {"type": "array", "items": {"type": "object"}}},
            NDJSON[0]: {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "object"}},
        },
    }
}


@router.post("/events", tags=["ingest"], openapi_extra=EVENT_BODY)
async def post_events(request: Request, key: IngestKey) -> Response:
    """Record events. Acknowledged means committed.

    A batch answers 200 with one outcome an event: accepted, duplicate, conflict or rejected, the last two with
    reason, field and message. A single event answers 200, or 409 for a conflict and 400 for a reject. A batch
    that is no batch at all answers 400. Whatever is refused is kept, as it came, for mending.
    """
    recorder = recorder_of(request)
    content_type = request.headers.get("content-type", "")
    body = await limited_body(request, recorder.settings.body_bytes_max)
    try:
        cut = cut_body(content_type, request.headers, body)
    except UnsupportedMedia as error:
        await run_in_threadpool(
            recorder.keep, key.name, content_type, body, Fault(error.code, error.message)
        )
        raise
    if not cut.raws and cut.fault is None:
        cut = Cut(cut.mode, [], Fault("empty", "The body holds no event."))
    if cut.fault is not None:
        await run_in_threadpool(recorder.keep, key.name, content_type, body, cut.fault)
        raise Invalid(cut.fault.reason, cut.fault.message)
    if len(cut.raws) > recorder.settings.batch_events_max:
        raise TooLarge(
            "batch_too_large",
            f"{len(cut.raws)} events in one request; at most {recorder.settings.batch_events_max}.",
        )
    outcomes = await run_in_threadpool(recorder.record, key.name, content_type, cut.raws)
    return _answer_batch(outcomes) if cut.mode == "batch" else _answer_single(outcomes[0])


def _answer_single(outcome: Outcome) -> Response:
    if outcome.fault is None:
        return JSONResponse(_shown(0, outcome))
    error = Conflict if outcome.name == "conflict" else Invalid
    fault = outcome.fault
    return problem(
        error(fault.reason, fault.message),
        outcome=outcome.name,
        field=fault.field,
        id=outcome.event_id,
    )


def _answer_batch(outcomes: Sequence[Outcome]) -> Response:
    counts = Counter(outcome.name for outcome in outcomes)
    totals = {name: counts[name] for name in ("accepted", "duplicate", "conflict", "rejected")}
    body = {
        **totals,
        "outcomes": [_shown(index, outcome) for index, outcome in enumerate(outcomes)],
    }
    return Response(msgspec.json.encode(body), media_type="application/json")


def _shown(index: int, outcome: Outcome) -> dict[str, Any]:
    shown: dict[str, Any] = {"index": index, "id": outcome.event_id, "outcome": outcome.name}
    if outcome.fault is not None:
        shown |= {
            "reason": outcome.fault.reason,
            "field": outcome.fault.field,
            "message": outcome.fault.message,
        }
    return shown


@router.put("/products", tags=["ingest"], openapi_extra={"requestBody": {
    "required": True, "content": {"application/json": {"schema": {"type": "object"}}}}})  # fmt: skip
async def put_products_route(request: Request, _key: IngestKey) -> dict[str, int]:
    """Create or change products; a field left out keeps its value. Answers how many rows were taken."""
    recorder = recorder_of(request)
    body = _decode(await limited_body(request, recorder.settings.body_bytes_max), ProductsIn)

    def write() -> int:
        with recorder.engine.begin() as connection:
            ids = put_products(connection, body.products)
            announce(connection, ids)
            return len(ids)

    return {"products": await run_in_threadpool(write)}


@router.put("/locations", tags=["ingest"], openapi_extra={"requestBody": {
    "required": True, "content": {"application/json": {"schema": {"type": "object"}}}}})  # fmt: skip
async def put_locations_route(request: Request, _key: IngestKey) -> dict[str, int]:
    """Create or change locations; a field left out keeps its value. Answers how many rows were taken."""
    recorder = recorder_of(request)
    body = _decode(await limited_body(request, recorder.settings.body_bytes_max), LocationsIn)

    def write() -> int:
        with recorder.engine.begin() as connection:
            return len(put_locations(connection, body.locations))

    return {"locations": await run_in_threadpool(write)}


def _decode(body: bytes, shape: type[Any]) -> Any:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("body", f"The body is not what this route reads: {error}.") from None


@router.get("/schemas", tags=["schemas"])
def list_schemas() -> dict[str, str]:
    """List the event kinds with the address of each one's JSON Schema."""
    return {f"{TYPE_PREFIX}{kind}": f"/v1/schemas/{TYPE_PREFIX}{kind}" for kind in KINDS}


@router.get("/schemas/{event_type}", tags=["schemas"])
def get_schema(event_type: str) -> JSONResponse:
    """Give the JSON Schema of one kind's CloudEvent."""
    kind = event_type.removeprefix(TYPE_PREFIX)
    if kind not in KINDS:
        raise NotFound("unknown_kind", f"There is no kind {event_type!r}; see /v1/schemas.")
    return JSONResponse(json_schema(kind), media_type="application/schema+json")
