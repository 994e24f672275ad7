"""Scopes, order days and where figures come from."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from purchasing.proposing.arrays import reaching
from purchasing.proposing.dates import Supplying, days_of, weekdays
from purchasing.proposing.facts import Facts
from purchasing.proposing.offers import offers_of
from purchasing.proposing.scopes import narrowest
from replenishment import in_series, lead_times_of

MONDAY = date(2026, 3, 2)
PAIRS = pd.DataFrame(
    {
        "product": ["A", "A", "B", "C"],
        "category": ["Fruit", "Fruit", "Fruit", None],
        "location": ["S1", "S2", "S1", "S1"],
        "abc": ["A", "A", "B", "C"],
    }
)


def terms(*rows: dict[str, object]) -> pd.DataFrame:
    columns = ["product", "category", "location", "abc", "target", "note"]
    return pd.DataFrame([{**dict.fromkeys(columns), **row} for row in rows], columns=columns)


def test_the_narrowest_term_that_fits_counts_for_each_value() -> None:
    told = terms(
        {"target": 0.9, "note": "all"},
        {"category": "Fruit", "target": 0.95},
        {"abc": "A", "target": 0.97},
        {"product": "A", "target": 0.98},
        {"product": "A", "location": "S2", "target": 0.5, "note": "A at S2"},
    )
    found = narrowest(PAIRS, told, ["target", "note"])
    assert found["target"].tolist() == [0.98, 0.5, 0.95, 0.9]
    assert found["note"].tolist() == ["all", "A at S2", "all", "all"]


def test_without_a_term_nothing_holds() -> None:
    found = narrowest(PAIRS, terms(), ["target"])
    assert found["target"].isna().tolist() == [True] * 4
    (only,) = narrowest(PAIRS.iloc[:1], terms({"product": "B", "target": 0.9}), ["target"])[
        "target"
    ]
    assert pd.isna(only)


def test_next_order_day_leaves_out_weekdays_and_closed_days() -> None:
    closed = days_of(
        [(date(2026, 3, 5), date(2026, 3, 9), True), (date(2026, 3, 9), date(2026, 3, 9), False)]
    )
    of = Supplying(weekdays("mon,thu"), closed=closed)
    assert of.takes_orders(MONDAY)
    assert of.next_order_day(MONDAY) == date(2026, 3, 9)
    assert Supplying(weekdays("mon")).next_order_day(MONDAY) == date(2026, 3, 9)
    assert Supplying(frozenset()).next_order_day(MONDAY) is None


def test_deliveries_come_on_days_of_delivery() -> None:
    of = Supplying(delivery_days=weekdays("tue,fri"))
    moved = of.delivered(np.array([0.0, 0.25, 0.5, 0.25]), MONDAY)
    assert moved.tolist() == [0, 0.25, 0, 0, 0.75]
    assert Supplying(delivery_days=frozenset()).delivered(
        np.array([0.0, 1.0]), MONDAY
    ).tolist() == [0, 1]


def test_an_order_must_last_until_a_later_one_can_come_after_it() -> None:
    """Not until the next day on which it is ordered: a week of orders comes with one delivery."""
    day = np.eye(4)
    assert Supplying().covered(day[2], MONDAY) == 1
    assert Supplying(weekdays("mon,thu")).covered(day[2], MONDAY) == 3
    assert Supplying(delivery_days=weekdays("tue")).covered(day[1], MONDAY) == 7
    assert Supplying(weekdays("mon"), weekdays("tue,fri")).covered(day[1], MONDAY) == 7
    # what is ordered on Wednesday comes on Friday
    both = Supplying(weekdays("mon,wed"), weekdays("tue,fri"))
    assert both.covered(day[1], MONDAY) == 3
    closed = days_of([(date(2026, 3, 10), date(2026, 3, 10), True)])
    assert Supplying(delivery_days=weekdays("tue"), closed=closed).covered(day[1], MONDAY) == 14
    assert Supplying(weekdays("mon"), closed=frozenset()).covered(day[0], MONDAY) == 7
    assert Supplying(frozenset()).covered(day[1], MONDAY) == 28


def test_weekdays_are_those_that_are_named() -> None:
    assert weekdays("sat,sun") == {5, 6}
    assert weekdays(None) == weekdays("mon,tue,wed,thu,fri,sat,sun")
    with pytest.raises(ValueError, match="not in tuple"):
        weekdays("montag")


def chosen(offers: list[dict[str, Any]], *, active: bool = True) -> list[tuple[object, ...]]:
    """Return source, supplier and whether it is a centre, of A in two regions, and in their warehouses."""
    suppliers = pd.DataFrame(
        {
            "supplier": ["North depot", "South depot", "mill"],
            "location": ["WN", "WS", None],
            "currency": "EUR",
            "active": [active, True, True],
        }
    )
    amounts = ["price_micros", "pack_milli", "minimum_milli", "multiple_milli"]
    columns = ["product", "supplier", "rank", "currency", "lead_days", *amounts]
    sold = pd.DataFrame(
        [{**dict.fromkeys(columns), "product": "A", "rank": 1, **one} for one in offers],
        columns=columns,
    )
    rows = pd.DataFrame(
        {"product": "A", "location": ["N1", "S1", "WN", "WS"], "region": ["N", "S", "N", "S"]}
    ).assign(currency="EUR")
    terms = {"suppliers": suppliers, "supplier_products": sold}
    none = pd.DataFrame()
    found = offers_of(rows, Facts(none, none, none, none, terms, {}))
    named = found[["source", "supplier"]].astype(object).where(found["supplier"].notna(), None)
    return [tuple(row) for row in named.where(named.notna(), None).to_numpy()]


def test_a_shop_is_supplied_by_the_warehouse_of_its_region_and_a_warehouse_from_outside() -> None:
    named: list[dict[str, Any]] = [
        {"supplier": one} for one in ("North depot", "South depot", "mill")
    ]
    north, south, mill = named
    outside, none = (None, "mill"), (None, None)
    of_north, of_south = ("WN", "North depot"), ("WS", "South depot")
    assert chosen([mill]) == [outside] * 4
    # whatever the mill's price is: who has a warehouse does not buy beside it
    assert chosen([north, south, {**mill, "price_micros": 1}]) == [
        of_north,
        of_south,
        outside,
        outside,
    ]
    # each could supply the other, and goods would go round
    assert chosen([north, south]) == [of_north, of_south, none, none]
    assert chosen([{**north, "rank": 2}, south, {**mill, "rank": 3}]) == [
        of_south, of_south, outside, outside,
    ]  # fmt: skip
    assert chosen([{**north, "rank": 2}, mill]) == [outside] * 4
    assert chosen([north, mill], active=False) == [outside] * 4


def test_goods_are_sent_on_from_a_warehouse_on_its_order_days() -> None:
    first, then = np.array([0, 0, 0.5, 0.5]), np.array([0, 1.0])
    series = in_series(lead_times_of(first), lead_times_of(then)).shares[0]
    assert Supplying().sent_on(first, then, MONDAY).tolist() == series.tolist()
    # of what comes on Wednesday or Thursday the first leaves on Wednesday, and the rest a week later
    weekly = Supplying(order_days=weekdays("wed"))
    assert np.flatnonzero(weekly.sent_on(first, then, MONDAY)).tolist() == [3, 10]
    # a Wednesday's goods come on Friday at the soonest
    slow = Supplying(order_days=weekdays("wed"), delivery_days=weekdays("fri"))
    assert np.flatnonzero(slow.sent_on(first, then, MONDAY)).tolist() == [4, 11]


def test_paths_go_on_beyond_the_forecast_without_its_christmas_on_one_day() -> None:
    """The last days of a month of which one is closed: half a year later each weekday sells as on average."""
    demand = np.full((2, 200, 28), 4, dtype=np.float32)
    demand[1] = 2
    demand[:, :, 24] = 0
    long = reaching(demand, 90, 1.0)
    assert (long[:, :, :28] == demand).all()
    assert long[0, :, 28:].mean(axis=0) == pytest.approx(
        [3 if t % 7 == 24 % 7 else 4 for t in range(28, 90)]
    )
    # both lines live through the same week
    assert ((long[0] == 0) == (long[1] == 0)).all()
    assert reaching(demand[:, :, :3], 9, 7.0).shape == (2, 200, 9)


@pytest.mark.parametrize("left", [1, 4, 7, 8])
def test_a_short_rest_of_a_forecast_goes_on_with_its_own_spread(left: int) -> None:
    """Independent days: eight of them have eight times the variance of one, not sixty-four times."""
    demand = np.random.default_rng(1).poisson(20, (2, 2000, left)).astype(np.float32)
    demand[1] = demand[0]
    long = reaching(demand, 8, 1.0)
    total = long[0].sum(axis=1)
    assert total.mean() == pytest.approx(160, rel=0.02)
    assert total.var() == pytest.approx(160, rel=0.25)
    assert (long[0] == long[1]).all()
