"""Reactions to a database error: try again, refuse the input, or fix our own code.

The decision is made here alone; all code that catches such an error calls this module.
"""

from typing import Literal

import psycopg
from psycopg.errors import (
    DeadlockDetected,
    DiskFull,
    LockNotAvailable,
    ProgramLimitExceeded,
    SerializationFailure,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from stocktide.foundation.errors import StocktideError, Transient

Reaction = Literal["transient", "content", "bug"]
# All that SQLAlchemy, its pool and the driver raise for the database.
DATABASE_ERRORS = (DBAPIError, NoConnectionFree, psycopg.Error)

# Another writer held what this one needed: try the same again a moment later.
_IN_THE_WAY = (DeadlockDetected, SerializationFailure, LockNotAvailable)
# Values that the database refuses; too long for an index is one of its limits.
_FOR_ITS_CONTENT = (psycopg.DataError, psycopg.IntegrityError, ProgramLimitExceeded)
# SQLSTATE of a database that cannot answer or write now: connection, resources, operator, system, rolled back for
# another, and a read-only server, as during a failover.
_PASSING = ("08", "53", "57", "58", "40", "25006")


def cause_of(error: BaseException) -> BaseException:
    """Return the driver's own error behind an error of SQLAlchemy; any other error as it is."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def reaction_to(error: BaseException) -> Reaction:
    """Return the reaction that an error asks for.

    transient: the database is down, busy or put another first, and the same may work soon. content: it refuses a
    value, and will refuse it again. bug: anything else; neither waiting nor another input helps.
    """
    cause = cause_of(error)
    if isinstance(cause, _FOR_ITS_CONTENT):
        return "content"
    if isinstance(cause, Transient | NoConnectionFree | psycopg.InterfaceError) or is_in_the_way(
        cause
    ):
        return "transient"
    if isinstance(cause, psycopg.Error) and (cause.sqlstate or "").startswith(_PASSING):
        return "transient"
    # the driver has no state if it lost the connection, or never had one
    lost = isinstance(cause, psycopg.OperationalError) and cause.sqlstate is None
    return "transient" if lost else "bug"


def is_retryable(error: BaseException) -> bool:
    """Return True if the same again may work."""
    return reaction_to(error) == "transient"


def is_of_content(error: BaseException) -> bool:
    """Return True if some of the data may be at fault for an error of a job: no server, disk or memory is away."""
    cause = cause_of(error)
    if isinstance(cause, StocktideError | OSError | MemoryError):
        return False
    # drivers without classes of their own have the state, none where they lost the connection
    state = getattr(cause, "sqlstate", "")
    return state is not None and not state.startswith(_PASSING) and not is_retryable(cause)


def is_in_the_way(error: BaseException) -> bool:
    """Return True if the transaction gave way to another writer, and may be tried again at once."""
    return isinstance(cause_of(error), _IN_THE_WAY)


def is_locked(error: BaseException) -> bool:
    """Return True if somebody held a lock for longer than this may wait: again at once is in vain."""
    return isinstance(cause_of(error), LockNotAvailable)


def why_away(error: BaseException) -> str:
    """Return in a sentence what keeps the database from doing it now, for whoever asked for it."""
    cause = cause_of(error)
    if isinstance(cause, DiskFull):
        return "The disk of the database is full: it can write again when space is freed."
    if isinstance(cause, LockNotAvailable):
        return "Somebody holds a lock on what this needs."
    return "The database does not answer."


def first_line(error: BaseException) -> str:
    """Return an error's first line, for logs and messages; its type where it says nothing."""
    cause = cause_of(error)
    return (str(cause).strip() or repr(cause)).splitlines()[0]
