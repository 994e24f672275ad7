"""Trace an event: every row that it went into, with the version of the lake and the run that first held it."""

from typing import Any

import duckdb
import sqlalchemy as sa
from deltalake.exceptions import DeltaError

from query.lineage.after import read_alerts, read_forecasts
from query.lineage.event import Event, read_event, read_links, read_refused
from query.lineage.lake_at import LakeMoment, first_landed
from query.lineage.lake_rows import Found, find_rows
from query.report_bound import bounded_database
from query.report_engine import TRIES_MAX, Reports
from stocktide.foundation.database import statement
from stocktide.foundation.errors import NotFound, Transient

WAITING = (
    "It is recorded, and not in the lake yet: the next run of the ETL lands it, within minutes. To do it now, run "
    "`stocktide etl`."
)
REFUSED = (
    "It was refused, and changed nothing. Fix it and record it again: see page Feeds, Rejects, or "
    "`stocktide rejects show {reject_id}`."
)
GONE = "Closed: it was refused, and whoever looked at it dropped it. See page Feeds, Rejects."


def trace_event(
    engine: sa.Engine, reports: Reports, source: str, event_id: str, *, alone: bool = False
) -> dict[str, Any]:
    """Return where an event went. Raises NotFound, Transient.

    alone: say nothing of forecasts and alerts, which are of other sources too, nor which of these sent the same id.
    """
    with engine.connect() as connection:
        event = read_event(connection, source, event_id)
        refused = read_refused(connection, source, event_id)
        if event is None:
            return _not_recorded(connection, source, event_id, refused, alone=alone)
        links = read_links(connection, event)
        landed = first_landed(connection, event.xid)
        forecasts = None if alone else read_forecasts(connection, event)
        alerts = None if alone else read_alerts(connection, event)
    rows = [] if landed is None else _find(reports, event)
    is_landed = any(row.table == "movements" and row.is_there for row in rows)
    state, words = _state(event, is_landed=is_landed)
    return {
        "source": source,
        "id": event_id,
        "outcome": "accepted",
        "state": state,
        "words": words,
        "kind": event.kind,
        "occurred_at": event.first["occurred_at"],
        "recorded_at": event.recorded_at,
        "day": event.day,
        "entries": event.entries(),
        **links,
        "rows": [_row(row, landed) for row in rows] if landed and is_landed else [],
        "forecasts": forecasts,
        "alerts": alerts,
        "refused": refused,
    }


def _state(event: Event, *, is_landed: bool) -> tuple[str, str]:
    """Return how far an event has come, and what to do where that is not far enough."""
    if is_landed:
        return "landed", ""
    if event.held_out is not None:
        return "held_out", (
            f"Its product is held out of the lake at this place, for a step fails on it: {event.held_out} Every run "
            "of the ETL tries again. See page System."
        )
    return "waiting", WAITING


def _row(row: Found, landed: LakeMoment) -> dict[str, Any]:
    """Return a row for people. or_before: it may have been in an earlier version, of which nothing is known."""
    version = landed.versions.get(row.table)
    return {
        "table": row.table,
        "key": dict(row.key),
        "is_there": row.is_there,
        "version": version,
        "run_id": landed.run_id,
        "noted_at": landed.noted_at,
        "or_before": landed.is_oldest and bool(version),
    }


def _find(reports: Reports, event: Event) -> list[Found]:
    """Look up the rows; files that are merged meanwhile are looked up again."""
    for _ in range(TRIES_MAX):
        try:
            with reports.place(), bounded_database(reports.settings) as database:
                return find_rows(database, reports.lake, event)
        except (duckdb.IOException, FileNotFoundError, DeltaError):
            continue
    raise Transient("lineage_lake_moves", "The lake is being written. Try again in a few seconds.")


def _not_recorded(
    connection: sa.Connection,
    source: str,
    event_id: str,
    refused: list[dict[str, Any]],
    *,
    alone: bool,
) -> dict[str, Any]:
    """Return what was refused of an event that is not in the ledger. Raises NotFound that says where to look."""
    if refused:
        still = next((one for one in refused if one["state"] == "open"), None)
        words = GONE if still is None else REFUSED.format(reject_id=still["reject_id"])
        told = {"outcome": "rejected", "state": "refused", "words": words, "refused": refused}
        return {"source": source, "id": event_id, **told}
    identity = {"source": source, "event_id": event_id}
    found = connection.execute(statement("query/lineage/event_elsewhere"), identity).scalars().all()
    elsewhere = [str(one) for one in found if not alone]
    where = (
        f"An event of this id came from {', '.join(map(repr, elsewhere))}. " if elsewhere else ""
    )
    raise NotFound(
        "event_unknown",
        f"No event {event_id!r} of {source!r} was recorded or refused here. {where}Check both names. If they are "
        "right, it has not come: look at page Feeds for the sender's last event, at Feeds, Rejects for input whose id "
        "could not be read, and at what waits in the sender's own queue.",
        elsewhere=elsewhere,
    )
