"""What an error declaration reverses: what the event that it is for has moved, and nothing twice."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ingest.epcis.movements.event_facts import EventFacts
from ingest.epcis.movements.feed_keys import keys_of, may_declare
from ingest.epcis.movements.held_movements import Held, held_movements, noted_ids
from ingest.epcis.movements.lines import CORRECTED, correction
from ingest.epcis.movements.pending_event import PendingEvent
from stocktide.foundation.database import statement
from stocktide.foundation.keys import Key


def plan_reversal(connection: sa.Connection, item: PendingEvent) -> None:
    """Decide which corrections a declaration makes. It waits while the event itself is being settled."""
    original = connection.execute(
        statement("ingest/epcis/event_declared"),
        {"identity": item.row.identity, "event_hash": item.row.event_hash},
    ).one_or_none()
    key = keys_of(connection, {item.row.feed}).get(item.row.feed)
    if original is None:
        item.note = "the event that it declares wrong is not known here"
        _refuse(item, key, [])
    elif original.movement_state == "pending":
        # it may be recorded at this moment, by a process that knew nothing of the declaration: wait until that ends
        item.state = "pending"
    else:
        _reverse(connection, item, original, key)


def _reverse(connection: sa.Connection, item: PendingEvent, original: Any, key: Key | None) -> None:
    item.reverses = original
    # asked of the ledger: a movement that was refused may have been mended and recorded since
    held = held_movements(connection, [original.identity], noted_ids([original]))
    movements = [movement for several in held.values() for movement in several]
    done = {movement.movement_id: movement for movement in movements if movement.corrects}
    moved = [movement for movement in movements if movement.can_be_reversed]
    item.kept = [
        done[own].done for movement in moved if (own := movement.movement_id + CORRECTED) in done
    ]
    facts = EventFacts(item.row.identity, item.event, (), {})
    item.lines = [correction(facts, movement) for movement in moved if not movement.corrected]
    if not item.lines and not item.kept:
        item.note = _why_nothing(moved)
        _refuse(item, key, [line["location"] for line in original.movements if "location" in line])


def _why_nothing(moved: Sequence[Held]) -> str:
    if moved:
        return "what the event that it declares wrong had moved is reversed already"
    return "the event that it declares wrong had moved nothing; counts stand until newer ones come"


def _refuse(item: PendingEvent, key: Key | None, locations: Sequence[str]) -> None:
    """A declaration that has nothing to reverse still withdraws its event: not with a key that could not reverse it."""
    why = may_declare(key, locations)
    if why is not None:
        item.state, item.note, item.reverses = "rejected", why, None
