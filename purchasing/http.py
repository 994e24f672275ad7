"""Routes of buying: lead times, and the order desk."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Header, Query, Request, Response

from purchasing.desk.approval_rules import read_rules
from purchasing.desk.by_rule import exceptions_in
from purchasing.desk.document import order_pdf
from purchasing.desk.history import line_history
from purchasing.desk.lines import OPEN, Decision, Rest
from purchasing.desk.listing import Sort, line_said, list_lines, list_suppliers
from purchasing.desk.purchase_order import order_csv, read_order
from purchasing.desk.shell import Decided, Desk
from purchasing.lead_times import list_lead_times
from purchasing.missing import list_missing
from purchasing.moves import close_moves, list_moves, list_under_way, send_moves
from purchasing.proposing.prepare import Defaults
from stocktide.domain.exact_numbers import MILLI_PLACES, NotExact, Number, scaled_exactly
from stocktide.foundation.errors import Forbidden, Invalid
from stocktide.foundation.keys import Key
from stocktide.foundation.paging import Limit, checked_text
from stocktide.foundation.rights import OperateKey, ReadKey, signed_in
from stocktide.foundation.web import (
    asked_by,
    body_of,
    engine_of,
    in_transaction,
    read_body,
    settings_of,
)

router = APIRouter(prefix="/v1", tags=["buying"])
# What a purchase order is sent as: the file's ending, and what writes it.
FILES: dict[str, tuple[str, Callable[[dict[str, Any]], str | bytes]]] = {
    "text/csv": ("csv", order_csv),
    "application/pdf": ("pdf", order_pdf),
}


@router.get("/lead-times")
def get_lead_times(
    request: Request,
    _key: ReadKey,
    supplier: str | None = None,
    product: str | None = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """List how long suppliers take from order to receipt: chances by day, mean, 10 %, 50 % and 90 % quantile, days."""
    asked = {"supplier": checked_text(supplier), "product": checked_text(product)}
    with engine_of(request).connect() as connection:
        return {"lead_times": list_lead_times(connection, **asked, limit=limit)}


class DecisionIn(msgspec.Struct, forbid_unknown_fields=True):
    """A decision on a line. seen: the `version` that was decided on. quantity: units, for change and split.

    rest: for cancel of a transfer of your own goods: what has not come is in the sender's stock again (`returned`, as
    if left out), or written off there (`lost`).
    """

    line: int
    action: Literal["change", "approve", "split", "reject", "snooze", "wake", "cancel"]
    seen: int
    reason: Annotated[str, msgspec.Meta(max_length=1_000)] | None = None
    quantity: Number | None = None
    until: date | None = None
    rest: Rest | None = None


class DecisionsIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/orders. request: an id of yours; the same again does nothing. user: whom the key speaks for."""

    decisions: Annotated[list[DecisionIn], msgspec.Meta(min_length=1, max_length=1_000)]
    request: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    user: str | None = None


@router.get("/orders")
def get_orders(
    request: Request,
    _key: ReadKey,
    state: str = "open",
    supplier: str | None = None,
    product: str | None = None,
    location: str | None = None,
    department: str | None = None,
    category: str | None = None,
    sort: Sort = "risk",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Limit = 100,
) -> dict[str, Any]:
    """List lines of the order desk, a page at a time; `state`: open, ordered and others. cost, at_risk: of all.

    `why_not` of an open line says why no rule approved it; null where rules are off, or about to approve it.
    """
    asked = {
        "supplier": checked_text(supplier),
        "product": checked_text(product),
        "location": checked_text(location),
        "department": checked_text(department),
        "category": checked_text(category),
    }
    with engine_of(request).connect() as connection:
        listed = list_lines(connection, state=state, sort=sort, offset=offset, limit=limit, **asked)
        desk: Desk = request.app.state.desk
        rules = read_rules(connection, request.app.state.order_rule, desk.currency)
        ids = [line["line_id"] for line in listed.lines if line["state"] in OPEN]
        why_not = exceptions_in(connection, desk, rules, ids)
    lines = [{**line, "why_not": why_not.get(line["line_id"])} for line in listed.lines]
    return listed._replace(lines=lines)._asdict()


@router.get("/orders/suppliers")
def get_order_suppliers(request: Request, _key: ReadKey, state: str = "open") -> dict[str, Any]:
    """List the suppliers with lines of a state: how many, what they cost and risk, and until when to order."""
    with engine_of(request).connect() as connection:
        return {"suppliers": list_suppliers(connection, state=state)}


@router.get("/orders/missing")
def get_missing_terms(
    request: Request,
    _key: ReadKey,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Limit = 100,
) -> dict[str, Any]:
    """List what orders lack: a supplier, a price, a pack, a lead time, each with what stands in its place meanwhile."""
    defaults: Defaults = request.app.state.order_defaults
    with engine_of(request).connect() as connection:
        missing, found = list_missing(connection, defaults, offset=offset, limit=limit)
    return {"missing": missing, "found": found}


@router.get("/orders/moves")
def get_moves(request: Request, _key: ReadKey) -> dict[str, Any]:
    """List what the newest run would move between shops before anything is bought, and what of it is sent.

    `under_way` are moves of all runs that were sent and have not come, or not all of them.
    """
    with engine_of(request).connect() as connection:
        return {"moves": list_moves(connection), "under_way": list_under_way(connection)}


class MovesIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/orders/moves. moves: each `transfer_id` once. user: who sends them."""

    moves: Annotated[list[str], msgspec.Meta(min_length=1, max_length=1_000)]
    user: str | None = None


@router.post("/orders/moves", openapi_extra=body_of(MovesIn))
async def post_moves(request: Request, key: OperateKey) -> dict[str, Any]:
    """Record moves as sent; they are in transit when this answers. The same again changes nothing."""
    body = await read_body(request, MovesIn, settings_of(request).body_bytes_max)
    by, desk = await _buyer(request, key, body.user), request.app.state.desk

    def work(connection: sa.Connection) -> list[dict[str, Any]]:
        return send_moves(connection, desk.record, body.moves, by=by)

    return {"moves": await in_transaction(request, work)}


class ClosedMovesIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/orders/moves/close. rest: as of a decision."""

    moves: Annotated[list[str], msgspec.Meta(min_length=1, max_length=1_000)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
    rest: Rest | None = None
    user: str | None = None


@router.post("/orders/moves/close", openapi_extra=body_of(ClosedMovesIn))
async def post_closed_moves(request: Request, key: OperateKey) -> dict[str, Any]:
    """Close moves that came short: the rest is in the source's stock again, or lost; nothing of it is under way."""
    body = await read_body(request, ClosedMovesIn, settings_of(request).body_bytes_max)
    by, desk = await _buyer(request, key, body.user), request.app.state.desk
    reason = str(checked_text(body.reason))

    def work(connection: sa.Connection) -> list[dict[str, Any]]:
        return close_moves(
            connection, desk.record, body.moves, by=by, reason=reason, rest=body.rest
        )

    return {"closed": await in_transaction(request, work)}


@router.get("/orders/{line_id}/history")
def get_line_history(request: Request, _key: ReadKey, line_id: int) -> dict[str, Any]:
    """List all that runs and people did to a line, the newest last."""
    with engine_of(request).connect() as connection:
        return {"history": line_history(connection, line_id)}


@router.get("/purchase-orders/{order_id}", response_model=None)
def get_purchase_order(
    request: Request, _key: ReadKey, order_id: str, accept: Annotated[str, Header()] = ""
) -> dict[str, Any] | Response:
    """Give a purchase order with its lines, what came of each, and the total.

    With `Accept: text/csv` or `application/pdf` it is a file for the supplier.
    """
    with engine_of(request).connect() as connection:
        order = read_order(connection, str(checked_text(order_id)))
    for media_type, (ending, write) in FILES.items():
        if media_type in accept:
            name = f'attachment; filename="{order["order_id"]}.{ending}"'
            headers = {"Content-Disposition": name}
            return Response(write(order), media_type=media_type, headers=headers)
    return order


@router.post("/orders", openapi_extra=body_of(DecisionsIn))
async def decide_orders(request: Request, key: OperateKey) -> dict[str, Any]:
    """Decide on lines. What is approved is on order in the ledger when this answers; each refusal says why."""
    body = await read_body(request, DecisionsIn, settings_of(request).body_bytes_max)
    by, most = await _buyer(request, key, body.user), settings_of(request).quantity_max
    decisions = {one.line: _decision(one, by, most) for one in body.decisions}
    if len(decisions) != len(body.decisions):
        raise Invalid("repeated", "A line stands there twice; decide on it once.")
    desk: Desk = request.app.state.desk

    def work(connection: sa.Connection) -> list[Decided]:
        return desk.decide(connection, decisions, request=body.request)

    return {"lines": [_said(one) for one in await in_transaction(request, work)]}


async def _buyer(request: Request, key: Key, user: str | None) -> str:
    """Return who decides: the person in whose name a page asks, else the key and whom it says to speak for."""
    person = await signed_in(request)
    if person is None:
        return asked_by(key, user)
    if not person.buys:
        raise Forbidden(
            "user_right",
            f"{person.username} is a {person.role}, and does not decide about orders. Whoever may use the command line "
            f"can change that: `stocktide users role {person.username} buyer`.",
        )
    return person.username


def _decision(told: DecisionIn, by: str, most: int) -> Decision:
    """Return a decision with its quantity in thousandths. most: units of one line. Raises Invalid."""
    quantity = None
    if told.quantity is not None:
        try:
            quantity = scaled_exactly(told.quantity, MILLI_PLACES, most)
        except NotExact as error:
            raise Invalid("quantity", f"Line {told.line}: quantity {error}") from None
    reason = checked_text(told.reason)
    return Decision(told.action, by, told.seen, reason, quantity, told.until, rest=told.rest)


def _said(decided: Decided) -> dict[str, Any]:
    error = decided.error
    refused = None if error is None else {"code": error.code, "detail": error.message}
    return {**line_said(decided.line), "error": refused, "note": decided.note}
