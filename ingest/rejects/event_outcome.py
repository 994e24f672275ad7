"""The outcome of an event, kept forever: its entries in the ledger, and what was refused under its identity."""

from typing import Any

import sqlalchemy as sa

from ingest.parsing.numbers import MILLI
from stocktide.domain.kinds import CORRECTION
from stocktide.foundation.database import statement
from stocktide.foundation.errors import NotFound

AMOUNTS = {"moved": "quantity_milli", "observed": "observed_milli", "promised": "committed_milli"}


def event_outcome(connection: sa.Connection, source: str, event_id: str) -> dict[str, Any]:
    """Return whether an event was accepted or rejected, when, and what it moved (units). Raises NotFound.

    What was refused under the identity beside an accepted event are its conflicts, or what it was fixed from.
    """
    identity = {"source": source, "event_id": event_id}
    entries, kept = (
        connection.execute(statement(name), identity).mappings().all()
        for name in ("ingest/reject_event_entries", "ingest/reject_event_kept")
    )
    if not entries and not kept:
        raise NotFound(
            "event_unknown",
            f"No event {event_id!r} of {source!r} was ever recorded or refused here. Was it sent, and with this id?",
        )
    answer: dict[str, Any] = {"source": source, "id": event_id, "outcome": "rejected"}
    if entries:
        answer |= _recorded(connection, entries)
    return {**answer, "refused": [dict(row) for row in kept]}


def _recorded(connection: sa.Connection, entries: Any) -> dict[str, Any]:
    first = entries[0]
    names = ("entry_id", "corrects", "product_id", "location_id", "occurred_at")
    links = connection.execute(
        statement("stocktide/event_links"), {name: first[name] for name in names}
    ).mappings()
    linked = {
        row["link"]: {name: row[name] for name in ("source", "id", "recorded_at")} for row in links
    }
    return {
        "outcome": "accepted",
        "recorded_at": first["recorded_at"],
        "occurred_at": first["occurred_at"],
        "kind": CORRECTION.name if first["corrects"] else first["kind"],
        "entries": [_entry(entry) for entry in entries],
        "corrected_by": linked.get("corrected_by"),
        "corrects": linked.get("corrects"),
    }


def _entry(entry: Any) -> dict[str, Any]:
    units = {
        name: None if entry[column] is None else entry[column] / MILLI
        for name, column in AMOUNTS.items()
    }
    return {name: entry[name] for name in ("entry_id", "kind", "product", "location")} | units
