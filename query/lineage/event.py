"""An event as the ledger has it: its rows, its corrections, and what was refused under its name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from stocktide.domain.kinds import CORRECTION
from stocktide.foundation.database import statement

MILLI, MICROS = 1_000, 1_000_000
# Amounts of a row in units, by the columns of the ledger.
UNITS = {
    "quantity": "quantity_milli",
    "observed": "observed_milli",
    "promised": "committed_milli",
}


@dataclass(frozen=True)
class Event:
    """An event, with the ledger's rows of it: one, or two where goods go from one place to another."""

    source: str
    event_id: str
    rows: Sequence[Any]

    @property
    def first(self) -> Any:
        """Return its first row."""
        return self.rows[0]

    @property
    def xid(self) -> int:
        """Return the transaction that recorded it."""
        return int(self.first["xid"])

    @property
    def day(self) -> date:
        """Return its business day."""
        day: date = self.first["day"]
        return day

    @property
    def recorded_at(self) -> datetime:
        """Return when it was recorded."""
        at: datetime = self.first["recorded_at"]
        return at

    @property
    def kind(self) -> str:
        """Return its kind; the row of a correction has the kind of what it reverses."""
        return CORRECTION.name if self.first["corrects"] else str(self.first["kind"])

    @property
    def held_out(self) -> str | None:
        """Return why its product is held out of the lake at its place, None if it is not."""
        return next((row["held_error"] for row in self.rows if row["held_error"]), None)

    def entries(self) -> list[dict[str, Any]]:
        """Return its rows for people: codes and units."""
        return [
            {
                **{name: row[name] for name in ("entry_id", "leg", "kind", "product", "location")},
                "day": row["day"],
                **{name: _units(row[column]) for name, column in UNITS.items()},
                "price": None if row["price_micros"] is None else row["price_micros"] / MICROS,
                "currency": row["currency"],
                "order_id": row["order_id"],
                "order_line": row["order_line"],
            }
            for row in self.rows
        ]


def read_event(connection: sa.Connection, source: str, event_id: str) -> Event | None:
    """Read an event from the ledger; None where it has none of this name."""
    identity = {"source": source, "event_id": event_id}
    rows = connection.execute(statement("query/lineage/event_entries"), identity).mappings().all()
    return Event(source, event_id, rows) if rows else None


def read_links(connection: sa.Connection, event: Event) -> dict[str, Any]:
    """Return the event that corrects this one, and the one that it corrects; None for one that does not exist."""
    names = ("entry_id", "corrects", "product_id", "location_id", "occurred_at")
    binds = {name: event.first[name] for name in names}
    found = connection.execute(statement("stocktide/event_links"), binds).mappings()
    links = {
        row["link"]: {name: row[name] for name in ("source", "id", "recorded_at")} for row in found
    }
    return {name: links.get(name) for name in ("corrected_by", "corrects")}


def read_refused(connection: sa.Connection, source: str, event_id: str) -> list[dict[str, Any]]:
    """Return what was refused under a name, the newest first."""
    identity = {"source": source, "event_id": event_id}
    found = connection.execute(statement("query/lineage/event_refused"), identity).mappings()
    return [dict(row) for row in found]


def _units(milli: int | None) -> float | None:
    return None if milli is None else milli / MILLI
