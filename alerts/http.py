"""Routes of alerts and reorder points; those of webhooks are in `webhook_http`."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime

from alerts.cloud_event import json_schema
from alerts.fan_out import FanOut, Frame
from alerts.listing import Wanted, list_alerts, newest_event_id, read_alert
from alerts.reorder_points import ReorderPoint, list_reorder_points, put_reorder_points
from alerts.rules import Rule
from alerts.sse_response import SseResponse
from alerts.triage import acknowledge, silence
from stocktide.foundation.errors import Invalid
from stocktide.foundation.paging import Limit, RowId, checked_text, next_key, next_pair, pair_of
from stocktide.foundation.rights import (
    AnyReadKey,
    OperateKeyAt,
    ReadKeyAt,
    key_ring_of,
    place_for,
    require_place,
)
from stocktide.foundation.web import (
    asked_by,
    body_of,
    engine_of,
    in_transaction,
    read_body,
    settings_of,
)

router = APIRouter(prefix="/v1", tags=["alerts"])
PathId = Annotated[int, Path(ge=1, le=2**63 - 1)]
EventId = Annotated[int, Query(ge=0, le=2**63 - 1)]
CHANGE_BYTES_MAX = 16_384


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


@router.get("/alerts")
def get_alerts(
    request: Request,
    key: ReadKeyAt,
    state: Literal["open", "closed"] | None = None,
    rule: Rule | None = None,
    product: str | None = None,
    location: str | None = None,
    feed: str | None = None,
    order_id: str | None = None,
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
        location=place_for(key, checked_text(location)),
        feed=checked_text(feed),
        order_id=checked_text(order_id),
        since=since,
    )
    with engine_of(request).connect() as connection:
        # read first: what happens between the two is in both, never in neither
        as_of = newest_event_id(connection)
        rows = list_alerts(connection, wanted, before=before, limit=limit)
    return {"alerts": rows, "next": next_key(rows, limit, "alert_id"), "as_of": as_of}


@router.get("/alerts/schema")
def get_alert_schema(_key: AnyReadKey) -> JSONResponse:
    """Give the JSON Schema of the CloudEvents that webhooks and streams carry."""
    return JSONResponse(json_schema(), media_type="application/schema+json")


@router.get("/alerts/stream", response_class=Response)
async def get_alert_stream(
    request: Request,
    key: ReadKeyAt,
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
    fan_out: FanOut = request.app.state.alert_fan_out
    after = _last_seen(last_event_id_header) if last_event_id_header else last_event_id
    text = request.headers["authorization"].partition(" ")[2].strip()
    ring, place = key_ring_of(request), place_for(key, location)

    def wants(frame: Frame) -> bool:
        return rule in (None, frame.rule) and place in (None, frame.location)

    async def check_key() -> object:
        return ring.find(text) or await ring.fetch(text)

    await fan_out.started()
    subscription = fan_out.join(wants)
    return SseResponse(fan_out, subscription, after=after, check_key=check_key, for_s=for_s)


def _last_seen(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Invalid("last_event_id", "Last-Event-ID is the `id` of an event of this stream.")
    return int(text)


@router.get("/alerts/{alert_id}")
def get_alert(request: Request, key: ReadKeyAt, alert_id: PathId) -> dict[str, Any]:
    """Give one alert with its history."""
    with engine_of(request).connect() as connection:
        alert = read_alert(connection, alert_id)
    require_place(key, alert["location"])
    return alert


@router.patch("/alerts/{alert_id}", openapi_extra=body_of(Change))
async def patch_alert(request: Request, key: OperateKeyAt, alert_id: PathId) -> dict[str, Any]:
    """Acknowledge an alert, or silence its rule and subject until an instant, with a reason that the history keeps."""
    change = await read_body(request, Change, CHANGE_BYTES_MAX)
    by = asked_by(key, change.user)
    until = change.silence_until
    if not change.acknowledge and until is None:
        raise Invalid("body", "Say what to do: {acknowledge: true} or {silence_until: …}.")

    def work(connection: sa.Connection) -> dict[str, Any]:
        require_place(key, read_alert(connection, alert_id)["location"])
        if change.acknowledge:
            acknowledge(connection, alert_id, by=by, reason=change.reason)
        if until is not None:
            silence(connection, alert_id, until=until, by=by, reason=change.reason)
        return read_alert(connection, alert_id)

    return await in_transaction(request, work)


@router.get("/reorder-points")
def get_reorder_points(
    request: Request,
    key: ReadKeyAt,
    product: str | None = None,
    location: str | None = None,
    after: str = "",
    limit: Limit = 100,
) -> dict[str, Any]:
    """Page through reorder points (units); `next` is the `after` of the next page."""
    with engine_of(request).connect() as connection:
        rows = list_reorder_points(
            connection,
            product=checked_text(product),
            location=place_for(key, checked_text(location)),
            after=pair_of(after),
            limit=limit,
        )
    return {"reorder_points": rows, "next": next_pair(rows, limit)}


@router.put("/reorder-points", openapi_extra=body_of(ReorderPointsIn))
async def put_reorder_points_route(request: Request, key: OperateKeyAt) -> dict[str, int]:
    """Set reorder points (units; null takes one away), all or none. Their alerts follow at once."""
    settings = settings_of(request)
    body = await read_body(request, ReorderPointsIn, settings.body_bytes_max)
    by = asked_by(key, body.user)
    for point in body.reorder_points:
        require_place(key, point.location)
    count = await in_transaction(
        request,
        lambda connection: put_reorder_points(
            connection, body.reorder_points, by=by, units_max=settings.quantity_max
        ),
    )
    return {"reorder_points": count}
