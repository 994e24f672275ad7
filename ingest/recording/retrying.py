"""How a batch is recorded: again where another writer was in the way."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psycopg
import sqlalchemy as sa

from stocktide.foundation.database_errors import (
    DATABASE_ERRORS,
    is_in_the_way,
    is_locked,
    is_retryable,
    why_away,
)
from stocktide.foundation.errors import Transient
from stocktide.foundation.telemetry import log

TRIES_MAX = 5
FIRST_WAIT_S = 0.02

Result = TypeVar("Result")


class Locked(Transient):
    """Somebody holds a lock that this needs, for longer than anybody waits."""


def retried(do: Callable[[], Result], *, hint: str) -> Result:
    """Do what writes to the ledger, again where another writer was in the way.

    hint: what the caller says after what keeps the database from it, such as what to send again. Raises Transient if it
    is away or stays busy; what it refuses for its content, and our own mistakes, as they come.
    """
    for attempt in range(TRIES_MAX):
        try:
            with reaching(hint):
                return do()
        except DATABASE_ERRORS as error:
            if not is_in_the_way(error):
                raise
            if is_locked(error):
                raise Locked("busy", f"{why_away(error)} {hint}") from error
            time.sleep(FIRST_WAIT_S * 2**attempt)
    raise Transient("busy", f"The ledger is busy. {hint}")


@contextmanager
def reaching(hint: str) -> Iterator[None]:
    """Raise Transient with a hint where the database is away; another writer's way and other errors go on."""
    try:
        yield
    except DATABASE_ERRORS as error:
        if not is_retryable(error) or is_in_the_way(error):
            raise
        log("database_error", error=str(error).strip())
        raise Transient("database_away", f"{why_away(error)} {hint}") from error


@contextmanager
def invalidate_on_disconnect(connection: sa.Connection) -> Iterator[None]:
    """Tell the pool of a connection that broke under the driver's own cursor, which the pool does not see."""
    try:
        yield
    except psycopg.OperationalError:
        driver = connection.connection.driver_connection
        if isinstance(driver, psycopg.Connection) and driver.closed:
            connection.invalidate()
        raise
