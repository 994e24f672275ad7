"""Capture jobs and events in the database: what became of them, and how a job tells it.

The caller owns the transaction.
"""

import base64
import binascii
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

import msgspec
import sqlalchemy as sa

from ingest.epcis.model.document import Document, vocabulary_rows
from ingest.epcis.model.reading import encoded
from ingest.parsing.events import Fault
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Conflict, Invalid, NotFound, StocktideError

EventOutcome = Literal["captured", "duplicate", "conflict", "refused"]
Identity = tuple[str, bool]
# How many of a capture's errors its job shows; all are kept as rejects.
ERRORS_SHOWN = 100
# How many events' movements a job shows, the refused first.
MOVEMENTS_SHOWN = 100

P = TypeVar("P", bound=msgspec.Struct)


@dataclass
class Captured:
    """What became of a capture. outcomes: one an event, with its identity where it has one."""

    capture_id: UUID
    outcomes: list[tuple[EventOutcome, str | None]] = field(default_factory=list)
    faults: list[tuple[int, Fault]] = field(default_factory=list)

    @property
    def success(self) -> bool:
        """Return True if nothing was wrong."""
        return not self.faults

    @property
    def names(self) -> list[EventOutcome]:
        """Return the outcomes alone."""
        return [outcome for outcome, _identity in self.outcomes]


def begin_job(
    connection: sa.Connection, capture_id: UUID, feed: str, behaviour: str, document: Document
) -> None:
    """Begin a job."""
    binds = {"capture_id": capture_id, "feed": feed, "error_behaviour": behaviour}
    header = {"header": encoded(document.header)}
    connection.execute(statement("ingest/epcis/insert_capture"), binds | header)


def insert_events(
    connection: sa.Connection, capture_id: UUID, feed: str, rows: Sequence[Mapping[str, Any]]
) -> set[Identity]:
    """Insert what is new. rows: columns of epcis_events. Returns the identities that were new."""
    binds = {"capture_id": capture_id, "feed": feed, "rows": encoded(rows)}
    inserted = connection.execute(statement("ingest/epcis/insert_events"), binds)
    return {(row.identity, row.declares_error) for row in inserted}


def known_payloads(connection: sa.Connection, identities: Sequence[str]) -> dict[Identity, str]:
    """Return the payload hashes that are captured under some identities."""
    rows = connection.execute(statement("ingest/epcis/known_events"), {"identities": identities})
    return {(row.identity, row.declares_error): row.payload_hash for row in rows}


def finish_job(connection: sa.Connection, captured: Captured, document: Document) -> None:
    """End the job with what became of its events, and keep the master data of the document's header."""
    rows = list(vocabulary_rows(document.envelope))
    if rows:
        connection.execute(statement("ingest/epcis/put_vocabulary"), {"rows": encoded(rows)})
    problems = [_problem(index, fault) for index, fault in captured.faults[:ERRORS_SHOWN]]
    binds = {
        "capture_id": captured.capture_id,
        "events": captured.names.count("captured"),
        "duplicates": captured.names.count("duplicate"),
        "errors": encoded(problems),
        "success": captured.success,
    }
    connection.execute(statement("ingest/epcis/finish_capture"), binds)


def count_events(
    connection: sa.Connection, feed: str, captured: Captured, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Count a feed's events in its minute. What is wrong is counted where it is kept; here what was refused with it.

    rows: of the events that could be stored, with their `index` in the document.
    """
    names = captured.names
    times = [row["event_time"] for row in rows if names[row["index"]] == "captured"]
    # a fault is a conflict, or refused itself
    wrong = Counter(names[index] for index, _fault in captured.faults)
    counts = {
        "accepted": names.count("captured"),
        "duplicate": names.count("duplicate"),
        "rejected": names.count("refused") - wrong["refused"],
    }
    if any(counts.values()):
        binds = {"feed": feed, "newest_occurred_at": max(times, default=None), **counts}
        connection.execute(statement("ingest/epcis/count_capture"), binds)


def _problem(index: int, fault: Fault) -> dict[str, Any]:
    """Tell an error of a job as problem details."""
    error: type[StocktideError] = Conflict if fault.reason == "conflict" else Invalid
    return {
        "type": f"urn:stocktide:error:{fault.reason}",
        "title": error.title,
        "status": error.status,
        "detail": fault.message,
        "code": fault.reason,
        "field": fault.field,
        "event": index,
    }


class _PageEnd(msgspec.Struct, array_like=True):
    """Where a page of jobs ended."""

    before: datetime
    before_id: UUID


def read_job(connection: sa.Connection, capture_id: str, *, feed: str | None) -> dict[str, Any]:
    """Tell one job, with what its events moved. feed: whose it has to be, None for any. Raises NotFound."""
    unknown = NotFound("unknown_capture", f"There is no capture {capture_id[:80]!r}.")
    try:
        binds: dict[str, Any] = {"capture_id": UUID(capture_id), "feed": feed}
    except ValueError:
        raise unknown from None
    row = connection.execute(statement("ingest/epcis/capture"), binds).mappings().one_or_none()
    if row is None:
        raise unknown
    binds |= {"count": MOVEMENTS_SHOWN}
    events = connection.execute(statement("ingest/epcis/capture_movements"), binds).mappings()
    movements = {
        "states": movement_states(connection, row["captureID"]),
        "events": [dict(event) for event in events],
    }
    return {**row, "movements": movements}


def movement_states(connection: sa.Connection, capture_id: UUID) -> dict[str, int]:
    """Count a capture's events by the state of their movements: none, recorded, partial, rejected, pending and so on.

    What was captured is stored, whatever this says; only `recorded` events have moved all that they tell.
    """
    rows = connection.execute(statement("ingest/epcis/capture_states"), {"capture_id": capture_id})
    return {row.movement_state: row.events for row in rows}


def list_jobs(
    connection: sa.Connection, *, feed: str | None, per_page: int, token: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """List jobs of a feed or of all, newest first. Returns a page, and the token of the next one if there is one.

    Raises Invalid for a bad token.
    """
    binds: dict[str, Any] = {"feed": feed, "count": per_page + 1, "before": None, "before_id": None}
    if token is not None:
        binds |= msgspec.structs.asdict(read_token(token, _PageEnd))
    rows = connection.execute(statement("ingest/epcis/captures"), binds).mappings().all()
    page = [dict(row) for row in rows[:per_page]]
    if len(rows) <= per_page:
        return page, None
    return page, write_token(_PageEnd(page[-1]["createdAt"], page[-1]["captureID"]))


def write_token(end: msgspec.Struct) -> str:
    """Write down where a page ended."""
    return base64.urlsafe_b64encode(msgspec.json.encode(end)).decode().rstrip("=")


def read_token(token: str, shape: type[P]) -> P:
    """Read a nextPageToken. Raises Invalid if it is not ours."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        return msgspec.json.decode(raw, type=shape)
    except (binascii.Error, ValueError, msgspec.MsgspecError, RecursionError):
        raise Invalid(
            "parameter", "nextPageToken was not issued by this server.", field="nextPageToken"
        ) from None
