"""What to wait for and try again: a database that is away, or that undid a transaction for another's sake.

Any other error of the database says that it is not what we know, or that we ask it nonsense: the same will happen
again, so whoever meets one ends, and is started anew by its supervisor, in sight.
"""

import psycopg
import sqlalchemy as sa

# Lost connections, deadlocks, failed serializations, a server that starts or stops or has no room.
LOST: tuple[type[Exception], ...] = (psycopg.OperationalError, sa.exc.OperationalError)


def said(error: BaseException) -> str:
    """An error's first line, for the log; its type where it says nothing."""
    return (str(error).strip() or repr(error)).splitlines()[0]
