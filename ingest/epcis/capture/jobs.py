"""What a capture job tells about itself, in the words of the standard."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from stocktide.foundation.database import statement
from stocktide.foundation.errors import Invalid, NotFound

# How many events' movements a job shows, the refused first.
MOVEMENTS_SHOWN = 100


class _Place(msgspec.Struct, array_like=True):
    """Where a page of jobs ended."""

    created_at: datetime
    capture_id: UUID


def read_job(connection: sa.Connection, capture_id: str, *, feed: str | None) -> dict[str, Any]:
    """Tell one job, with what its events moved. feed: whose it has to be, None for any. Raises NotFound."""
    row = None
    identifier = _uuid(capture_id)
    if identifier is not None:
        row = (
            connection.execute(
                statement("ingest/epcis/capture"), {"capture_id": identifier, "feed": feed}
            )
            .mappings()
            .one_or_none()
        )
    if row is None:
        raise NotFound("unknown_capture", f"There is no capture {capture_id[:80]!r}.")
    assert identifier is not None  # noqa: S101 - a row was found by it
    events = connection.execute(
        statement("ingest/epcis/capture_movements"),
        {"capture_id": identifier, "count": MOVEMENTS_SHOWN},
    )
    return {
        **_shown(row),
        "movements": {
            "states": movement_states(connection, identifier),
            "events": [shown_movements(event) for event in events],
        },
    }


def movement_states(connection: sa.Connection, capture_id: UUID) -> dict[str, int]:
    """How many of a capture's events stand where with their movements: none, recorded, partial, rejected, pending …

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
    place = None if token is None else read_token(token, _Place)
    rows = connection.execute(
        statement("ingest/epcis/captures"),
        {
            "feed": feed,
            "before": None if place is None else place.created_at,
            "before_id": None if place is None else place.capture_id,
            "count": per_page + 1,
        },
    ).mappings().all()  # fmt: skip
    page = rows[:per_page]
    following = None
    if len(rows) > per_page:
        following = write_token(_Place(page[-1]["created_at"], page[-1]["capture_id"]))
    return [_shown(row) for row in page], following


def shown_movements(row: Any) -> dict[str, Any]:
    """What one event moved, as people read it."""
    return {
        "eventID": row.identity,
        "errorDeclaration": row.declares_error,
        "state": row.movement_state,
        "note": row.movement_note,
        "movements": row.movements,
    }


def _shown(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "captureID": str(row["capture_id"]),
        "createdAt": row["created_at"],
        "finishedAt": row["finished_at"],
        "running": row["finished_at"] is None,
        "success": row["success"],
        "captureErrorBehaviour": row["error_behaviour"],
        "errors": row["errors"],
        "events": row["events"],
        "duplicates": row["duplicates"],
    }


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def write_token(place: msgspec.Struct) -> str:
    """Write down where a page ended."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def read_token(token: str, shape: type[Any]) -> Any:
    """Read a nextPageToken. Raises Invalid for one that is not ours."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        return msgspec.json.decode(raw, type=shape)
    except (binascii.Error, ValueError, msgspec.MsgspecError, RecursionError):
        raise Invalid(
            "parameter", "nextPageToken was not issued by this server.", field="nextPageToken"
        ) from None
