"""The filters of every page: what they leave, and what figures are compared with."""

from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.sales import last_days_of, read_sales, units_sold, year_before
from tests.dashboard.conftest import Dashboard, charts_of, text_of
from tests.dashboard.counted_chain import GOODS, Counted
from tests.dashboard.test_counted_figures import LAST, WEEK, counted, money

__all__ = ["counted"]


def cards(drawn: Any) -> dict[str, str]:
    return {card.label: card.value for card in drawn.metric}


def test_overview_counts_a_shop_and_a_category_as_pandas_does(
    counted: Counted, empty: Dashboard
) -> None:
    groups = {product: department for product, (department, *_) in GOODS.items()}
    lines, stock = (
        frame.assign(department=frame["product"].map(groups))
        for frame in (counted.lines(), counted.stock())
    )
    place, group = str(stock["location"].iloc[0]), str(stock["department"].iloc[0])
    for query, mine, shelves in (
        ({"store": place}, lines["location"] == place, stock["location"] == place),
        ({"cat": group}, lines["department"] == group, stock["department"] == group),
        (
            {"store": place, "cat": group},
            (lines["location"] == place) & (lines["department"] == group),
            (stock["location"] == place) & (stock["department"] == group),
        ),
    ):
        drawn = empty.draw("overview", **query)  # type: ignore[arg-type]  # role and theme are not among them
        said = text_of(drawn)
        # a shop's days are over by its own clock
        last = date.fromisoformat(said.partition("Last full day: ")[2][:10])
        assert last in (LAST, LAST + timedelta(days="store" in query))
        week = lines[mine & (lines["day"] > last - timedelta(days=WEEK)) & (lines["day"] <= last)]
        sums = week.groupby("code")["amount"].sum().to_dict()
        assert cards(drawn)["Sales, last 7 days"] == money(sums), query
        known = int((shelves & stock["on_hand"].notna()).sum())
        assert f"{known} of {int(shelves.sum())} shelves with known stock" in said, query
        assert place in said or group in said


def test_sales_of_all_departments_are_those_of_the_chain(
    counted: Counted, empty: Dashboard
) -> None:
    """The query of a department adds up to the one of locations, day by day."""
    assert not counted.events.empty
    engine, days = empty.reader.engine, 60
    whole = read_sales(engine, days=days, currency=None)
    parts = pd.concat(
        read_sales(engine, days=days, currency=None, department=str(name))
        for name in {department for department, *_ in GOODS.values()}
    )
    keys = ["day", "unit", "currency"]
    for column in ("sold", "returned", "revenue"):
        pd.testing.assert_series_equal(
            parts.groupby(keys)[column].sum(), whole.groupby(keys)[column].sum(), check_dtype=False
        )


@given(
    first=st.dates(date(2024, 1, 1), date(2026, 1, 1)),
    days=st.sampled_from([7, 28, 91, 364]),
    missing=st.sets(st.integers(0, 900), max_size=30),
)
@settings(max_examples=50)
def test_a_year_before_has_the_same_weekdays_and_is_whole_or_not_there(
    first: date, days: int, missing: set[int]
) -> None:
    last = date(2026, 3, 1)
    every = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    sold = [day for n, day in enumerate(every) if n not in missing]
    rows = pd.DataFrame({"day": sold, "first_day": first, "sold": 1.0, "unit": "each", "active": 1})
    before = year_before(rows, last, days)
    end = last - timedelta(days=364)
    assert end.weekday() == last.weekday()
    want = [day for day in sold if end - timedelta(days=days) < day <= end]
    assert (before is None) == (first > end - timedelta(days=days - 1))
    if before is not None:
        assert before["day"].tolist() == want
        assert sum(units_sold(before).values()) == len(want)
    assert last_days_of(rows, days)["day"].min() > max(sold) - timedelta(days=days)


def test_overview_of_a_shop_shows_its_forecast_and_of_a_group_says_that_it_has_none(
    filled: Dashboard,
) -> None:
    assert "units expected" in charts_of(filled.draw("overview", store="Mill"))[0]
    drawn = filled.draw("overview", store="Mill", cat="Fresh", period="28 days")
    assert "this is no level of the forecast" in charts_of(drawn)[0]
    assert [card.label for card in drawn.metric][2] == "Out-of-stock rate, all categories"
    assert "Sales, last 28 days" in cards(drawn)
    assert "Mill, Fresh" in text_of(drawn)


def test_overview_says_so_when_nothing_of_what_is_chosen_was_sold(filled: Dashboard) -> None:
    drawn = filled.draw("overview", store="High Street", cat="Home")
    assert "Nothing of High Street, Home was sold" in text_of(drawn)


@pytest.mark.parametrize("page", ["overview", "products", "risk", "alerts"])
def test_pages_with_filters_keep_to_ten_queries(page: str, filled: Dashboard) -> None:
    filled.draw(page, store="Mill", cat="Fresh")
    assert len([query for query in filled.queries if not query.startswith("SELECT 1")]) <= 10
