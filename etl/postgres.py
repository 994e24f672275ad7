"""Rows of Postgres as Arrow: the driver that reads and writes many at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
import sqlalchemy as sa

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Cursor


@contextmanager
def arrow_cursor(engine: sa.Engine, *, begin: str = "BEGIN") -> Iterator["Cursor"]:
    """Provide a cursor in one transaction, committed at the end. begin: what opens it, where that matters."""
    # it loads pandas, and only runs and checks of a lake need it
    from adbc_driver_postgresql import dbapi

    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    # a transaction of the driver's own goes on after no error, and a savepoint is for errors
    with dbapi.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(begin)
        yield cursor
        cursor.execute("COMMIT")


@contextmanager
def savepoint(cursor: "Cursor") -> Iterator[None]:
    """Undo what the block did where it fails, and only that; the error goes on."""
    cursor.execute("SAVEPOINT part")
    try:
        yield
    except Exception:
        cursor.execute("ROLLBACK TO SAVEPOINT part")
        raise
    cursor.execute("RELEASE SAVEPOINT part")


def batches_of(cursor: "Cursor") -> Iterator[pa.RecordBatch]:
    """Read the rows of a query as they come. Raises the driver's own error, which carries the state.

    `fetch_record_batch` loses it (apache/arrow-adbc#1523), and with it whether the rows or the server are at fault.
    """
    assert cursor._results is not None  # noqa: S101 - after `execute`
    yield from cursor._results.reader
