"""The events by which the desk writes to the ledger: orders, transfers, and what takes them back."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from purchasing.desk.cancelling import Came
from purchasing.desk.lines import Decision, Line
from stocktide.domain.kinds import ADJUSTMENT, CORRECTION, DISPATCH, ORDER
from stocktide.domain.own_sources import ORDERS

# Of a text that an event takes; a reason may be longer, and the line's history keeps all of it.
TEXT_MAX = 500


def order_event(line: Line, expected_on: date | None) -> bytes:
    """Return the event of an order at a supplier."""
    return _event(ORDER.type, _event_id(line), _order_data(line, expected_on))


def kept_events(line: Line, came: Came) -> list[bytes]:
    """Return the order of what has come of a cancelled line, at the time of the order: lead times are learnt of it."""
    if not came.received_milli:
        return []
    data = _order_data(replace(line, ordered_milli=came.received_milli), None)
    return [_event(ORDER.type, f"{_event_id(line)}-came", data, at=came.ordered_at)]


def _order_data(line: Line, expected_on: date | None) -> dict[str, Any]:
    data = {
        "product": line.product,
        "location": line.location,
        "quantity": _exact(line.ordered_milli or 0, 3),
        "order_id": line.order_id,
        "order_line": line.order_line,
        "supplier": line.supplier,
        "cost": None if line.price_micros is None else _exact(line.price_micros, 6),
        "currency": None if line.price_micros is None else line.currency,
        "expected_on": expected_on and expected_on.isoformat(),
    }
    return {name: value for name, value in data.items() if value is not None}


def dispatch_event(
    event_id: str,
    *,
    product: str,
    source: str,
    target: str,
    milli: int,
    transfer_id: str,
    expected_on: date | None = None,
    lot: str | None = None,
    expires_on: date | None = None,
    at: datetime | None = None,
    by: str | None = None,
) -> bytes:
    """Return the event of goods that leave a location of ours and are in transit. milli: thousandths of a unit."""
    data = {
        "product": product,
        "location": source,
        "to_location": target,
        "quantity": _exact(milli, 3),
        "transfer_id": transfer_id,
        "lot": lot,
        "expires_on": expires_on and expires_on.isoformat(),
        "expected_on": expected_on and expected_on.isoformat(),
    }
    told = {name: value for name, value in data.items() if value is not None}
    return _event(DISPATCH.type, event_id, told, at=at, by=by)


def adjustment_event(
    event_id: str,
    *,
    product: str,
    location: str,
    milli: int,
    reason: str,
    lot: str | None,
    at: datetime,
) -> bytes:
    """Return the event of goods that are gone. milli: below 0, thousandths of a unit."""
    data = {
        "product": product,
        "location": location,
        "quantity": f"-{_exact(-milli, 3)}",
        "reason": reason[:TEXT_MAX],
    }
    return _event(ADJUSTMENT.type, event_id, data if lot is None else {**data, "lot": lot}, at=at)


def cancel_event(line: Line, decision: Decision) -> bytes:
    """Return the event that takes the order of a cancelled line back."""
    return correction_event(_event_id(line), f"cancelled by {decision.by}: {decision.reason}")


def correction_event(event_id: str, reason: str) -> bytes:
    """Return the event that takes another of the desk back."""
    data = {"corrects_id": event_id, "corrects_source": ORDERS, "reason": reason[:TEXT_MAX]}
    return _event(CORRECTION.type, f"{event_id}-cancelled", data)


def _event_id(line: Line) -> str:
    # of an order as of what it sends
    return line.transfer_id


def _event(
    kind: str,
    event_id: str,
    data: Mapping[str, Any],
    *,
    at: datetime | None = None,
    by: str | None = None,
) -> bytes:
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": ORDERS,
        "type": kind,
        "time": (at or datetime.now(UTC)).isoformat(),
        "data": data,
    }
    return json.dumps(event if by is None else {**event, "sentby": by}).encode()


def _exact(scaled: int, places: int) -> str:
    """Return a scaled number as the decimal that it is."""
    whole, part = divmod(scaled, 10**places)
    return f"{whole}.{part:0{places}d}"
