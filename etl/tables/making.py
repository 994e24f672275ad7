"""One further table made again: `wanted`, beside the rows that it has of that and those that nothing touched."""

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from etl.spool import Spool
from etl.tables.daily_stock import find_costs, stock_by_month, touch_stock
from etl.tables.schemas import DAILY_STOCK, KeptTable
from etl.tables.workbench import Workbench, query_of
from stocktide.foundation.database import sql


@dataclass(frozen=True)
class Month:
    """A month of a table in which something changed: all its rows."""

    month: str
    rows: Spool


def differing_months(
    engine: sa.Engine, bench: Workbench, table: KeptTable, *, whole: bool, settled: bool = False
) -> Iterator[str]:
    """Give each month in which what is wanted of a table differs from what it has, while its rows are laid out.

    whole: of everything, else of what is touched by the movements in `fresh`. settled: see `touch_stock`.
    """
    if table is DAILY_STOCK:
        touch_stock(engine, bench, whole=whole, settled=settled)
        find_costs(engine, bench, whole=whole)
        steps = stock_by_month(bench)
    else:
        steps = _of_movements(bench, table, whole=whole)
    differing = query_of("differing", columns=", ".join(table.schema.names))
    for _ in steps:
        for (month,) in bench.engine.rows(differing):
            yield month


def rows_of_month(bench: Workbench, table: KeptTable, month: str) -> Month:
    """Read all rows of a month as they are to be, in the order of what they are found by."""
    columns, order = ", ".join(table.schema.names), ", ".join(table.touched_by)
    query = query_of("month", columns=columns, month=month, order=order)
    rows = bench.engine.read(query)
    return Month(month, Spool(table.schema, (batch.cast(table.schema) for batch in rows)))


def _of_movements(bench: Workbench, table: KeptTable, *, whole: bool) -> Iterator[None]:
    """Make `wanted`, `present` and `rest` of what is touched, or of everything."""
    columns = ", ".join(table.touched_by)
    is_touched = "true"
    if not whole:
        known = " AND ".join(f"{column} IS NOT NULL" for column in table.touched_by)
        bench.engine.make(
            "touched", query_of("touched", columns=columns, columns_known=known, of=table.of)
        )
        if bench.count("touched") == 0:
            return
        chosen = f"({columns}) IN (SELECT ({columns}) FROM touched)"  # noqa: S608 - ours
        is_touched = _in_touched_months(bench, table) + chosen
    make = bench.engine.make
    make("concerned", query_of("concerned", is_touched=is_touched, of=table.of), view=True)
    make("in_force", sql("etl/tables/in_force"), view=True)
    make("wanted", query_of(table.name, is_touched=is_touched))
    make("present", f"FROM {table.name} WHERE {is_touched}", view=True)
    make("rest", f"FROM {table.name} WHERE NOT ({is_touched})", view=True)
    yield


def _in_touched_months(bench: Workbench, table: KeptTable) -> str:
    """Return a condition that names the months of touched days, so that other files are not read."""
    if "day" not in table.touched_by:
        return ""
    query = "SELECT DISTINCT strftime(day, '%Y-%m') FROM touched ORDER BY 1"
    months = [f"'{month}'" for (month,) in bench.engine.rows(query)]
    return f"month IN ({', '.join(months)}) AND "
