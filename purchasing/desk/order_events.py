"""The events by which the desk writes to the ledger: orders, transfers, and what takes them back."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from purchasing.desk.cancelling import Came
from purchasing.desk.lines import Decision, Line
from stocktide.domain.kinds import CORRECTION, DISPATCH, ORDER
from stocktide.domain.own_sources import ORDERS


def order_event(line: Line, expected_on: date | None) -> bytes:
    """Return the event of an order at a supplier."""
    return _event(ORDER.type, _event_id(line), _order_data(line, expected_on))


def kept_events(line: Line, came: Came) -> list[bytes]:
    """Return the order, or dispatch, of what has come of a cancelled line, at the time of the order.

    Lead times are learnt of it, and of a transfer only the rest is back where it came from.
    """
    if not came.received_milli:
        return []
    kept = replace(line, ordered_milli=came.received_milli)
    kind, data = ORDER, _order_data(kept, None)
    if line.source is not None:
        kind, data = DISPATCH, _dispatch_data(kept, None)
    return [_event(kind.type, f"{_event_id(line)}-came", data, at=came.ordered_at)]


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


def dispatch_event(line: Line, expected_on: date | None) -> bytes:
    """Return the event of a transfer: the goods leave our own location and are in transit."""
    return _event(DISPATCH.type, _event_id(line), _dispatch_data(line, expected_on))


def _dispatch_data(line: Line, expected_on: date | None) -> dict[str, Any]:
    data = {
        "product": line.product,
        "location": line.source,
        "to_location": line.location,
        "quantity": _exact(line.ordered_milli or 0, 3),
        "transfer_id": line.transfer_id,
        "expected_on": expected_on and expected_on.isoformat(),
    }
    return {name: value for name, value in data.items() if value is not None}


def cancel_event(line: Line, decision: Decision) -> bytes:
    """Return the event that takes the order of a cancelled line back."""
    data = {
        "corrects_id": _event_id(line),
        "corrects_source": ORDERS,
        "reason": f"cancelled by {decision.by}: {decision.reason}",
    }
    return _event(CORRECTION.type, f"{_event_id(line)}-cancelled", data)


def _event_id(line: Line) -> str:
    # of an order as of what it sends
    return line.transfer_id


def _event(
    kind: str, event_id: str, data: Mapping[str, Any], *, at: datetime | None = None
) -> bytes:
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": ORDERS,
        "type": kind,
        "time": (at or datetime.now(UTC)).isoformat(),
        "data": data,
    }
    return json.dumps(event).encode()


def _exact(scaled: int, places: int) -> str:
    """Return a scaled number as the decimal that it is."""
    whole, part = divmod(scaled, 10**places)
    return f"{whole}.{part:0{places}d}"
