"""The fold of movements to days, stretch by stretch of time; each goes on from what the one before left of each pair.

So a fold begins at the first touched day of a pair, whatever came before it, and holds one stretch in memory.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import groupby
from typing import NamedTuple

import pyarrow as pa
from deltalake import DeltaTable

from etl.delta import CHANGED_DEMAND
from etl.dimensions import NONE_RETOLD
from etl.held_pairs import ALL, Pair, Some
from etl.kinds import kind_table
from etl.meanings import Meanings
from etl.sql_engine import OpenEngine, SqlEngine, duck_engine
from stocktide.foundation.database import sql
from stocktide.foundation.lake_schemas import DAILY_DEMAND

ROWS_A_STRETCH = 1_000_000


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
    opened: OpenEngine = duck_engine,
) -> Iterator[pa.Table]:
    """Compute the rows of daily_demand that movements with xid in [since, before) make, change or leave nothing of.

    table: daily_demand as it is, up to `since`. retold: product_id of products of which all rows are looked at.
    again: day from which on all rows are. some: the pairs that it is about. opened: opens what computes
    it. Gives a table of CHANGED_DEMAND for each stretch of time.
    """
    with _opened(opened, movements, before, some) as engine:
        engine.show("zones", meanings.zones)
        engine.show("currencies", meanings.currencies)
        engine.show("all_demand", DAILY_DEMAND.empty_table() if table is None else table)
        first_month = _touch(engine, since, retold, again)
        engine.make("daily_demand", "FROM all_demand", view=True)
        engine.make("opening", sql("etl/opening"))
        for stretch in stretches(movements, first_month):
            yield _changed(engine, stretch)


def touched_pairs(
    movements: DeltaTable,
    *,
    since: int,
    before: int,
    retold: pa.Table = NONE_RETOLD,
    again: date | None = None,
    opened: OpenEngine = duck_engine,
) -> list[Pair]:
    """List the pairs that movements in [since, before), of retold products, or of days from `again` on tell of."""
    with _opened(opened, movements, before, ALL) as engine:
        _touch(engine, since, retold, again)
        query = "SELECT product_id, location_id FROM touched ORDER BY ALL"
        return [Pair(*row) for row in engine.rows(query)]


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
def _opened(
    opened: OpenEngine, movements: DeltaTable, before: int, some: Some
) -> Iterator[SqlEngine]:
    """Open a database with the view `all_movements`: of transactions before one, and of some pairs."""
    with opened() as engine:
        engine.show("event_kinds", kind_table())
        engine.show("landed", movements)
        chosen = some.condition(engine.show)
        engine.make("all_movements", f"FROM landed WHERE xid < {before:d} AND {chosen}", view=True)
        yield engine


def _touch(engine: SqlEngine, since: int, retold: pa.Table, again: date | None) -> str | None:
    """Make the table `touched`; returns the month of the first day that is in it."""
    engine.show("retold", retold)
    engine.make("movements", "FROM all_movements", view=True)
    engine.make("touched", sql("etl/touched_pairs"), {"since": since, "again": again})
    ((month,),) = engine.rows("SELECT strftime(min(first_day), '%Y-%m') FROM touched")
    return None if month is None else str(month)


def _changed(engine: SqlEngine, stretch: Stretch) -> pa.Table:
    """Fold one stretch, and have `opening` say what it leaves."""
    within = f"month BETWEEN '{stretch.first}' AND '{stretch.last}'"
    for view, source in (("movements", "all_movements"), ("daily_demand", "all_demand")):
        engine.make(view, f"FROM {source} WHERE {within}", view=True)
    engine.make("wanted", sql("etl/daily_demand"))
    engine.make("opening", sql("etl/next_opening"))
    rows = engine.read(sql("etl/changed_demand")).read_all()
    return rows.select(CHANGED_DEMAND.names).cast(CHANGED_DEMAND)
