"""What was done to lines, written with the lines themselves, and read again."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from purchasing.desk.lines import Line, shown
from purchasing.desk.pricing import Steps, reprice
from stocktide.foundation.database import statement
from stocktide.foundation.errors import NotFound

LINE_FIELDS = tuple(Line.__dataclass_fields__)


def line_history(connection: sa.Connection, line_id: int) -> list[dict[str, Any]]:
    """Return all that happened to a line, the newest last. Raises NotFound."""
    rows = connection.execute(statement("purchasing/desk/history"), {"line_id": line_id}).mappings()
    found = [dict(row) for row in rows]
    if not found:
        raise NotFound("line_unknown", f"There is no line {line_id}.", line_id=line_id)
    return found


def reprice_lines(connection: sa.Connection, steps: Steps, *, by: str) -> list[Line]:
    """Write what open lines cost now that less or more of their product is open; returns those that changed."""
    changed = reprice(connection, steps, list(steps))
    actions = [action_row(line, new, "reprice", by=by) for line, new in changed]
    write_lines(connection, [new for _, new in changed], actions)
    return [new for _, new in changed]


def action_row(
    before: Line | None,
    after: Line,
    action: str,
    *,
    by: str,
    reason: str | None = None,
    request: str | None = None,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return what the history keeps of what somebody did to a line, with what stood there before and after.

    more: what else is to be known of it, beside what stands there after.
    """
    return {
        "line_id": after.line_id,
        "action": action,
        "by": by,
        "reason": reason,
        "request": request,
        "before": None if before is None else json.dumps(shown(before)),
        "after": json.dumps({**shown(after), **more}),
    }


def write_lines(
    connection: sa.Connection, lines: Sequence[Line], actions: Sequence[Mapping[str, Any]]
) -> None:
    """Write what became of lines, and the rows of their history."""
    if lines:
        values = [{name: getattr(line, name) for name in LINE_FIELDS} for line in lines]
        connection.execute(statement("purchasing/desk/save_line"), values)
    if actions:
        connection.execute(statement("purchasing/desk/note_action"), [dict(row) for row in actions])
