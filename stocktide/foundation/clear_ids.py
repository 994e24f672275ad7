"""Rows of the ledger from before customers had pseudonyms: a start replaces the senders' ids in them, once.

The ledger refuses changes; this is the one that its owner makes, in transactions of some pages each, and it touches
nothing but who the customer is. Killed anywhere, the next start goes on: what is replaced already is left alone.
"""

from collections.abc import Callable, Sequence

import psycopg
import sqlalchemy as sa

from stocktide.foundation.customer_keys import CustomerKeys, customer_keys
from stocktide.foundation.customers import Cursor, check_key, known_customers, make_customers
from stocktide.foundation.database import sql
from stocktide.foundation.settings import Settings
from stocktide.foundation.wal import leave_wal

# About 100,000 rows; so many are locked at once.
PAGES_AT_ONCE = 2_000
# The place beside partitions, which the ETL makes again.
LAKE = "lake"
ROWS_STAY = "ledger_rows_stay"

Say = Callable[[str], None]


def replace_clear_ids(engine: sa.Engine, settings: Settings, say: Say) -> int:
    """Give pseudonyms to customers in all rows that name them by their sender's id; returns how many rows it changed.

    engine: of the ledger's owner, and nobody writes meanwhile. Whole partitions are written again, so that the old rows
    are gone from their pages. Raises Fatal for another key than that of the customers that there are.
    """
    with engine.connect() as connection:
        query = sa.text("SELECT place FROM clear_ids WHERE place <> :lake ORDER BY 1")
        partitions = connection.execute(query, {"lake": LAKE}).scalars().all()
    if not partitions:
        return 0
    keys = customer_keys(settings)
    say("giving customers pseudonyms in the ledger, this once …")
    total = 0
    for number, partition in enumerate(partitions, 1):
        total += _replace_in(engine, keys, partition)
        say(f"{partition}: done ({number} of {len(partitions)}, {total:,} rows)")
    _forget_samples(engine)
    leave_wal(engine)
    return total


def _replace_in(engine: sa.Engine, keys: CustomerKeys, partition: str) -> int:
    with engine.connect() as connection:
        size = sa.text("SELECT pg_relation_size(CAST(:name AS regclass)) / :page")
        binds = {"name": partition, "page": 8192}
        pages: int = connection.execute(size, binds).scalar_one()
    changed = 0
    for first in range(0, pages + 1, PAGES_AT_ONCE):
        where: dict[str, str | int] = {"partition": partition, "first": first}
        where["end"] = first + PAGES_AT_ONCE
        with engine.begin() as connection:
            changed += _replace_some(connection, keys, where)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # the old rows stay in their pages until these are written again
        connection.execute(sa.text(f"VACUUM FULL {partition}"))
        done = sa.text("DELETE FROM clear_ids WHERE place = :partition")
        connection.execute(done, {"partition": partition})
    return changed


def _replace_some(
    connection: sa.Connection, keys: CustomerKeys, where: dict[str, str | int]
) -> int:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - create_engine makes no other
    cursor: Cursor = psycopg.RawCursor(driver)
    found = cursor.execute(sql("stocktide/clear_ids").format(**where).encode()).fetchall()
    if not found:
        return 0
    pairs = _pseudonyms(cursor, keys, sorted(row[0] for row in found))
    rows_stay = f"TRIGGER {ROWS_STAY}"
    cursor.execute(f"ALTER TABLE {where['partition']} DISABLE {rows_stay}".encode())
    replacing = sql("stocktide/replace_clear_ids").format(**where)
    cursor.execute(replacing.encode(), (list(pairs), list(pairs.values())))
    changed = cursor.rowcount
    cursor.execute(f"ALTER TABLE {where['partition']} ENABLE {rows_stay}".encode())
    return changed


def _pseudonyms(cursor: Cursor, keys: CustomerKeys, ids: Sequence[str]) -> dict[str, str]:
    check_key(cursor, keys)
    found = {one: pseudonym for one, pseudonym, _ in known_customers(cursor, keys, ids)}
    new = [one for one in ids if one not in found]
    if new:
        found |= make_customers(cursor, keys, new)
    return found


def _forget_samples(engine: sa.Engine) -> None:
    """Take new samples for the planner, and write their table again: the old ones held ids."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE ledger"))
        may = sa.text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if connection.execute(may).scalar_one():
            connection.execute(sa.text("VACUUM FULL pg_catalog.pg_statistic"))
