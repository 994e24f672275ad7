"""Capture: a document's events are stored once each, in one transaction, and then told to the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID, uuid4

import sqlalchemy as sa

from ingest.epcis.capture.capture_job import Captured, EventOutcome, count_events, finish_job
from ingest.epcis.capture.conflict import CONFLICT_SOURCE
from ingest.epcis.capture.record import columns_of
from ingest.epcis.capture.store import (
    Identity,
    insert_capture,
    insert_events,
    known_payloads,
    put_vocabulary,
)
from ingest.epcis.model.document import Document, EventRead
from ingest.epcis.model.reading import Refused
from ingest.epcis.movements.settle import settle
from ingest.parsing.events import Fault
from ingest.recording.recording import Recorder
from stocktide.foundation.database_errors import DATABASE_ERRORS, is_retryable
from stocktide.foundation.errors import Conflict, Invalid, Transient
from stocktide.foundation.telemetry import log

Behaviour = Literal["rollback", "proceed"]


@dataclass(frozen=True)
class _Row:
    """One event that can be stored: its place in the document, and its columns."""

    place: int
    columns: Mapping[str, Any]

    @property
    def key(self) -> Identity:
        return (self.columns["identity"], self.columns["declares_error"])


def capture(
    recorder: Recorder, feed: str, content_type: str, document: Document, behaviour: Behaviour
) -> Captured:
    """Capture a document. When this returns, what was captured is committed, and refused events are kept.

    `rollback`: all events or none. `proceed`: each event by itself. Movements are recorded too, or pending if the
    ledger does not answer. Raises Invalid, with the first event that is wrong, under `rollback`.
    """
    rows, faults = _columns(document)
    if faults and behaviour == "rollback":
        place, fault = faults[0]
        recorder.keep(feed, content_type, document.raw, fault)
        raise Invalid(
            fault.reason,
            f"{fault.message} Nothing was captured: all events or none.",
            field=fault.field,
            event=place,
        )
    captured = Captured(uuid4(), faults=faults)
    with recorder.engine.begin() as connection:
        insert_capture(connection, captured.capture_id, feed, behaviour, document.header)
        conflicts = _store(connection, captured, feed, rows, len(document.events), behaviour)
        put_vocabulary(connection, document.envelope)
        captured.faults = sorted([*faults, *conflicts], key=lambda pair: pair[0])
        captured.success = not captured.faults
        finish_job(connection, captured)
        times = [row.columns["event_time"] for row in rows if captured.stored(row.place)]
        count_events(connection, feed, captured, times)
    _keep(recorder, feed, content_type, document, captured.faults)
    _tell_ledger(recorder, captured.capture_id)
    return captured


def capture_one(recorder: Recorder, feed: str, content_type: str, document: Document) -> Captured:
    """Capture a single event. Raises Conflict if its identity is taken by another payload; otherwise as `capture`."""
    captured = capture(recorder, feed, content_type, document, "rollback")
    for _place, fault in captured.faults:
        raise Conflict(fault.reason, fault.message, field=fault.field)
    return captured


def _columns(document: Document) -> tuple[list[_Row], list[tuple[int, Fault]]]:
    rows: list[_Row] = []
    faults: list[tuple[int, Fault]] = []
    for place, read in enumerate(document.events):
        if isinstance(read, EventRead):
            try:
                rows.append(_Row(place, columns_of(read)))
            except Refused as refused:
                faults.append((place, refused.fault))
        else:
            faults.append((place, read))
    return rows, faults


def _store(
    connection: sa.Connection,
    captured: Captured,
    feed: str,
    rows: Sequence[_Row],
    count: int,
    behaviour: Behaviour,
) -> list[tuple[int, Fault]]:
    """Store events, and take them back if one conflicts and all or none are wanted. Returns the conflicts."""
    savepoint = connection.begin_nested()
    new = insert_events(
        connection,
        captured.capture_id,
        feed,
        [{**row.columns, "place": row.place} for row in rows],
    )
    known = known_payloads(connection, sorted({row.key[0] for row in rows}))
    outcomes: list[tuple[EventOutcome, str | None]] = [("refused", None)] * count
    conflicts: list[tuple[int, Fault]] = []
    for row in rows:
        outcome: EventOutcome = "captured"
        if known[row.key] != row.columns["payload_hash"]:
            outcome = "conflict"
            conflicts.append((row.place, _conflict(row)))
        elif row.key in new:
            # a repetition within the document is no longer new
            new.discard(row.key)
        else:
            outcome = "duplicate"
        outcomes[row.place] = (outcome, row.key[0])
    if conflicts and behaviour == "rollback":
        savepoint.rollback()
        outcomes = [("refused", identity) for _outcome, identity in outcomes]
    else:
        savepoint.commit()
    captured.outcomes = outcomes
    return conflicts


def _conflict(row: _Row) -> Fault:
    identity, declares_error = row.key
    what = "an error declaration" if declares_error else "an event"
    return Fault(
        "conflict",
        f"{identity[:500]!r} is captured already as {what} with other content. An event is never changed: declare it "
        "wrong, and send a corrective event with an eventID of its own.",
        "eventID",
        CONFLICT_SOURCE,
        identity[:500],
    )


def _keep(
    recorder: Recorder,
    feed: str,
    content_type: str,
    document: Document,
    faults: Sequence[tuple[int, Fault]],
) -> None:
    """Keep refused events as they came."""
    if faults:
        raws = [document.raws[place] for place, _fault in faults]
        recorder.record_parsed(feed, content_type, raws, [fault for _place, fault in faults])


def _tell_ledger(recorder: Recorder, capture_id: UUID) -> None:
    try:
        settle(recorder, capture_id=capture_id)
    except (Transient, *DATABASE_ERRORS) as error:
        if not is_retryable(error):
            raise
        # the capture stands; the events are pending, and are settled later
        log("epcis_pending", capture_id=str(capture_id), error=str(error))
