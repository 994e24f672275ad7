"""Requests that come again are done once: what they did stands, and what was refused is refused again."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from purchasing.desk.lines import Decision
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Conflict


def done_before(connection: sa.Connection, request: str) -> dict[int, Any]:
    """Return what a request has done already, by line."""
    rows = connection.execute(statement("purchasing/desk/done_before"), {"request": request})
    return {row.line_id: row for row in rows}


def check_same(request: str, done: Mapping[int, Any], decisions: Mapping[int, Decision]) -> None:
    """Raise Conflict unless a request is the one that was sent before."""
    for number, before in done.items():
        now = decisions.get(number)
        if now is None or (now.action, now.by) != (before.action, before.by):
            raise Conflict(
                "request_used",
                f"The request {request!r} was used before, by {before.by} on other lines or for something else. "
                "Nothing was done; send it under an id of its own.",
                request=request,
            )


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
