"""Requests that come again are done once: what they did stands, and what was refused is refused again."""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from purchasing.desk.lines import Decision
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Conflict

# What people call the parts of a decision.
TOLD = {"quantity_milli": "quantity", "until": "day", "by": "approver"}


def done_before(connection: sa.Connection, request: str) -> dict[int, Any]:
    """Return what a request has done already, by line."""
    rows = connection.execute(statement("purchasing/desk/done_before"), {"request": request})
    return {row.line_id: row for row in rows}


def is_known(connection: sa.Connection, request: str, decisions: Mapping[int, Decision]) -> bool:
    """Return True if a request has come before, else note what it asks. Raises Conflict if another has its id."""
    asked = {str(number): _asked(decision) for number, decision in decisions.items()}
    binds = {"request": request, "asked": json.dumps(asked)}
    if connection.execute(statement("purchasing/desk/note_request"), binds).rowcount:
        return False
    first = sa.text("SELECT asked FROM order_requests WHERE request = :request")
    check_same(request, connection.execute(first, binds).scalar_one(), asked)
    return True


def check_same(
    request: str, first: Mapping[str, Mapping[str, Any]], asked: Mapping[str, Mapping[str, Any]]
) -> None:
    """Raise Conflict unless a request is the one that was sent first.

    Of a request from before all of it was kept, what is known is compared.
    """
    for number in sorted(first.keys() | asked.keys(), key=int):
        before, now = first.get(number), asked.get(number)
        if before is None or now is None:
            what = "was not in it then" if before is None else "was in it then, and is not now"
        else:
            others = [one for one, value in now.items() if before.get(one, value) != value]
            if not others:
                continue
            what = f"had another {', '.join(TOLD.get(name, name) for name in others)}"
        raise Conflict(
            "request_used",
            f"The request {request!r} was used before for something else: line {number} {what}. "
            "Nothing was done; send it under an id of its own.",
            request=request,
            line_id=int(number),
        )


def _asked(decision: Decision) -> dict[str, Any]:
    """Return what is kept of a decision that a request asks for."""
    return {**vars(decision), "until": decision.until and decision.until.isoformat()}


def refused_before(row: Mapping[str, Any], done: Mapping[int, Any]) -> Conflict | None:
    """Return why a line of a request that comes again was not decided then; None if it was."""
    if row["line_id"] in done:
        return None
    return Conflict(
        "refused_before",
        f"Line {row['line_id']} was refused when this request came first, and a request is done once. Look again, then "
        "send your decision under another id.",
        line_id=row["line_id"],
    )


def noted_before(row: Mapping[str, Any], done: Mapping[int, Any]) -> str | None:
    """Return the note of the answer that a request had when it came first."""
    return done[row["line_id"]].note if row["line_id"] in done else None
