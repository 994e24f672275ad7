"""The fiscal calendar in SQL: published years of retailers, and every day in one period whatever the rules.

The National Retail Federation's page on its 4-5-4 calendar (nrf.com/resources/4-5-4-calendar, and its predecessor
nrf.com/modules.php?name=Pages&sp_id=391) names the years of 53 weeks. Retailers that keep the calendar end their fiscal
years with its own; these days are from their reports to the SEC.
"""

from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from query.jail.execution import open_database
from query.reports import find_report
from stocktide.foundation.database import sql

NRF = {"fiscal": "4-5-4", "fiscal_month": 2, "fiscal_weekday": 7, "fiscal_rule": "nearest"}
LONG_YEARS = {2000, 2006, 2012, 2017, 2023}
ENDS = {
    # Talbots, annual report for 2000: "February 3, 2001 (53 weeks)"
    1998: date(1999, 1, 30), 1999: date(2000, 1, 29), 2000: date(2001, 2, 3),
    # Charming Shoppes, 10-K for 2005
    2001: date(2002, 2, 2), 2002: date(2003, 2, 1), 2003: date(2004, 1, 31), 2004: date(2005, 1, 29),
    2005: date(2006, 1, 28),
    # Foot Locker, exhibits 12 of 2011 and 2013
    2006: date(2007, 2, 3), 2007: date(2008, 2, 2), 2008: date(2009, 1, 31), 2009: date(2010, 1, 30),
    2010: date(2011, 1, 29), 2011: date(2012, 1, 28), 2012: date(2013, 2, 2),
    # Kohl's, 10-K for 2016 and for 2018
    2014: date(2015, 1, 31), 2015: date(2016, 1, 30), 2016: date(2017, 1, 28), 2018: date(2019, 2, 2),
    # Victoria's Secret, 10-K for 2021; Gap, for 2023; Ross Stores, for 2024
    2020: date(2021, 1, 30), 2021: date(2022, 1, 29), 2022: date(2023, 1, 28), 2023: date(2024, 2, 3),
    2024: date(2025, 2, 1),
}  # fmt: skip


def rows(query: str, **given: Any) -> list[tuple[Any, ...]]:
    """Run a query over the days of a fiscal calendar."""
    with open_database({"threads": "1"}) as database:
        text = f"WITH {sql('report_parts/fiscal_days')} {query}"
        found: list[tuple[Any, ...]] = database.execute(text, given).fetchall()
        return found


def test_years_of_retailers_end_when_published() -> None:
    query = "SELECT year, max(day), count(*) / 7 FROM fiscal_days WHERE year BETWEEN 1998 AND 2024 GROUP BY year"
    found = {year: (last, weeks) for year, last, weeks in rows(query, **NRF)}
    assert {year: found[year][0] for year in ENDS} == ENDS
    assert {year for year, (_, weeks) in found.items() if weeks == 53} == LONG_YEARS
    assert {weeks for _, weeks in found.values()} == {52, 53}


def test_the_last_period_has_the_week_that_is_one_too_many() -> None:
    query = "SELECT period, count(*) / 7 FROM fiscal_days WHERE year = 2023 GROUP BY period ORDER BY period"
    weeks = [int(count) for _, count in rows(query, **NRF)]
    assert weeks == [4, 5, 4, 4, 5, 4, 4, 5, 4, 4, 5, 5]


@settings(max_examples=40, deadline=None)
@given(
    fiscal=st.sampled_from(["calendar", "4-4-5", "4-5-4", "5-4-4"]),
    month=st.integers(1, 12),
    weekday=st.integers(1, 7),
    rule=st.sampled_from(["nearest", "last"]),
)
def test_every_day_is_in_one_period(fiscal: str, month: int, weekday: int, rule: str) -> None:
    given_ = {
        "fiscal": fiscal,
        "fiscal_month": month,
        "fiscal_weekday": weekday,
        "fiscal_rule": rule,
    }
    query = "SELECT day, year, period, period_start, period_end FROM fiscal_days ORDER BY day"
    found = rows(query, **given_)
    first = found[0][0]
    assert [row[0] for row in found] == [first + timedelta(days=n) for n in range(len(found))]
    assert first <= date(2000, 1, 1)
    assert found[-1][0] >= date(2049, 12, 31)
    assert all(row[3] <= row[0] <= row[4] for row in found)
    years: dict[int, dict[int, int]] = {}
    for _, year, period, *_ends in found:
        years.setdefault(year, dict.fromkeys(range(1, 13), 0))[period] += 1
    if fiscal == "calendar":
        assert {sum(days.values()) for days in list(years.values())[:-1]} == {365, 366}
        return
    wanted = [7 * int(weeks) for weeks in fiscal.split("-")] * 4
    for year, days in list(years.items())[:-1]:
        assert list(days.values())[:-1] == wanted[:-1], year
        assert sum(days.values()) in (364, 371)
        start = next(row[0] for row in found if row[1] == year)
        assert start.isoweekday() == weekday
        away = (start - date(year, month, 1)).days
        assert -3 <= away <= 3 if rule == "nearest" else -6 <= away <= 0


def test_a_period_is_beside_that_of_the_year_before_in_the_same_shops() -> None:
    """Two shops, one of which opens within the first year; the last period is not over."""
    days = pd.date_range("2024-01-01", "2025-07-14", freq="D").date
    shops = {1: days, 2: days[200:]}
    frame = pd.DataFrame(
        [
            (shop, day, float(shop * 10 + day.day))
            for shop, opened in shops.items()
            for day in opened
        ],
        columns=["location_id", "day", "sold"],
    ).assign(product_id=1, currency="EUR", revenue=lambda rows: 2 * rows["sold"])
    starts = {(2024, 6): date(2024, 7, 7), (2025, 6): date(2025, 7, 6)}
    for alike in (False, True):
        found = report_over(frame, "demand_periods", like_for_like=alike, **NRF)
        [row] = found[(found["year"] == 2025) & (found["period"] == 6)].to_dict("records")
        assert (row["first"].date(), row["first_before"].date()) == (
            starts[2025, 6],
            starts[2024, 6],
        )
        assert (row["last"].date(), row["last_before"].date()) == (
            date(2025, 7, 14),
            date(2024, 7, 15),
        )
        assert not row["complete"]
        wanted = frame[frame["location_id"] == 1] if alike else frame
        for name, first, last in (
            ("sold", starts[2025, 6], date(2025, 7, 14)),
            ("sold_before", starts[2024, 6], date(2024, 7, 15)),
        ):
            inside = wanted[(wanted["day"] >= first) & (wanted["day"] <= last)]
            assert row[name] == pytest.approx(inside["sold"].sum())
        assert row["net_sales"] == pytest.approx(2 * row["sold"])
        assert row["shops"] == (1 if alike else 2)
    # before the data begins there is nothing to compare with
    first_year = found[found["year"] == 2024]
    assert not first_year["comparable"].fillna(False).any()


def test_customers_of_a_period_are_those_of_the_shops_that_are_compared() -> None:
    """Customer a buys in both shops, b in the second alone, which opens within the first year, and c in the first."""
    days = pd.date_range("2024-01-01", "2025-08-31", freq="D").date
    shops = {1: days, 2: days[200:]}
    demand = pd.DataFrame(
        [(shop, day) for shop, opened in shops.items() for day in opened],
        columns=["location_id", "day"],
    ).assign(product_id=1, sold=1.0, currency="EUR", revenue=5.0)
    bought = [
        (1, "a", date(2024, 7, 9)), (1, "a", date(2025, 7, 8)), (2, "a", date(2025, 7, 9)),
        (2, "b", date(2025, 7, 10)), (1, "c", date(2025, 7, 11)), (1, "c", date(2024, 7, 12)),
        (1, "d", date(2025, 7, 12)),
    ]  # fmt: skip
    orders = pd.DataFrame(bought, columns=["location_id", "customer", "day"]).assign(
        currency="EUR", sales=10.0, returns=1.0
    )
    customers = orders.groupby(["customer", "currency"], as_index=False).agg(
        first_day=("day", "min")
    )
    more = {"orders": orders, "customers": customers}
    for alike, said in ((False, (4, 2, 2, 5, 45.0)), (True, (3, 2, 1, 3, 27.0))):
        found = report_over(demand, "customer_periods", more, like_for_like=alike)
        [row] = found[(found["year"] == 2025) & (found["period"] == 7)].to_dict("records")
        names = ("customers", "customers_before", "new_customers", "orders", "net_sales")
        assert tuple(row[name] for name in names) == said


def report_over(
    demand: pd.DataFrame, name: str, more: dict[str, pd.DataFrame] | None = None, /, **given: Any
) -> pd.DataFrame:
    """Rows of a report over days of demand of one product in two shops, and over more tables."""
    report = find_report(name)
    with open_database({"threads": "1"}) as database:
        database.register("daily_demand", demand)
        for table, frame in (more or {}).items():
            database.register(table, frame)
        for table, rows in {
            "products": {
                "product_id": [1],
                "unit": ["each"],
                "department": ["D"],
                "category": ["C"],
            },
            "locations": {"location_id": [1, 2], "code": ["S1", "S2"]},
        }.items():
            database.register(table, pd.DataFrame(rows))
        values = {one.name: one.default for one in report.parameters} | given
        found: pd.DataFrame = database.execute(report.text, values).df()
        return found


@pytest.mark.parametrize("name", ["customer_cohorts", "customer_periods", "demand_periods"])
def test_reports_by_period_take_the_same_calendar(name: str) -> None:
    assert "-- part fiscal_days," in sql(f"reports/{name}")
