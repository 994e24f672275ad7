"""The fold of movements to days, stretch by stretch of time; each goes on from what the one before left of each pair.

So a fold begins at the first touched day of a pair, whatever came before it, and holds one stretch in memory.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import groupby
from typing import NamedTuple

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from etl.delta import CHANGED_DEMAND
from etl.dimensions import NONE_RETOLD
from etl.held_pairs import ALL, Pair, Some
from etl.kinds import kind_table
from etl.meanings import Meanings
from stocktide.foundation.database import sql
from stocktide.foundation.lake_schemas import DAILY_DEMAND

# Division of whole numbers, rounded half away from zero as PostgreSQL rounds: a double would lose cents of large sums.
ROUNDED = "CREATE MACRO rounded(a, b) AS (2 * a + sign(a) * b) // (2 * b)"
ROWS_A_STRETCH = 1_000_000
# DuckDB's own; what does not fit goes to disk.
MEMORY = "1GB"


class Stretch(NamedTuple):
    """Months that are folded at once, from the first to the last."""

    first: str
    last: str


def changed_demand(
    movements: DeltaTable,
    table: DeltaTable | None,
    meanings: Meanings,
    *,
    since: int,
    before: int,
    retold: pa.Table = NONE_RETOLD,
    again: date | None = None,
    some: Some = ALL,
) -> Iterator[pa.Table]:
    """Compute the rows of daily_demand that movements with xid in [since, before) make, change or leave nothing of.

    table: daily_demand as it is, up to `since`. retold: product_id of products of which all rows are looked at.
    again: day from which on all rows are. some: the pairs that it is about. Gives a table of CHANGED_DEMAND for each
    stretch of time.
    """
    with _opened(movements, before, some) as connection:
        connection.register("zones", meanings.zones)
        connection.register("currencies", meanings.currencies)
        present = DAILY_DEMAND.empty_table() if table is None else table.to_pyarrow_dataset()
        connection.register("all_demand", present)
        first_month = _touch(connection, since, retold, again)
        connection.execute("CREATE VIEW daily_demand AS FROM all_demand")
        connection.execute(f"CREATE TABLE opening AS {sql('etl/opening')}")
        for stretch in stretches(movements, first_month):
            yield _changed(connection, stretch)


def touched_pairs(
    movements: DeltaTable,
    *,
    since: int,
    before: int,
    retold: pa.Table = NONE_RETOLD,
    again: date | None = None,
) -> list[Pair]:
    """List the pairs that movements in [since, before), of retold products, or of days from `again` on tell of."""
    with _opened(movements, before, ALL) as connection:
        _touch(connection, since, retold, again)
        query = "SELECT product_id, location_id FROM touched ORDER BY ALL"
        return [Pair(*row) for row in connection.execute(query).fetchall()]


def stretches(movements: DeltaTable, first_month: str | None) -> Sequence[Stretch]:
    """Divide the months of a table from one on into stretches of about as many rows as are folded at once.

    A month is one stretch at least. None: there is nothing to fold, and that is folded: a query that fails on it is
    at fault itself.
    """
    if first_month is None:
        return [Stretch("", "")]
    files = pa.table(movements.get_add_actions(flatten=True))
    rows: dict[str, int] = {}
    columns = (files["partition.month"].to_pylist(), files["num_records"].to_pylist())
    for month, count in zip(*columns, strict=True):
        rows[month] = rows.get(month, 0) + count
    found, so_far = [], 0
    for month in sorted(month for month in rows if month >= first_month):
        begun, so_far = so_far // ROWS_A_STRETCH, so_far + rows[month]
        found.append((begun, month))
    groups = ([month for _, month in group] for _, group in groupby(found, lambda item: item[0]))
    return [Stretch(months[0], months[-1]) for months in groups]


@contextmanager
def _opened(movements: DeltaTable, before: int, some: Some) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database with the view `all_movements`: of transactions before one, and of some pairs."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute(f"SET temp_directory = '{folder}'")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(ROUNDED)
        connection.register("event_kinds", kind_table())
        connection.register("landed", movements.to_pyarrow_dataset())
        connection.execute(
            f"CREATE VIEW all_movements AS FROM landed WHERE xid < {before:d} AND {some.in_duckdb(connection)}"
        )
        yield connection


def _touch(
    connection: duckdb.DuckDBPyConnection, since: int, retold: pa.Table, again: date | None
) -> str | None:
    """Make the table `touched`; returns the month of the first day that is in it."""
    connection.register("retold", retold)
    connection.execute("CREATE OR REPLACE VIEW movements AS FROM all_movements")
    connection.execute(
        f"CREATE TABLE touched AS {sql('etl/touched_pairs')}", {"since": since, "again": again}
    )
    row = connection.execute("SELECT strftime(min(first_day), '%Y-%m') FROM touched").fetchone()
    return None if row is None else row[0]


def _changed(connection: duckdb.DuckDBPyConnection, stretch: Stretch) -> pa.Table:
    """Fold one stretch, and have `opening` say what it leaves."""
    within = f"month BETWEEN '{stretch.first}' AND '{stretch.last}'"
    for view, source in (("movements", "all_movements"), ("daily_demand", "all_demand")):
        connection.execute(f"CREATE OR REPLACE VIEW {view} AS FROM {source} WHERE {within}")
    connection.execute(f"CREATE OR REPLACE TABLE wanted AS {sql('etl/daily_demand')}")
    connection.execute(f"CREATE OR REPLACE TABLE opening AS {sql('etl/next_opening')}")
    rows = connection.sql(sql("etl/changed_demand")).to_arrow_table()
    return rows.select(CHANGED_DEMAND.names).cast(CHANGED_DEMAND)
