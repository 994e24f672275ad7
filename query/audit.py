"""The record of statements: written before one runs, so that also what ended its process is in it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from stocktide.foundation.database import statement
from stocktide.foundation.database_errors import DATABASE_ERRORS
from stocktide.foundation.database_names import statements_lock
from stocktide.foundation.errors import Conflict, NotFound, StocktideError, TooManyRequests
from stocktide.foundation.stored_text import storable

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"
# How often a running statement asks whether somebody cancelled it.
ASK_S = 0.5
ERROR_MAX = 1_000
RETRY_AFTER_S = 5


@dataclass
class Entry:
    """A statement that runs, in the record. rows: handed out in the end."""

    statement_id: UUID
    rows: int | None = None


@contextmanager
def recorded(
    engine: sa.Engine, entry: Entry, asked_by: str, text: str, *, most: int, seconds: float
) -> Iterator[None]:
    """Record a statement, and in the end what came of it. most: of this user's that may run at once.

    Raises TooManyRequests, Conflict where the id was used before.
    """
    binds = {"statement_id": entry.statement_id, "asked_by": asked_by, "statement": storable(text)}
    with engine.begin() as connection:
        connection.execute(sa.text(LOCK), {"name": statements_lock(asked_by)})
        begun = connection.execute(
            statement("query/begin_statement"), {**binds, "most": most, "seconds": seconds}
        ).scalar()
        if begun is None:
            raise _not_begun(connection, entry, asked_by, most)
    outcome, error = "interrupted", None
    try:
        yield
        outcome = "done"
    except StocktideError as raised:
        outcome, error = raised.code, storable(raised.message)[:ERROR_MAX]
        raise
    finally:
        with engine.begin() as connection:
            ended = {"outcome": outcome, "rows": entry.rows, "error": error}
            connection.execute(
                statement("query/finish_statement"), {"statement_id": entry.statement_id, **ended}
            )


def _not_begun(connection: sa.Connection, entry: Entry, asked_by: str, most: int) -> StocktideError:
    used = connection.execute(
        statement("query/is_cancelled"), {"statement_id": entry.statement_id}
    ).first()
    if used is not None:
        return Conflict(
            "statement_id",
            f"There is a statement {entry.statement_id} already. Choose another id, or leave it out.",
        )
    return TooManyRequests(
        "query_user",
        f"{asked_by} has {most} statements running, which is as many as one may. Wait for one, or cancel it.",
        retry_after_s=RETRY_AFTER_S,
    )


def cancel(connection: sa.Connection, statement_id: UUID, asked_by: str | None) -> None:
    """Ask for the end of a running statement; the caller commits. asked_by: only if it is this user's.

    Raises NotFound.
    """
    binds = {"statement_id": statement_id, "asked_by": asked_by}
    if connection.execute(statement("query/cancel_statement"), binds).scalar() is None:
        raise NotFound(
            "statement_missing",
            f"No statement {statement_id} of yours is running. It may have ended.",
        )


def cancelled(engine: sa.Engine, entry: Entry) -> Callable[[], bool]:
    """Return a function that says if a statement was cancelled; it asks the database now and then."""
    asked_at = time.monotonic()

    def is_cancelled() -> bool:
        nonlocal asked_at
        if time.monotonic() < asked_at + ASK_S:
            return False
        asked_at = time.monotonic()
        binds = {"statement_id": entry.statement_id}
        try:
            with engine.connect() as connection:
                return bool(connection.execute(statement("query/is_cancelled"), binds).scalar())
        except DATABASE_ERRORS:
            # it ends when its time is over, and asks again until then
            return False

    return is_cancelled
