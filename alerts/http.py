"""Routes of alerts and reorder points; those of webhooks are in `webhook_http`."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime
from starlette.concurrency import run_in_threadpool

from alerts.event_stream import EventStream
from alerts.events import json_schema
from alerts.listing import Wanted, acknowledge, list_alerts, newest_event_id, read_alert, silence
from alerts.reorder_points import ReorderPoint, list_reorder_points, put_reorder_points
from alerts.rules import Rule
from alerts.stream import AlertStreams, Frame
from stocktide.errors import Invalid
from stocktide.keys import Key
from stocktide.settings import Settings
from stocktide.web import OperateKey, ReadKey, engine_of, key_ring_of, limited_body

router = APIRouter(prefix="/v1", tags=["alerts"])
Limit = Annotated[int, Query(ge=1, le=500, description="Most rows in the answer.")]
RowId = Annotated[int, Query(ge=1, le=2**63 - 1)]
PathId = Annotated[int, Path(ge=1, le=2**63 - 1)]
EventId = Annotated[int, Query(ge=0, le=2**63 - 1)]
CHANGE_BYTES_MAX = 16_384
Shape = TypeVar("Shape")
Result = TypeVar("Result")


class Change(msgspec.Struct, forbid_unknown_fields=True):
    """Body of PATCH /v1/alerts/{alert_id}. user: on whose behalf the key asks."""

    reason: str
    acknowledge: bool = False
    silence_until: datetime | None = None
    user: str | None = None


class ReorderPointsIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of PUT /v1/reorder-points."""

    reorder_points: list[ReorderPoint]
    user: str | None = None


def body_of(shape: type[Any], *required: str) -> dict[str, Any]:
    """Describe a route's JSON body for OpenAPI."""
    schema = msgspec.json.schema(shape)
    described = {"type": "object", "required": list(required)}
    definition = schema["$defs"].get(shape.__name__, {})
    properties = {name: _plain(value) for name, value in definition.get("properties", {}).items()}
    content = {"application/json": {"schema": {**described, "properties": properties}}}
    return {"requestBody": {"required": True, "content": content}}


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A property's schema without references, which would point out of the document."""
    return {"type": "array", "items": {"type": "object"}} if "items" in schema else schema


async def read_body(request: Request, shape: type[Shape], bytes_max: int) -> Shape:
    """Read and decode a JSON body. Raises Invalid, TooLarge."""
    body = await limited_body(request, bytes_max)
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("body", f"The body is not what this route reads: {error}.") from None


def checked_text(value: str | None) -> str | None:
    """Refuse what the database cannot hold. Raises Invalid."""
    if value is not None and "\x00" in value:
        raise Invalid("bad_text", "A parameter holds a NUL character.")
    return value


def asked_by(key: Key, user: str | None) -> str:
    """Name who asked, for the history. Raises Invalid."""
    if user is None:
        return f"key {key.name}"
    if not 1 <= len(user) <= 100 or not user.isprintable():
        raise Invalid("user", "A user's name has 1 to 100 printable characters.")
    return f"{user} (key {key.name})"


def settings_of(request: Request) -> Settings:
    """The process's settings, put there by the entry point."""
    settings: Settings = request.app.state.settings
    return settings


async def in_transaction(request: Request, work: Callable[[Any], Result]) -> Result:
    """Run `work(connection)` in a transaction on a thread of the pool."""

    def run() -> Result:
        with engine_of(request).begin() as connection:
            return work(connection)

    return await run_in_threadpool(run)


@router.get("/alerts")
def get_alerts(
    request: Request,
    _key: ReadKey,
    state: Literal["open", "closed"] | None = None,
    rule: Rule | None = None,
    product: str | None = None,
    location: str | None = None,
    feed: str | None = None,
    since: Annotated[
        AwareDatetime | None, Query(description="Opened or closed at or after.")
    ] = None,
    before: Annotated[RowId | None, Query(description="The `next` of the page before.")] = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """Page through alerts, the newest first. A stream resumed with `as_of` goes on from this answer without a gap."""
    wanted = Wanted(
        open=None if state is None else state == "open",
        rule=rule,
        product=checked_text(product),
        location=checked_text(location),
        feed=checked_text(feed),
        since=since,
    )
    with engine_of(request).connect() as connection:
        # read first: what happens between the two is in both, never in neither
        as_of = newest_event_id(connection)
        rows = list_alerts(connection, wanted, before=before, limit=limit)
    more = rows[-1]["alert_id"] if len(rows) == limit else None
    return {"alerts": rows, "next": more, "as_of": as_of}


@router.get("/alerts/schema")
def get_alert_schema(_key: ReadKey) -> JSONResponse:
    """Give the JSON Schema of the CloudEvents that webhooks and streams carry."""
    return JSONResponse(json_schema(), media_type="application/schema+json")


@router.get("/alerts/stream", response_class=Response)
async def get_alert_stream(
    request: Request,
    _key: ReadKey,
    rule: Rule | None = None,
    location: str | None = None,
    last_event_id: Annotated[
        EventId | None, Query(description="Go on after this event, as the header Last-Event-ID.")
    ] = None,
    last_event_id_header: Annotated[str | None, Header(alias="last-event-id")] = None,
    for_s: Annotated[
        int | None, Query(ge=1, le=86_400, description="End the stream after so many seconds.")
    ] = None,
) -> Response:
    """Stream what happens to alerts (server-sent events). Reconnect with Last-Event-ID, and nothing is missed."""
    streams: AlertStreams = request.app.state.alert_streams
    after = _last_seen(last_event_id_header) if last_event_id_header else last_event_id
    text = request.headers["authorization"].partition(" ")[2].strip()
    ring = key_ring_of(request)

    def wants(frame: Frame) -> bool:
        return rule in (None, frame.rule) and location in (None, frame.location)

    async def check_key() -> object:
        return ring.find(text) or await ring.fetch(text)

    client = streams.join(wants)
    return EventStream(streams, client, after=after, check_key=check_key, for_s=for_s)


def _last_seen(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Invalid("last_event_id", "Last-Event-ID is the `id` of an event of this stream.")
    return int(text)


@router.get("/alerts/{alert_id}")
def get_alert(request: Request, _key: ReadKey, alert_id: PathId) -> dict[str, Any]:
    """Give one alert with its history."""
    with engine_of(request).connect() as connection:
        return read_alert(connection, alert_id)


@router.patch("/alerts/{alert_id}", openapi_extra=body_of(Change, "reason"))
async def patch_alert(request: Request, key: OperateKey, alert_id: PathId) -> dict[str, Any]:
    """Acknowledge an alert, or silence its rule and subject until an instant, with a reason that the history keeps."""
    change = await read_body(request, Change, CHANGE_BYTES_MAX)
    by = asked_by(key, change.user)
    until = change.silence_until
    if not change.acknowledge and until is None:
        raise Invalid("body", "Say what to do: {acknowledge: true} or {silence_until: …}.")

    def work(connection: Any) -> dict[str, Any]:
        if change.acknowledge:
            acknowledge(connection, alert_id, by=by, reason=change.reason)
        if until is not None:
            silence(connection, alert_id, until=until, by=by, reason=change.reason)
        return read_alert(connection, alert_id)

    return await in_transaction(request, work)


@router.get("/reorder-points")
def get_reorder_points(
    request: Request,
    _key: ReadKey,
    product: str | None = None,
    location: str | None = None,
    after: str = "",
    limit: Limit = 100,
) -> dict[str, Any]:
    """Page through reorder points (units); `next` is the `after` of the next page."""
    after_product, _, after_location = (checked_text(after) or "").partition("\t")
    with engine_of(request).connect() as connection:
        rows = list_reorder_points(
            connection,
            product=checked_text(product),
            location=checked_text(location),
            after=(after_product, after_location),
            limit=limit,
        )
    last = rows[-1] if len(rows) == limit else None
    more = f"{last['product']}\t{last['location']}" if last else None
    return {"reorder_points": rows, "next": more}


@router.put("/reorder-points", openapi_extra=body_of(ReorderPointsIn, "reorder_points"))
async def put_reorder_points_route(request: Request, key: OperateKey) -> dict[str, int]:
    """Set reorder points (units; null takes one away), all or none. Their alerts follow at once."""
    settings = settings_of(request)
    body = await read_body(request, ReorderPointsIn, settings.body_bytes_max)
    by = asked_by(key, body.user)
    count = await in_transaction(
        request,
        lambda connection: put_reorder_points(
            connection, body.reorder_points, by=by, units_max=settings.quantity_max
        ),
    )
    return {"reorder_points": count}
