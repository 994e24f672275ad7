"""What tests ask the database after a capture."""

from typing import Any

import sqlalchemy as sa

from ingest.epcis.capture.capture import capture
from ingest.epcis.capture.jobs import Captured
from ingest.epcis.model.document import read_document
from ingest.recording.recording import Recorder
from tests.ingest.epcis.documents import document, raw

DECLARED = {"declarationTime": "2026-03-02T10:00:00Z"}


def take(recorder: Recorder, *events: Any, feed: str = "till") -> Captured:
    """Capture events as one document."""
    read = read_document(raw(document(*events)))
    return capture(recorder, feed, "application/json", read, "rollback")


def rows(database: sa.Engine, query: str, **binds: Any) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with database.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query), binds)]


def change(database: sa.Engine, query: str, **binds: Any) -> None:
    """Change something."""
    with database.begin() as connection:
        connection.execute(sa.text(query), binds)


def states(database: sa.Engine) -> list[str]:
    """Where the events stand."""
    return [row[0] for row in rows(database, "SELECT movement_state FROM epcis_events ORDER BY 1")]


def state_of(database: sa.Engine, identity: str, *, declares_error: bool = False) -> str:
    """Where one event or declaration stands."""
    ((state,),) = rows(
        database,
        "SELECT movement_state FROM epcis_events WHERE identity = :identity AND declares_error = :declares",
        identity=identity,
        declares=declares_error,
    )
    return str(state)


def on_hand(database: sa.Engine) -> int:
    """All stock, in thousandths."""
    ((sum_milli,),) = rows(database, "SELECT coalesce(sum(on_hand_milli), 0) FROM stock")
    return int(sum_milli)


def open_rejects(database: sa.Engine) -> list[str]:
    """The reasons of what is to be mended."""
    query = "SELECT reason FROM rejects WHERE state = 'open' ORDER BY 1"
    return [row[0] for row in rows(database, query)]


def reasons(database: sa.Engine) -> list[str]:
    """The reasons that events' rows keep."""
    query = "SELECT m ->> 'reason' FROM epcis_events, jsonb_array_elements(movements) m ORDER BY 1"
    return [row[0] for row in rows(database, query) if row[0] is not None]
