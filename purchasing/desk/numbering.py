"""An order gets its number: one that nobody else's order has, and that nobody else's gets meanwhile."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from purchasing.desk.lines import Decision, Line
from stocktide.foundation.database import statement
from stocktide.foundation.database_names import ORDER_NUMBERS_LOCK


def make_order(
    connection: sa.Connection,
    lines: Sequence[Line],
    decisions: Mapping[int, Decision],
    lead_days: Sequence[int | None],
    today: date,
) -> Any:
    """Make the order of lines of one supplier: by who approved last, and before them all who had to approve first."""
    by = decisions[lines[0].line_id].by
    firsts = dict.fromkeys(
        line.approved_by
        for line in lines
        if line.approved_by and line.approved_by != decisions[line.line_id].by
    )
    first = ", ".join(firsts)
    binds = {
        "supplier": lines[0].supplier,
        "source": lines[0].source,
        "currency": lines[0].currency,
        "by": first or by,
        "second": by if first else None,
        "today": today,
        "lead_days": max((days for days in lead_days if days is not None), default=None),
    }
    # a number that somebody else's order is just getting is seen, and left out
    lock = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
    connection.execute(lock, {"name": ORDER_NUMBERS_LOCK})
    return connection.execute(statement("purchasing/desk/make_order"), binds).one()
