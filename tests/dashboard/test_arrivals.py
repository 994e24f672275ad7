from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd

from dashboard.arrivals import (
    arrival_words,
    arrivals_by_day,
    arrivals_of,
    delivery_words,
    next_by_location,
)
from tests.dashboard.conftest import Dashboard, text_of

TODAY = date(2026, 3, 4)


def line(location: str, *arrivals: tuple[date | None, float]) -> dict[str, Any]:
    """A product's line of stock, as far as what comes is read from it."""
    coming = [
        {"expected_on": None if day is None else day.isoformat(), "quantity": units} for day, units in arrivals
    ]  # fmt: skip
    return {"location": location, "arrivals": coming}


def test_what_is_late_may_come_today_and_what_has_no_day_is_not_drawn() -> None:
    before, after = TODAY - timedelta(days=3), TODAY + timedelta(days=2)
    stock = [
        line("S1", (before, 4.0), (TODAY, 1.0), (after, 8.0)),
        line("S2", (before, 2.0), (None, 9.0)),
        line("S3"),
    ]
    found = arrivals_of(stock)
    by_day = arrivals_by_day(found, TODAY)
    assert [tuple(row) for row in by_day.itertuples(index=False)] == [
        (pd.Timestamp(TODAY), False, 1.0),
        (pd.Timestamp(TODAY), True, 6.0),
        (pd.Timestamp(after), False, 8.0),
    ]
    assert (
        arrival_words(by_day, "units")[0]
        == "9 units on order, next delivery Wed 4 Mar; 6 units late"
    )
    coming = next_by_location(found)
    assert coming.index.tolist() == ["S1", "S2"]
    assert list(coming.loc["S1"]) == [13.0, pd.Timestamp(before)]
    assert list(coming.loc["S2"]) == [11.0, pd.Timestamp(before)]


def test_product_shows_what_is_on_order_and_when_it_should_come(filled: Dashboard) -> None:
    drawn = filled.draw("products", sku="B")
    stock = drawn.dataframe[1].value.set_index("location")
    due = (datetime.now(UTC) + timedelta(days=2)).date()
    assert stock["on_order"].dropna().to_dict() == {"High Street": 24.0}
    assert stock["delivery"].dropna().to_dict() == {"High Street": delivery_words(24.0, due, due)}
    assert f"24 kg on order, next delivery {due:%a %-d %b}" in text_of(drawn)
    drawn.selectbox(key="products.location").select("S2").run()
    assert "on order" not in text_of(drawn)
