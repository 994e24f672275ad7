"""Snapshots of Postgres, read as Arrow. Connecting takes a fifth of a second, so idle connections are kept."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from stocktide.foundation.errors import Transient

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Connection, Cursor

IDLE_MAX = 4
BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class Snapshots:
    """Connections to one database, each used by one statement at a time."""

    def __init__(self, engine: sa.Engine, *, answer_s: float) -> None:
        self._url = engine.url.set(drivername="postgresql")
        self._answer_ms = int(answer_s * 1000)
        self._lock = threading.Lock()
        self._idle: list[Connection] = []

    @contextmanager
    def taken(self) -> Iterator["Cursor"]:
        """Provide a cursor in one snapshot, which cannot write. Raises Transient if the database does not answer."""
        # it loads pandas, and only statements need it
        from adbc_driver_postgresql import dbapi

        try:
            connection, cursor = self._begun()
        except dbapi.Error as error:
            raise _away(error) from error
        try:
            yield cursor
            cursor.execute("COMMIT")
        except dbapi.Error as error:
            cursor.close()
            connection.close()
            raise _away(error) from error
        except BaseException:
            cursor.close()
            connection.close()
            raise
        cursor.close()
        with self._lock:
            self._idle.append(connection)
            surplus = self._idle[IDLE_MAX:]
            del self._idle[IDLE_MAX:]
        for one in surplus:
            one.close()

    def _begun(self) -> tuple["Connection", "Cursor"]:
        """Begin on an idle connection that still works, else on a new one."""
        from adbc_driver_postgresql import dbapi

        while True:
            with self._lock:
                idle = self._idle.pop() if self._idle else None
            url = self._url.render_as_string(hide_password=False)
            connection = idle or dbapi.connect(url, autocommit=True)
            cursor = connection.cursor()
            try:
                cursor.execute(BEGIN)
                cursor.execute(f"SET LOCAL statement_timeout = {self._answer_ms}")
            except dbapi.Error:
                cursor.close()
                connection.close()
                if idle is None:
                    raise
            else:
                return connection, cursor

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def _away(error: Exception) -> Transient:
    said = next(iter(str(error).splitlines()), "nothing")
    return Transient(
        "database_away", f"The database does not give what the statement reads. It said: {said}"
    )
