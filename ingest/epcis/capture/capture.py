"""Capture: a document's events are stored once each, in one transaction, and then told to the ledger."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID, uuid4

import sqlalchemy as sa

from ingest.epcis.capture.conflict import CONFLICT_SOURCE
from ingest.epcis.capture.jobs import (
    Captured,
    EventOutcome,
    Identity,
    begin_job,
    count_events,
    finish_job,
    insert_events,
    known_payloads,
)
from ingest.epcis.capture.record import columns_of
from ingest.epcis.model.document import Document
from ingest.epcis.model.reading import Refused
from ingest.epcis.movements.post_movements import post_movements
from ingest.parsing.events import Fault
from ingest.recording.recording import Recorder, is_of_one, not_storable
from stocktide.foundation.database_errors import DATABASE_ERRORS, is_retryable
from stocktide.foundation.errors import Conflict, Invalid, Transient
from stocktide.foundation.telemetry import log

Behaviour = Literal["rollback", "proceed"]
# Columns of an event that can be stored, with its `index` in the document; and what is wrong with the event there.
Row = Mapping[str, Any]
Wrong = tuple[int, Fault]


def capture(
    recorder: Recorder, feed: str, content_type: str, document: Document, behaviour: Behaviour
) -> Captured:
    """Capture a document. When this returns, what was captured is committed, and refused events are kept.

    `rollback`: all events or none. `proceed`: each event by itself. Movements are recorded too, or pending if the
    ledger does not answer. Raises Invalid, with the first event that is wrong, under `rollback`.
    """
    rows, faults = _columns(document)
    if faults and behaviour == "rollback":
        index, fault = faults[0]
        recorder.keep(feed, content_type, document.raw, fault)
        raise Invalid(
            fault.reason,
            f"{fault.message} Nothing was captured: all events or none.",
            field=fault.field,
            event=index,
        )
    captured = Captured(uuid4(), [("refused", None)] * len(document.events))
    with recorder.engine.begin() as connection:
        begin_job(connection, captured.capture_id, feed, behaviour, document)
        conflicts = _store(connection, captured, feed, rows, behaviour)
        captured.faults = sorted([*faults, *conflicts], key=lambda pair: pair[0])
        finish_job(connection, captured, document)
        count_events(connection, feed, captured, rows)
    if captured.faults:
        raws = [document.raws[index] for index, _fault in captured.faults]
        wrong = [fault for _index, fault in captured.faults]
        recorder.record_parsed(feed, content_type, raws, wrong)
    _tell_ledger(recorder, captured.capture_id)
    return captured


def capture_one(recorder: Recorder, feed: str, content_type: str, document: Document) -> Captured:
    """Capture a single event. Raises Conflict if its identity is taken by another payload; otherwise as `capture`."""
    captured = capture(recorder, feed, content_type, document, "rollback")
    for _index, fault in captured.faults:
        raise Conflict(fault.reason, fault.message, field=fault.field)
    return captured


def _columns(document: Document) -> tuple[list[Row], list[Wrong]]:
    rows: list[Row] = []
    faults: list[Wrong] = []
    for index, read in enumerate(document.events):
        if isinstance(read, Fault):
            faults.append((index, read))
            continue
        try:
            rows.append({**columns_of(read), "index": index})
        except Refused as refused:
            faults.append((index, refused.fault))
        except Exception as error:
            if not is_of_one(error):
                raise
            faults.append((index, not_storable(error)))
    return rows, faults


def _store(
    connection: sa.Connection,
    captured: Captured,
    feed: str,
    rows: Sequence[Row],
    behaviour: Behaviour,
) -> list[Wrong]:
    """Store events, and take them back if one conflicts and all or none are wanted. Returns the conflicts."""
    savepoint = connection.begin_nested()
    new = insert_events(connection, captured.capture_id, feed, rows)
    known = known_payloads(connection, sorted({row["identity"] for row in rows}))
    conflicts: list[Wrong] = []
    for row in rows:
        key: Identity = (row["identity"], row["declares_error"])
        outcome: EventOutcome = "captured"
        if known[key] != row["payload_hash"]:
            outcome = "conflict"
            conflicts.append((row["index"], _conflict(*key)))
        elif key in new:
            # a repetition within the document is no longer new
            new.discard(key)
        else:
            outcome = "duplicate"
        captured.outcomes[row["index"]] = (outcome, key[0])
    if conflicts and behaviour == "rollback":
        savepoint.rollback()
        captured.outcomes = [("refused", identity) for _outcome, identity in captured.outcomes]
    else:
        savepoint.commit()
    return conflicts


def _conflict(identity: str, declares_error: bool) -> Fault:
    what = "an error declaration" if declares_error else "an event"
    return Fault(
        "conflict",
        f"{identity[:500]!r} is captured already as {what} with other content. An event is never changed: declare it "
        "wrong, and send a corrective event with an eventID of its own.",
        "eventID",
        CONFLICT_SOURCE,
        identity[:500],
    )


def _tell_ledger(recorder: Recorder, capture_id: UUID) -> None:
    try:
        post_movements(recorder, capture_id=capture_id)
    except (Transient, *DATABASE_ERRORS) as error:
        if not is_retryable(error):
            raise
        # the capture stands; the events are pending, and are settled later
        log("epcis_pending", capture_id=str(capture_id), error=str(error))
