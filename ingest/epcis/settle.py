"""Captured events to the ledger. Idempotent: a movement's id follows from its event, so what was done is not redone.

An event is captured in one transaction and its movements are recorded in the next. Between the two it is pending:
whoever finds it so, also after a crash, makes its movements.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from ingest.epcis.movements import SOURCE, Line
from ingest.epcis.plan import MOVED, Work, plan_events, plan_reversal, read_work
from ingest.ledger.ledger import Outcome
from ingest.recording.recording import Recorder
from stocktide.database import statement

CLOUD_EVENT = "application/cloudevents+json"
# A pending event that nobody has touched for so long belongs to a process that died.
STALE_S = 60.0
# Events taken up at once.
CHUNK = 500


def settle(recorder: Recorder, *, capture_id: UUID | None = None, stale_s: float = STALE_S) -> int:
    """Make the movements of pending events: those of a capture, and those that nobody works on any more.

    Returns how many events were settled. Raises Transient if the database is away; the rest stays pending.
    """
    settled = 0
    while True:
        with recorder.engine.begin() as connection:
            work = _claim(connection, capture_id, stale_s)
            plain = [item for item in work if not item.row.declares_error]
            if plain:
                plan_events(connection, plain)
        _record(recorder, plain)
        # declarations come last: what they reverse may have been recorded just now
        declarations = [item for item in work if item.row.declares_error]
        for item in declarations:
            with recorder.engine.connect() as connection:
                plan_reversal(connection, item)
        _record(recorder, declarations)
        done = sum(item.state != "pending" for item in work)
        settled += done
        if len(work) < CHUNK or done == 0:
            return settled


def retry_rejected(recorder: Recorder) -> int:
    """Make the movements that were refused once more. Returns how many events were tried."""
    with recorder.engine.begin() as connection:
        connection.execute(statement("ingest/epcis/retry_rejected"))
    return settle(recorder)


def _claim(connection: sa.Connection, capture_id: UUID | None, stale_s: float) -> list[Work]:
    rows = connection.execute(
        statement("ingest/epcis/claim_pending"),
        {"capture_id": capture_id, "stale_s": stale_s, "count": CHUNK},
    ).all()
    return [read_work(row) for row in sorted(rows, key=lambda row: row.event_no)]


def _record(recorder: Recorder, work: Sequence[Work]) -> None:
    """Record what events move, and note it. All lines of one event are in one transaction of the ledger."""
    for feed in sorted({item.row.feed for item in work}):
        mine = [item for item in work if item.row.feed == feed]
        outcomes = _tell_ledger(recorder, feed, [line for item in mine for line in item.lines])
        for item in mine:
            _note(item, outcomes)
    _write(recorder.engine, work)


def _tell_ledger(recorder: Recorder, feed: str, lines: Sequence[Line]) -> dict[str, Outcome]:
    """Record lines; those that are wrong already are kept as rejects. Returns outcomes by the lines' ids."""
    good = [line for line in lines if line.fault is None]
    bad = [line for line in lines if line.fault is not None]
    outcomes = {
        line.event_id: Outcome("rejected", SOURCE, line.event_id, line.fault) for line in bad
    }
    if bad:
        faults = [line.fault for line in bad if line.fault is not None]
        recorder.record_parsed(feed, CLOUD_EVENT, [line.raw for line in bad], faults)
    if good:
        recorded = recorder.record(feed, CLOUD_EVENT, [line.raw for line in good])
        outcomes |= dict(zip((line.event_id for line in good), recorded, strict=True))
    return outcomes


def _note(item: Work, outcomes: dict[str, Outcome]) -> None:
    mine = [_done(line, outcomes[line.event_id]) for line in item.lines]
    item.done = item.kept + mine
    moved = sum(done["outcome"] in MOVED for done in item.done)
    if item.done:
        some = "partial" if moved else "rejected"
        item.state = "recorded" if moved == len(item.done) else some


def _done(line: Line, outcome: Outcome) -> dict[str, Any]:
    """What an event's row keeps of one movement."""
    done = {
        "id": line.event_id,
        "kind": line.kind,
        "product": line.product,
        "location": line.location,
        "quantity": line.quantity,
        "outcome": outcome.name,
    }
    if outcome.fault is not None:
        done |= {"reason": outcome.fault.reason, "message": outcome.fault.message}
    return {name: value for name, value in done.items() if value is not None}


def _write(engine: sa.Engine, work: Sequence[Work]) -> None:
    rows = [
        {
            "event_no": item.row.event_no,
            "movement_state": item.state,
            "movement_note": item.note,
            "movements": item.done,
        }
        for item in work
        if item.state != "pending"
    ]
    if not rows:
        return
    reversed_events = [item.reverses for item in work if item.reverses is not None]
    with engine.begin() as connection:
        connection.execute(statement("ingest/epcis/withdraw"), {"event_nos": reversed_events})
        connection.execute(
            statement("ingest/epcis/settle"), {"rows": msgspec.json.encode(rows).decode()}
        )
