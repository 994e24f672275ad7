"""A part of a line is ordered now, and a line of its own is opened for the rest."""

import json
from dataclasses import replace
from typing import NamedTuple

import sqlalchemy as sa

from purchasing.desk.history import action_row, write_lines
from purchasing.desk.lines import Decision, Line
from stocktide.domain.exact_numbers import in_full
from stocktide.foundation.database import statement


class Rest(NamedTuple):
    """What a split leaves to a later day. at_risk_micros: its share of the sales at risk, by quantity."""

    milli: int
    at_risk_micros: int | None


def rest_of(
    before: Line, at_risk_micros: int | None, after: Line, decision: Decision
) -> Rest | None:
    """Return what a split leaves; None for another decision. at_risk_micros: of the whole line."""
    if decision.action != "split":
        return None
    whole = before.quantity_milli
    rest = whole - (after.ordered_milli or 0)
    return Rest(rest, None if at_risk_micros is None else at_risk_micros * rest // whole)


def share_risk(connection: sa.Connection, line_id: int, rest: Rest) -> None:
    """Leave its risk to the rest: before the line is ordered, for what was ordered stays as it is."""
    binds = {"line_id": line_id, "rest": rest.at_risk_micros}
    connection.execute(statement("purchasing/desk/share_risk"), binds)


def open_rest(
    connection: sa.Connection, before: Line, after: Line, decision: Decision, rest: Rest
) -> None:
    """Open a line for what a split leaves to a later day."""
    whole, now = before.quantity_milli, after.ordered_milli or 0
    binds = {
        "line_id": after.line_id,
        "rest": rest.milli,
        "at_risk": rest.at_risk_micros,
        "until": decision.until,
        "sentence": f"{in_full(rest.milli / 1000)} are left of {in_full(whole / 1000)}, of which "
        f"{in_full(now / 1000)} were ordered as {after.order_id}",
        "data": json.dumps(
            {"whole": whole / 1000, "ordered": now / 1000, "quantity": rest.milli / 1000}
        ),
    }
    made = connection.execute(statement("purchasing/desk/split_rest"), binds).scalar_one()
    line = replace(
        before,
        line_id=made,
        state="snoozed",
        buyer_milli=rest.milli,
        snoozed_until=decision.until,
        version=1,
    )
    done = action_row(None, line, "split", by=decision.by, reason=decision.reason)
    write_lines(connection, [], [done])
