"""What became of events' movements, written down: in the events' rows, and at the rejects desk."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from ingest.epcis.movements.event_facts import SOURCE
from ingest.epcis.movements.held_movements import MOVED, held_movements, noted_ids
from ingest.epcis.movements.pending_event import PendingEvent
from stocktide.foundation.database import statement
from stocktide.foundation.errors import StocktideError, Transient
from stocktide.foundation.stored_text import storable

# Who closes rejects that EPCIS has settled.
BY = "epcis"
MESSAGE_MAX = 500
Done = Mapping[str, Any]


def write_settled(engine: sa.Engine, work: Sequence[PendingEvent]) -> None:
    """Note what events moved, withdraw those that were reversed whole, and close the rejects that are settled so.

    Raises Transient where somebody mended a movement of a withdrawn event just now: then nothing is noted.
    """
    settled = [item for item in work if item.state != "pending"]
    if not settled:
        return
    withdrawn = [item.reverses for item in settled if _reversed_whole(item)]
    with engine.begin() as connection:
        if withdrawn:
            event_nos = [row.event_no for row in withdrawn]
            connection.execute(statement("ingest/epcis/withdraw"), {"event_nos": event_nos})
        _write(connection, [_columns(item) for item in settled])
        _close_rejects(connection, _closed(settled, withdrawn))
        _require_reversed(connection, withdrawn)


def _require_reversed(connection: sa.Connection, withdrawn: Sequence[Any]) -> None:
    """Look once more, with the rejects locked, whether a withdrawn event has really nothing left in the ledger."""
    if not withdrawn:
        return
    names = (row.identity for row in withdrawn)
    held = held_movements(connection, names, noted_ids(withdrawn))
    if any(
        one.can_be_reversed and not one.corrected for several in held.values() for one in several
    ):
        raise Transient(
            "busy", "A movement was fixed while its event was withdrawn; it is settled again."
        )


def give_up(engine: sa.Engine, row: Any, error: Exception) -> None:
    """Reject an event whose movements cannot be made, with the reason; what it made before stays noted."""
    reason, message = (
        (error.code, error.message)
        if isinstance(error, StocktideError)
        else ("not_settled", f"{type(error).__name__}: {error}")
    )
    kept = [done for done in row.movements if done["outcome"] in MOVED]
    failed = {
        "id": row.identity,
        "outcome": "rejected",
        "reason": reason,
        "message": storable(message)[:MESSAGE_MAX],
    }
    columns = {
        "event_no": row.event_no,
        "movement_state": "partial" if kept else "rejected",
        "movement_note": None,
        "movements": [*kept, failed],
    }
    with engine.begin() as connection:
        _write(connection, [columns])


def _reversed_whole(item: PendingEvent) -> bool:
    """Tell whether a declaration has reversed all that its event moved."""
    return item.reverses is not None and item.state in ("recorded", "none")


def _columns(item: PendingEvent) -> dict[str, Any]:
    return {
        "event_no": item.row.event_no,
        "movement_state": item.state,
        "movement_note": item.note,
        "movements": item.done,
    }


def _write(connection: sa.Connection, rows: Sequence[Done]) -> None:
    connection.execute(
        statement("ingest/epcis/settle"), {"rows": msgspec.json.encode(rows).decode()}
    )


def _closed(settled: Sequence[PendingEvent], withdrawn: Sequence[Any]) -> dict[str, bool]:
    """Movements whose rejects are settled: made after all (True), or never to be made (False)."""
    closed: dict[str, bool] = {}
    for row in withdrawn:
        closed |= dict.fromkeys(_ids(row.movements), False)
    for item in settled:
        open_ids = {done["id"] for done in item.done if done["outcome"] not in MOVED}
        closed |= {name: False for name in _ids(item.row.movements) if name not in open_ids}
        closed |= {done["id"]: True for done in item.done if done["outcome"] in MOVED}
    return closed


def _ids(movements: Iterable[Done]) -> list[str]:
    return [done["id"] for done in movements]


def _close_rejects(connection: sa.Connection, closed: Mapping[str, bool]) -> None:
    if closed:
        ids = sorted(closed)
        binds = {"ids": ids, "made": [closed[name] for name in ids], "source": SOURCE, "by": BY}
        connection.execute(statement("ingest/epcis/close_rejects"), binds)
