"""Capture jobs and events in the database; the caller owns the transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from ingest.epcis.model.event_parts import Envelope
from ingest.epcis.model.master_data import vocabulary_rows
from stocktide.foundation.database import statement

Identity = tuple[str, bool]
_EXACT = msgspec.json.Encoder(decimal_format="number")


def encoded(value: Any) -> str:
    """JSON in which exact numbers stay numbers."""
    return _EXACT.encode(value).decode()


def insert_capture(
    connection: sa.Connection,
    capture_id: UUID,
    feed: str,
    behaviour: str,
    header: Mapping[str, Any],
) -> None:
    """Begin a job."""
    connection.execute(
        statement("ingest/epcis/insert_capture"),
        {
            "capture_id": capture_id,
            "feed": feed,
            "error_behaviour": behaviour,
            "header": encoded(header),
        },
    )


def insert_events(
    connection: sa.Connection, capture_id: UUID, feed: str, rows: Sequence[Mapping[str, Any]]
) -> set[Identity]:
    """Insert what is new. rows: columns of epcis_events. Returns the identities that were new."""
    if not rows:
        return set()
    inserted = connection.execute(
        statement("ingest/epcis/insert_events"),
        {"capture_id": capture_id, "feed": feed, "rows": encoded(rows)},
    )
    return {(row.identity, row.declares_error) for row in inserted}


def known_payloads(connection: sa.Connection, identities: Sequence[str]) -> dict[Identity, str]:
    """The payload hashes that are captured under some identities."""
    if not identities:
        return {}
    rows = connection.execute(
        statement("ingest/epcis/known_events"), {"identities": list(identities)}
    )
    return {(row.identity, row.declares_error): row.payload_hash for row in rows}


def put_vocabulary(connection: sa.Connection, envelope: Envelope) -> None:
    """Keep the master data of a document's header."""
    rows = list(vocabulary_rows(envelope))
    if rows:
        connection.execute(statement("ingest/epcis/put_vocabulary"), {"rows": encoded(rows)})


def finish_capture(
    connection: sa.Connection,
    capture_id: UUID,
    *,
    events: int,
    duplicates: int,
    errors: Sequence[Mapping[str, Any]],
    success: bool,
) -> None:
    """End a job."""
    connection.execute(
        statement("ingest/epcis/finish_capture"),
        {
            "capture_id": capture_id,
            "events": events,
            "duplicates": duplicates,
            "errors": encoded(errors),
            "success": success,
        },
    )


def count_capture(
    connection: sa.Connection,
    feed: str,
    *,
    accepted: int,
    duplicate: int,
    rejected: int,
    newest_occurred_at: datetime | None,
) -> None:
    """Count a feed's events in its minute."""
    connection.execute(
        statement("ingest/epcis/count_capture"),
        {
            "feed": feed,
            "accepted": accepted,
            "duplicate": duplicate,
            "rejected": rejected,
            "newest_occurred_at": newest_occurred_at,
        },
    )
