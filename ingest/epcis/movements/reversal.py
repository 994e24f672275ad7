"""What an error declaration reverses: what the event that it is for has moved, and nothing twice."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ingest.epcis.movements.event_facts import EventFacts
from ingest.epcis.movements.held_movements import held_movements
from ingest.epcis.movements.lines import CORRECTED, correction
from ingest.epcis.movements.plan import PendingEvent, keys_of, may_declare
from stocktide.foundation.database import statement
from stocktide.foundation.keys import Key


def plan_reversal(connection: sa.Connection, item: PendingEvent) -> None:
    """Decide which corrections a declaration makes. It waits while the event itself is being posted."""
    binds = {"identity": item.row.identity, "event_hash": item.row.event_hash}
    original = connection.execute(statement("ingest/epcis/event_declared"), binds).one_or_none()
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
    # asked of the ledger: a movement that was refused may have been fixed and recorded since
    movements = held_movements(connection, [original])
    done = {movement.movement_id: movement.done for movement in movements if movement.corrects}
    moved = [movement for movement in movements if movement.can_be_reversed]
    reversals = (movement.movement_id + CORRECTED for movement in moved)
    item.kept = [done[own] for own in reversals if own in done]
    facts = EventFacts(item.row.identity, item.event, (), {})
    item.lines = [correction(facts, movement) for movement in moved if not movement.corrected]
    if item.lines or item.kept:
        return
    item.note = (
        "what the event that it declares wrong had moved is reversed already"
        if moved
        else "the event that it declares wrong had moved nothing; counts stand until newer ones come"
    )
    _refuse(item, key, [line["location"] for line in original.movements if "location" in line])


def _refuse(item: PendingEvent, key: Key | None, locations: Sequence[str]) -> None:
    """Refuse a declaration that only withdraws its event, where the key could not reverse it."""
    why = may_declare(key, locations)
    if why is not None:
        item.state, item.note, item.reverses = "rejected", why, None
