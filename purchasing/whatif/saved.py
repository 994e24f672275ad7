"""Comparisons that people save, share by their number, and apply once."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from stocktide.foundation.database import statement
from stocktide.foundation.errors import Conflict, NotFound


def save(
    connection: sa.Connection,
    owner: str,
    name: str,
    asked: Mapping[str, Any],
    answer: Mapping[str, Any],
) -> int:
    """Save a comparison and return its number; the caller commits."""
    insert = sa.text(
        "INSERT INTO what_ifs (owner, name, asked, answer) VALUES (:owner, :name, CAST(:asked AS jsonb), "
        "CAST(:answer AS jsonb)) RETURNING what_if_id"
    )
    told = {"asked": json.dumps(asked, default=str), "answer": json.dumps(answer, default=str)}
    found: int = connection.execute(insert, {"owner": owner, "name": name, **told}).scalar_one()
    return found


def list_saved(connection: sa.Connection, *, limit: int = 100) -> list[dict[str, Any]]:
    """List comparisons, the newest first, with what was applied of each."""
    rows = connection.execute(
        statement("purchasing/what_ifs"), {"what_if_id": None, "limit": limit}
    )
    left_out = ("asked", "answer")
    return [{k: v for k, v in row.items() if k not in left_out} for row in rows.mappings()]


def read_saved(connection: sa.Connection, what_if_id: int) -> dict[str, Any]:
    """Read a comparison: what was asked, its figures then, and what was applied. Raises NotFound."""
    bound = {"what_if_id": what_if_id, "limit": 1}
    row = connection.execute(statement("purchasing/what_ifs"), bound).mappings().first()
    if row is None:
        raise NotFound("what_if_unknown", f"There is no what-if {what_if_id}.")
    return dict(row)


def delete_saved(connection: sa.Connection, what_if_id: int) -> None:
    """Delete a comparison; the caller commits. Raises NotFound, Conflict if a scenario of it was applied."""
    if read_saved(connection, what_if_id)["applied"]:
        raise Conflict("what_if_applied", "It was applied, so it is kept as the record of that.")
    connection.execute(
        sa.text("DELETE FROM what_ifs WHERE what_if_id = :what_if_id"), {"what_if_id": what_if_id}
    )


def refuse_applied(saved: Mapping[str, Any], scenario: str) -> None:
    """Raise Conflict if a scenario of a comparison was applied. saved: of `read_saved`."""
    if scenario in {one["scenario"] for one in saved["applied"]}:
        raise Conflict("what_if_applied", f"{scenario!r} was applied already.")


def note_applied(
    connection: sa.Connection,
    what_if_id: int,
    scenario: str,
    wrote: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    by: str,
) -> None:
    """Keep that a scenario was applied, and the rows that it wrote; the caller commits. Raises Conflict if it was."""
    done = connection.execute(
        sa.text(
            "INSERT INTO what_ifs_applied (what_if_id, scenario, applied_by, wrote) VALUES (:what_if_id, :scenario, "
            ":by, CAST(:wrote AS jsonb)) ON CONFLICT DO NOTHING"
        ),
        {
            "what_if_id": what_if_id,
            "scenario": scenario,
            "by": by,
            "wrote": json.dumps(wrote, default=str),
        },
    )
    if done.rowcount == 0:
        raise Conflict("what_if_applied", f"{scenario!r} was applied already.")
