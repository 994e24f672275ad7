"""What became of events' movements, written down: in the events' rows, and at the rejects desk."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from ingest.epcis.movements.event_facts import SOURCE
from ingest.epcis.movements.held_movements import MOVED, held_movements
from ingest.epcis.movements.plan import PendingEvent
from stocktide.foundation.database import statement
from stocktide.foundation.errors import StocktideError, Transient
from stocktide.foundation.stored_text import storable

# Who closes rejects that EPCIS has settled.
BY = "epcis"
MESSAGE_MAX = 500
Done = Mapping[str, Any]


def write_settled(engine: sa.Engine, work: Sequence[PendingEvent]) -> None:
    """Note what events moved, withdraw those that were reversed whole, and close the rejects that are settled so.

    Raises Transient where somebody fixed a movement of a withdrawn event just now: then nothing is noted.
    """
    settled = [item for item in work if item.state != "pending"]
    if not settled:
        return
    withdrawn = [
        item.reverses
        for item in settled
        if item.reverses is not None and item.state in ("recorded", "none")
    ]
    with engine.begin() as connection:
        if withdrawn:
            event_nos = [row.event_no for row in withdrawn]
            connection.execute(statement("ingest/epcis/withdraw"), {"event_nos": event_nos})
        _write(
            connection, [_columns(item.row, item.state, item.done, item.note) for item in settled]
        )
        closed = _closed(settled, withdrawn)
        if closed:
            binds = {"ids": list(closed), "made": list(closed.values()), "source": SOURCE, "by": BY}
            connection.execute(statement("ingest/epcis/close_rejects"), binds)
        _require_reversed(connection, withdrawn)


def _require_reversed(connection: sa.Connection, withdrawn: Sequence[Any]) -> None:
    """Look once more, with the rejects locked, whether a withdrawn event has really nothing left in the ledger."""
    held = held_movements(connection, withdrawn) if withdrawn else []
    if any(movement.can_be_reversed and not movement.corrected for movement in held):
        raise Transient(
            "busy", "A movement was fixed while its event was withdrawn; it is settled again."
        )


def give_up(engine: sa.Engine, row: Any, error: Exception) -> None:
    """Reject an event whose movements cannot be made, with the reason; what it made before stays noted."""
    reason, message = ("not_settled", f"{type(error).__name__}: {error}")
    if isinstance(error, StocktideError):
        reason, message = error.code, error.message
    kept = [done for done in row.movements if done["outcome"] in MOVED]
    failed = {
        "id": row.identity,
        "outcome": "rejected",
        "reason": reason,
        "message": storable(message)[:MESSAGE_MAX],
    }
    with engine.begin() as connection:
        _write(connection, [_columns(row, "partial" if kept else "rejected", [*kept, failed])])


def _columns(row: Any, state: str, movements: Sequence[Done], note: str | None = None) -> Done:
    return {
        "event_no": row.event_no,
        "movement_state": state,
        "movement_note": note,
        "movements": movements,
    }


def _write(connection: sa.Connection, rows: Sequence[Done]) -> None:
    written = msgspec.json.encode(rows).decode()
    connection.execute(statement("ingest/epcis/note_movements"), {"rows": written})


def _closed(settled: Sequence[PendingEvent], withdrawn: Sequence[Any]) -> dict[str, bool]:
    """Find movements whose rejects are settled: made after all (True), or never to be made (False)."""
    closed = {done["id"]: False for row in withdrawn for done in row.movements}
    for item in settled:
        moved = {done["id"]: done["outcome"] in MOVED for done in item.done}
        noted = (done["id"] for done in item.row.movements)
        closed |= {name: False for name in noted if moved.get(name, True)}
        closed |= {name: True for name in moved if moved[name]}
    return closed
