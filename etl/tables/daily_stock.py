"""Stock at the close of every known shelf-day, made month by month: a month needs two months of days and no more."""

from collections.abc import Iterator
from datetime import date, timedelta

import sqlalchemy as sa

from etl.postgres import arrow_cursor
from etl.tables.workbench import Workbench, query_of
from stocktide.foundation.database import sql

LONG_AGO, NEVER = date(1, 1, 1), date(9999, 1, 1)
OF_MONTH = (
    "SELECT s.* FROM daily_stock s LEFT JOIN touched t ON t.product_id = s.product_id AND t.location_id = s.location_id"
    " WHERE s.month = '{month}' AND coalesce(s.day >= t.first_day, false) = {touched}"
)
# A month needs the days in which what it has on hand was last seen, and four weeks of sales before these.
DAYS_BEFORE = 57
DAYS_OF_BOTH = "SELECT min(day), max(day) FROM (SELECT day FROM daily_demand UNION ALL SELECT day FROM daily_stock)"
PAIRS = "SELECT DISTINCT product_id, location_id FROM touched"


def touch_stock(engine: sa.Engine, bench: Workbench, *, whole: bool, settled: bool) -> None:
    """Make `touched`: the pairs whose stock may be another on some days, and the first of these days.

    whole: all pairs and days. settled: but for pairs whose cost took a step since the last run.
    """
    with arrow_cursor(engine) as cursor:
        cursor.execute(sql("etl/tables/revalued"))
        bench.engine.show("revalued", cursor.fetch_arrow_table())
    if whole:
        bench.engine.make("touched", query_of("daily_stock_all", settled=settled))
        return
    ((newest,),) = bench.engine.rows("SELECT max(day) FROM daily_stock")
    # where no stock is known yet, none goes on to the days after
    touched = query_of("daily_stock_touched", newest=newest or NEVER)
    bench.engine.make("touched", touched)


def find_costs(engine: sa.Engine, bench: Workbench, *, whole: bool) -> None:
    """Make `costs`: the average cost of each touched pair from a day on."""
    columns: list[list[int]] = [[], []]
    if not whole:
        pairs = bench.engine.rows(f"{PAIRS} ORDER BY ALL")
        # none at all would stand for all of them
        columns = [[pair[0] for pair in pairs] or [-1], [pair[1] for pair in pairs] or [-1]]
    arrays = [f"{{{','.join(map(str, ids))}}}" for ids in columns]
    with arrow_cursor(engine) as cursor:
        cursor.execute(sql("etl/tables/steps"), arrays)
        bench.engine.show("steps", cursor.fetch_arrow_table())
    bench.engine.make("costs", sql("etl/tables/costs"))


def stock_by_month(bench: Workbench) -> Iterator[None]:
    """Make `wanted` of one month after another, from the first touched day on; it ends with daily demand."""
    engine = bench.engine
    ((first,),) = engine.rows("SELECT min(first_day) FROM touched")
    if first is None:
        return
    ((last,),) = engine.rows("SELECT max(day) FROM daily_demand")
    ((begun, ended),) = engine.rows(DAYS_OF_BOTH)
    if ended is None:
        return
    # days of stock that daily demand does not reach any more go, all of them where it is empty
    last = last or LONG_AGO
    for begin, end in _months(max(first, begun), ended):
        months = [f"'{day:%Y-%m}'" for day, _ in _months(begin - timedelta(days=DAYS_BEFORE), end)]
        # months are named, so that files of others are not read; a table, since a view would be read several times
        engine.make("demand", f"FROM daily_demand WHERE month IN ({', '.join(months)})")
        binds = {"first": begin, "last": min(end, last), "before": DAYS_BEFORE}
        engine.make("wanted", sql("etl/tables/daily_stock"), binds)
        month = f"{begin:%Y-%m}"
        engine.make("present", OF_MONTH.format(month=month, touched=True), view=True)
        engine.make("rest", OF_MONTH.format(month=month, touched=False), view=True)
        yield


def _months(first: date, last: date) -> Iterator[tuple[date, date]]:
    """Give first and last day of each month between two days, the last cut off at the last day."""
    begin = first.replace(day=1)
    while begin <= last:
        after = date(begin.year + begin.month // 12, begin.month % 12 + 1, 1)
        yield begin, min(last, date.fromordinal(after.toordinal() - 1))
        begin = after
