"""Which errors pass by themselves: the database is away, or another writer was in the way."""

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from ingest.recording.recording import is_away
from stocktide.errors import Transient

# SQLSTATE: rolled back for a deadlock, a lock that was not had in time, and a server that only reads, as while another
# takes its place. An error of any other kind comes again with the same message.
PASSING = ("40", "55P03", "25006")


def passes(error: BaseException) -> bool:
    """Tell whether the same again may work."""
    if isinstance(error, Transient | NoConnectionFree) or is_away(error):
        return True
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(cause, psycopg.Error) and (cause.sqlstate or "").startswith(PASSING)
