"""Which errors pass by themselves: the database is away, or another writer was in the way."""

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from stocktide.errors import Transient

# SQLSTATE: no connection, the server stops or starts, no memory or disk or connection left; and rolled back for a
# deadlock or a lock that was not had in time. An error of any other class comes again with the same message.
PASSING = ("08", "57P", "53", "40", "55P03")


def passes(error: BaseException) -> bool:
    """Tell whether the same again may work. A lost or refused connection has no SQLSTATE at all."""
    if isinstance(error, Transient | NoConnectionFree):
        return True
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    return cause.sqlstate is None or cause.sqlstate.startswith(PASSING)
