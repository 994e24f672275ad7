"""Refused input as people look at it: lists and groups without what was sent, and one reject with all of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingest.recording.formats import format_of
from ingest.recording.recording import Recorder
from ingest.rejects.conflict import side_by_side
from ingest.rejects.hints import nearest
from ingest.rejects.payload import HOW_TO_FIX, kind_of, shown
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Conflict, Invalid, NotFound
from stocktide.foundation.stored_text import is_storable

PAGE_MAX = 500
REASON_MAX = 1_000
# So many of a group are dropped in one transaction.
DROPS_MAX = 10_000
# Of a payload, as much is shown unless more is asked for.
SHOWN_BYTES = 65_536


@dataclass(frozen=True)
class Wanted:
    """Filter of rejects; None: any. field, source: "" is those that name none. since: last seen at or after."""

    feed: str | None = None
    reason: str | None = None
    field: str | None = None
    source: str | None = None
    since: datetime | None = None


def list_rejects(
    connection: sa.Connection,
    wanted: Wanted,
    *,
    state: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Page through rejects, the newest first; `before` is the last reject_id of the page before."""
    return _rows(connection, wanted, state=state, before=before, limit=min(limit, PAGE_MAX))


def group_rejects(
    connection: sa.Connection, wanted: Wanted, *, state: str | None = "open", limit: int = 100
) -> list[dict[str, Any]]:
    """Count rejects by reason, field, feed and source, newest first."""
    binds = {**vars(wanted), "state": state, "limit": min(limit, PAGE_MAX)}
    rows = connection.execute(statement("ingest/reject_groups"), binds).mappings()
    return [dict(row) for row in rows]


def read_reject(
    recorder: Recorder, reject_id: int, *, bytes_max: int = SHOWN_BYTES
) -> dict[str, Any]:
    """Read one reject: what was sent, what is wrong, what was done, and how to fix it. Raises NotFound."""
    with recorder.engine.connect() as connection:
        row = _row(connection, reject_id)
        raw, fixed = payload_of(connection, reject_id)
        now = fixed or raw
        kind = kind_of(now, feed=row["feed"], content_type=row["content_type"])
        return {
            **row,
            "kind": kind,
            "raw": shown(raw, bytes_max),
            "mended": None if fixed is None else shown(fixed, bytes_max),
            "how_to_mend": HOW_TO_FIX[kind],
            "hint": nearest(connection, row["reason"], row["field"], now),
            "conflict": _conflict(connection, recorder, row, now),
            "actions": _actions(connection, reject_id),
        }


def drop_rejects(
    connection: sa.Connection, ids: Collection[int], *, by: str, reason: str
) -> dict[str, Any]:
    """Close open rejects that will not be recorded; they stay kept. The caller commits. Raises Invalid, NotFound."""
    dropped = _moved(connection, "ingest/reject_drop", ids, by=by, reason=reason)
    if len(ids) == 1 and not dropped:
        raise closed(_row(connection, next(iter(ids))))
    return {"dropped": dropped, "not_open": len(set(ids)) - dropped}


def drop_group(connection: sa.Connection, wanted: Wanted, *, by: str, reason: str) -> int:
    """Close open rejects of a group, at most DROPS_MAX; returns how many. The caller commits. Raises Invalid."""
    binds = {**vars(wanted), "by": by, "why": checked_reason(reason), "limit": DROPS_MAX}
    return len(connection.execute(statement("ingest/reject_drop_for"), binds).all())


def reopen_rejects(
    connection: sa.Connection, ids: Collection[int], *, by: str, reason: str
) -> dict[str, Any]:
    """Take back the drop of rejects. The caller commits. Raises Invalid, NotFound, Conflict for a single one.

    What was replayed stays so: it is in the ledger, where a correction takes it back.
    """
    reopened = _moved(connection, "ingest/reject_reopen", ids, by=by, reason=reason)
    if len(ids) == 1 and not reopened:
        row = _row(connection, next(iter(ids)))
        why = f"Reject {row['reject_id']} is {row['state']}; only what was dropped can be opened again."
        raise Conflict("reject_not_dropped", why, state=row["state"])
    return {"reopened": reopened, "not_dropped": len(set(ids)) - reopened}


def _moved(
    connection: sa.Connection, name: str, ids: Collection[int], *, by: str, reason: str
) -> int:
    """Run a statement that drops or reopens rejects with their history; returns how many it did."""
    binds = {"by": by, "reason": checked_reason(reason), "ids": sorted(ids)}
    return len(connection.execute(statement(name), binds).all())


def payload_of(connection: sa.Connection, reject_id: int) -> tuple[bytes, bytes | None]:
    """Return what came, and what was replayed last where it is not that."""
    row = connection.execute(
        sa.text("SELECT raw, mended FROM rejects WHERE reject_id = :id"), {"id": reject_id}
    ).one()
    return bytes(row.raw), None if row.mended is None else bytes(row.mended)


def open_reject(connection: sa.Connection, reject_id: int) -> dict[str, Any]:
    """Read a reject that can still be fixed. Raises NotFound, Conflict."""
    row = _row(connection, reject_id)
    if row["state"] != "open":
        raise closed(row)
    return row


def closed(row: Mapping[str, Any]) -> Conflict:
    """Return the error for what is asked of a reject that is not open any more."""
    state, who = row["state"], row["settled_by"]
    why = f"Reject {row['reject_id']} is {state} already, by {who}; nothing was changed."
    return Conflict("reject_closed", why, state=state)


def checked_reason(reason: str) -> str:
    """Return the reason for an action as the history keeps it. Raises Invalid."""
    # half a pair in it is kept as ?, as it always was
    kept = reason.strip().encode("utf-8", "replace").decode()
    if not kept or len(reason) > REASON_MAX or not is_storable(kept):
        why = f"Enter a reason of at most {REASON_MAX} characters: it is saved in the audit log."
        raise Invalid("reason", why)
    return kept


def _rows(connection: sa.Connection, wanted: Wanted, **binds: Any) -> list[dict[str, Any]]:
    all_binds = {**vars(wanted), "state": None, "before": None, "reject_id": None, **binds}
    return [
        dict(r) for r in connection.execute(statement("ingest/reject_list"), all_binds).mappings()
    ]


def _row(connection: sa.Connection, reject_id: int) -> dict[str, Any]:
    for row in _rows(connection, Wanted(), reject_id=reject_id, limit=1):
        return row
    raise NotFound("reject_unknown", f"There is no reject {reject_id}; see GET /v1/rejects.")


def _conflict(
    connection: sa.Connection, recorder: Recorder, row: Mapping[str, Any], raw: bytes
) -> dict[str, Any] | None:
    """Return both payloads of a conflict, or of what was fixed into one."""
    if row["reason"] != "conflict":
        return None
    known = format_of(kind_of(raw, feed=row["feed"], content_type=row["content_type"]))
    if known is not None:
        return known.compare(connection, raw, row["event_id"])
    source = row["replayed_source"] or row["source"]
    event_id = row["replayed_event_id"] or row["event_id"]
    return side_by_side(connection, recorder, raw, source, event_id)


def _actions(connection: sa.Connection, reject_id: int) -> list[dict[str, Any]]:
    rows = connection.execute(statement("ingest/reject_actions"), {"id": reject_id}).mappings()
    return [dict(row) for row in rows]
