"""The lake's driver connects once a test: that takes it a fifth of a second, and runs and checks do so twice each."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from adbc_driver_postgresql import dbapi


def as_new(connection: dbapi.Connection, *, autocommit: bool) -> None:
    """End what was not committed, and forget what a session keeps, as closing does."""
    if not autocommit:
        connection.rollback()
    connection.adbc_connection.set_autocommit(True)
    with connection.cursor() as cursor:
        cursor.execute("DISCARD ALL")
    connection.adbc_connection.set_autocommit(autocommit)


@pytest.fixture(autouse=True)
def _connections_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give a connection to the next who asks in the same way; one that something failed on is closed at once."""
    idle: dict[tuple[str, bool], list[dbapi.Connection]] = defaultdict(list)
    connect = dbapi.connect

    @contextmanager
    def kept(url: str, *, autocommit: bool) -> Iterator[dbapi.Connection]:
        waiting = idle[url, autocommit]
        connection = waiting.pop() if waiting else connect(url, autocommit=autocommit)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        as_new(connection, autocommit=autocommit)
        waiting.append(connection)

    monkeypatch.setattr(dbapi, "connect", kept)
    yield
    for connections in idle.values():
        for connection in connections:
            connection.close()


@pytest.fixture
def days_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have runs leave out the further tables, for tests of days alone: they make up half of a small run."""
    monkeypatch.setattr("etl.tables.update.KEPT", {})
