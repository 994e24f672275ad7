"""Rows of Postgres as Arrow: the driver that reads and writes many at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Cursor


@contextmanager
def arrow_cursor(engine: sa.Engine, *, begin: str | None = None) -> Iterator["Cursor"]:
    """Provide a cursor in one transaction, committed at the end. begin: what opens it, where that matters."""
    # it loads pandas, and only runs and checks of a lake need it
    from adbc_driver_postgresql import dbapi

    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with (
        dbapi.connect(url, autocommit=begin is not None) as connection,
        connection.cursor() as cursor,
    ):
        if begin is None:
            yield cursor
            connection.commit()
        else:
            cursor.execute(begin)
            yield cursor
            cursor.execute("COMMIT")
