"""What has come of an ordered line cannot be cancelled: it is kept, and only the rest is taken back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from purchasing.desk.lines import Decision, Line
from stocktide.domain.exact_numbers import in_full
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Conflict, Invalid


class Came(NamedTuple):
    """What has come of an ordered line, thousandths, and when the line was ordered."""

    received_milli: int
    ordered_at: datetime


def read_came(connection: sa.Connection, decisions: Mapping[int, Decision]) -> dict[int, Came]:
    """Return what has come of the lines that are to be cancelled."""
    ids = [line_id for line_id, decision in decisions.items() if decision.action == "cancel"]
    if not ids:
        return {}
    rows = connection.execute(statement("purchasing/desk/came"), {"ids": ids})
    return {row.line_id: Came(row.received_milli, row.ordered_at) for row in rows}


def check_not_received(line: Line, came: Came | None) -> None:
    """Raise Conflict where all of a line has come: nothing of it is left to cancel."""
    if (
        came is not None
        and line.state == "ordered"
        and came.received_milli >= (line.ordered_milli or 0)
    ):
        back = "an adjustment" if line.source is None else "a transfer"
        raise Conflict(
            "line_received",
            f"{in_full(came.received_milli / 1000)} of {line.product} have come for {line.location}, all that was "
            f"ordered: nothing is left to cancel. What goes back is {back}.",
            line_id=line.line_id,
        )


def counted_milli(line: Mapping[str, Any]) -> int:
    """Return how much of an order's line is to be paid: all that was ordered, of a cancelled line what has come."""
    milli = line["received_milli"] if line["state"] == "cancelled" else line["ordered_milli"]
    return int(milli)


def check_rest(line: Line, decision: Decision) -> None:
    """Raise Invalid where a decision says what becomes of goods of ours that have not come, and there are none."""
    if decision.rest is not None and (decision.action != "cancel" or line.source is None):
        raise Invalid(
            "rest",
            f"Line {line.line_id}: `rest` says what becomes of goods of your own that have not come, where their "
            "transfer is cancelled.",
        )
