"""Replays that were kept: the newest ones, and the result of one."""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

LISTED_MAX = 20


def keep_replay(connection: sa.Connection, result: Mapping[str, Any], *, by: str) -> int:
    """Keep a replay's result; the caller commits. Returns its number."""
    kept = connection.execute(
        sa.text(
            "INSERT INTO replays (made_by, result) VALUES (:by, CAST(:result AS jsonb)) RETURNING replay_id"
        ),
        {"by": by, "result": json.dumps(result)},
    )
    return int(kept.scalar_one())


def list_replays(connection: sa.Connection) -> list[dict[str, Any]]:
    """Return the newest replays without their results, newest first."""
    found = connection.execute(
        sa.text("SELECT replay_id, made_by, made_at FROM replays ORDER BY replay_id DESC LIMIT :n"),
        {"n": LISTED_MAX},
    )
    return [dict(row) for row in found.mappings()]


def read_replay(connection: sa.Connection, replay_id: int) -> dict[str, Any] | None:
    """Return one replay's result; None if there is none of the number."""
    found = connection.execute(
        sa.text("SELECT result FROM replays WHERE replay_id = :id"), {"id": replay_id}
    ).scalar_one_or_none()
    return None if found is None else dict(found)
