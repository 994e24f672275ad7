"""What was sold by day: money by currency and quantities by unit, which are never added across."""

from collections.abc import Sequence
from datetime import date

import pandas as pd
import sqlalchemy as sa

from catalog.frames import read_frame
from catalog.money import Money, money_of
from stocktide.domain.units import code_of

# 52 weeks: the same weekdays a year before.
YEAR_DAYS = 364


def read_sales(
    engine: sa.Engine, *, days: int, currency: str | None, **narrowed: str | None
) -> pd.DataFrame:
    """Read the last days up to the newest: day, unit, currency, sold, returned, revenue, converted, active, first_day.

    currency: that sums of several are shown in, None to leave them apart. narrowed: location, department, category. One
    row a day, unit and currency; a unit in two spellings is one. The same days 52 weeks before are among the rows: see
    `last_days_of` and `year_before`.
    """
    name = "sales_by_day_of" if narrowed.get("department") else "sales_by_day"
    rows = read_frame(engine, name, days=days, currency=currency, **narrowed)
    spelled = {code_of(unit): unit for unit in sorted(rows["unit"].unique(), reverse=True)}
    return rows.assign(unit=[spelled[code_of(unit)] for unit in rows["unit"]])


def last_days_of(rows: pd.DataFrame, days: int) -> pd.DataFrame:
    """Return the rows of the last days up to the newest."""
    day = pd.to_datetime(rows["day"])
    recent: pd.DataFrame = rows.loc[day > day.max() - pd.Timedelta(days=days)]
    return recent


def year_before(rows: pd.DataFrame, last: date, days: int) -> pd.DataFrame | None:
    """Return the rows of the days 52 weeks before those up to `last`; None where figures do not go back so far."""
    day, end = pd.to_datetime(rows["day"]), pd.Timestamp(last) - pd.Timedelta(days=YEAR_DAYS)
    start = end - pd.Timedelta(days=days)
    if rows.empty or pd.Timestamp(rows["first_day"].iloc[0]) > start + pd.Timedelta(days=1):
        return None
    before: pd.DataFrame = rows.loc[(day > start) & (day <= end)]
    return before


def sales_money(rows: pd.DataFrame, currency: str | None) -> Money:
    """Add the revenue of days up."""
    columns = (rows["currency"], rows["revenue"], rows["converted"])
    return money_of(zip(*columns, strict=True), currency)


def units_sold(rows: pd.DataFrame) -> dict[str, float]:
    """Add what was sold up, by unit, the most frequent first; units of which nothing was sold are left out."""
    sold = rows.groupby("unit")["sold"].sum()
    return {str(unit): float(sold[unit]) for unit in units_of(rows) if sold[unit]}


def units_of(rows: pd.DataFrame) -> Sequence[str]:
    """Return the units that products are counted in, that of most days of products first."""
    return [
        str(unit)
        for unit in rows.groupby("unit")["active"].sum().sort_values(ascending=False).index
    ]


def sums_by_day(rows: pd.DataFrame, currency: str | None) -> pd.DataFrame:
    """Return one row a day: sold and net (less returned) of all units, and revenue where it is in one currency."""
    by_day = rows.assign(net=rows["sold"] - rows["returned"]).groupby("day", as_index=False)
    frame = by_day[["sold", "net"]].sum()
    money = sales_money(rows, currency)
    if money.one is not None:
        # what sums to nothing over all days is left out of a day, too
        part = rows[rows["currency"].isin([money.one[0], *money.converted])]
        by_day_of_part = part.groupby("day")["converted" if money.converted else "revenue"].sum()
        frame["revenue"] = by_day_of_part.reindex(frame["day"], fill_value=0.0).to_numpy()
    return frame
