from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from forecasting.frames.frequency import grid_of
from forecasting.known_ahead_tables import keys_of_leaves, read_known_ahead, with_known_ahead
from forecasting.lake_demand import read_demand
from forecasting.nodes.demand import Demand
from forecasting.nodes.known_ahead import KnownAhead
from ingest.calendar import put_plans, withdraw_plan
from ingest.calendar.shapes import ClosureIn, EventIn, PriceIn, PromotionIn, RegressorIn
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from stocktide.foundation.lake import Lake
from tests.forecasting.lakes import FIRST, LOCATIONS, PRODUCTS, demand_row, write_lake

T, H = 28, 14
NOW = datetime.combine(FIRST + timedelta(days=T), datetime.min.time(), UTC) + timedelta(hours=12)
LEVELS = (("location", "product"),)


def day(number: int) -> Any:
    return FIRST + timedelta(days=number)


def known(number: int) -> datetime:
    """In the morning of a day."""
    return datetime.combine(day(number), datetime.min.time(), UTC) + timedelta(hours=9)


@pytest.fixture
def chain(database: sa.Engine) -> sa.Engine:
    """The products and locations of the lake in the database; list prices of 8."""
    with database.begin() as connection:
        products = PRODUCTS[["sku", "department", "category"]].to_dict("records")
        locations = LOCATIONS[["code", "region", "country"]].to_dict("records")
        price = 8
        put_products(
            connection,
            [ProductIn(**{str(k): v for k, v in row.items()}, price=price) for row in products],
        )
        put_locations(
            connection, [LocationIn(**{str(k): v for k, v in row.items()}) for row in locations]
        )
    return database


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """P1 at S1: 10, from day 14 on 12, on promotion at 6 on days 20 to 22, rows on even days. P2 at S3: no price."""
    rows = []
    for number in range(T):
        promoted = 20 <= number <= 22
        price = 6 if promoted else 12 if number >= 14 else 10
        if number % 2 == 0 or number == 23:
            priced = {"price_micros": price * 1_000_000, "promotion": promoted}
            rows.append(demand_row(1, 1, number, 5.0, **priced))
        rows.append(demand_row(2, 3, number, 2.0))
    return write_lake(tmp_path / "lake", rows)


@pytest.fixture
def demand(lake: Lake) -> Demand:
    return read_demand(lake, LEVELS, now=NOW)


def plan(engine: sa.Engine, kind: str, *plans: Any) -> None:
    with engine.begin() as connection:
        put_plans(connection, kind, plans, by="x")


def read(engine: sa.Engine, lake: Lake, demand: Demand, now: datetime = NOW) -> KnownAhead:
    return read_known_ahead(engine, lake, demand, horizon=H, now=now)


def leaf(demand: Demand, product: str) -> int:
    return demand.leaves["product"].tolist().index(product)


def test_past_holds_the_prices_and_promotions_that_were(
    chain: sa.Engine, lake: Lake, demand: Demand
) -> None:
    ahead = read(chain, lake, demand)
    row = leaf(demand, "P1")
    price, promotion = (
        ahead.regressors["price"].values[row],
        ahead.regressors["promotion"].values[row],
    )
    # 7 even days at 10; day 23 and 5 even days at 12; 2 even days at 6: the median of 15 is 10
    expected = [10.0] * 14 + [12.0] * 6 + [6.0] * 3 + [12.0] * (T - 23)
    np.testing.assert_allclose(np.exp(price[:T]) * 10, expected)
    assert promotion[:T].tolist() == [float(20 <= number <= 22) for number in range(T)]
    # nothing is planned: the price stays what it was outside promotions
    np.testing.assert_allclose(np.exp(price[T:]) * 10, 12.0)
    assert not promotion[T:].any()
    told_then = ahead.regressors["price"].at(21)[row]
    np.testing.assert_allclose(np.exp(told_then[21:]) * 10, 12.0)
    assert not ahead.regressors["promotion"].at(21)[row, 21:].any()
    assert not ahead.regressors["price"].values[leaf(demand, "P2")].any()


def test_future_holds_plans_and_a_backtest_those_that_were_known(
    chain: sa.Engine, lake: Lake, demand: Demand
) -> None:
    span = {"product": "P1", "from_": day(20), "to": day(30)}
    plan(chain, "promotions", PromotionIn(id="p", **span, discount=0.25, known_since=known(15)))
    plan(chain, "promotions", PromotionIn(id="p", **span, discount=0.5, known_since=known(24)))
    plan(
        chain,
        "prices",
        PriceIn(product="P1", region="North", from_=day(35), price=15, known_since=known(27)),
        PriceIn(product="P1", region="South", from_=day(29), price=99, known_since=known(5)),
    )
    ahead = read(chain, lake, demand)
    row = leaf(demand, "P1")

    def price(periods_known: int, number: int) -> float:
        told = ahead.regressors["price"].at(periods_known)[row, number]
        return float(round(np.exp(told) * 10, 6))

    assert [price(T, number) for number in (28, 30, 31, 34, 35, 41)] == [6, 6, 12, 12, 15, 15]
    assert [price(24, number) for number in (25, 30, 36)] == [9, 9, 12]  # the first mind
    assert [price(25, number) for number in (25, 30, 36)] == [6, 6, 12]
    assert [price(15, number) for number in (21, 25)] == [12, 12]  # nothing was known
    assert price(16, 21) == 9
    promotion = ahead.regressors["promotion"]
    assert promotion.at(15)[row, 15:].sum() == 0
    assert promotion.at(16)[row, 16:].sum() == 11
    assert promotion.values[row].sum() == 3 + 3
    assert promotion.values[leaf(demand, "P2")].sum() == 0


def test_prices_of_two_currencies_are_not_compared(chain: sa.Engine, tmp_path: Path) -> None:
    """P1 cost 1,000 and more, and since day 14 some 10 in another currency; P2 does not sell in the product's."""
    rows = []
    for number in range(T):
        old = {"price_micros": 1_000_000_000 + number * 1_000_000, "currency": "HRK"}
        new = {"price_micros": (10 + number % 2) * 1_000_000, "currency": "EUR"}
        rows.append(demand_row(1, 1, number, 5.0, **(old if number < 14 else new)))
        rows.append(demand_row(2, 1, number, 5.0, price_micros=1_600_000_000, currency="JPY"))
    lake = write_lake(tmp_path / "lake", rows)
    with chain.begin() as connection:
        for sku in ("P1", "P2"):
            put_products(connection, [ProductIn(sku, price=10, currency="EUR")])
    plan(
        chain, "prices", PriceIn(id="a", product="P1", from_=day(T), price=9, known_since=known(20))
    )
    plan(
        chain, "prices", PriceIn(id="b", product="P2", from_=day(T), price=9, known_since=known(20))
    )
    demand = read_demand(lake, LEVELS, now=NOW)
    price = read(chain, lake, demand).regressors["price"].values
    ratio = np.exp(price[leaf(demand, "P1")])
    # nothing is known of the days before the new currency, and no day is a hundred times another
    assert ratio.min() > 0.8
    assert ratio.max() < 1.2
    np.testing.assert_allclose(ratio[T:], 9 / 10.5)
    # nine euros are no price where yen are paid
    np.testing.assert_allclose(np.exp(price[leaf(demand, "P2")]), 1.0)


def test_plan_of_today_is_known_and_one_withdrawn_today_is_not(
    chain: sa.Engine, lake: Lake, demand: Demand
) -> None:
    plan(
        chain,
        "promotions",
        PromotionIn(id="new", product="P1", from_=day(30), to=day(31), known_since=known(28)),
        PromotionIn(id="old", product="P1", from_=day(35), to=day(36), known_since=known(10)),
        PromotionIn(id="later", product="P1", from_=day(38), to=day(38), known_since=known(29)),
    )
    with chain.begin() as connection:
        withdraw_plan(connection, "promotions", "old", by="x")
    row = leaf(demand, "P1")

    def days(now: datetime, periods_known: int) -> list[int]:
        values = read(chain, lake, demand, now).regressors["promotion"].at(periods_known)[row]
        return (np.flatnonzero(values[T:]) + T).tolist()

    # withdrawn when the test ran, long after the lake's days
    assert days(NOW, T) == [30, 31, 35, 36]
    assert days(datetime.now(UTC), T) == [30, 31, 38]
    assert days(datetime.now(UTC), 20) == [35, 36]


def test_plans_stand_for_the_past_where_the_lake_never_told(
    chain: sa.Engine, lake: Lake, demand: Demand
) -> None:
    plan(
        chain,
        "promotions",
        PromotionIn(department="Food", from_=day(4), to=day(6), price=4, known_since=known(1)),
    )
    ahead = read(chain, lake, demand)
    told, untold = leaf(demand, "P1"), leaf(demand, "P2")
    assert ahead.regressors["promotion"].values[told, :T].sum() == 3  # those that were
    assert np.flatnonzero(ahead.regressors["promotion"].values[untold]).tolist() == [4, 5, 6]
    price = ahead.regressors["price"].values[untold]
    np.testing.assert_allclose(np.exp(price[4:7]) * 8, 4.0)  # against the list price
    assert np.flatnonzero(price).tolist() == [4, 5, 6]


def test_closures_numbers_events_and_countries_reach_their_leaves(
    chain: sa.Engine, lake: Lake, demand: Demand
) -> None:
    plan(
        chain,
        "closures",
        ClosureIn(region="North", from_=day(30), to=day(33), known_since=known(2)),
        ClosureIn(location="S1", from_=day(31), to=day(31), state="open", known_since=known(26)),
    )
    plan(
        chain,
        "regressors",
        RegressorIn(name="heat", location="S3", from_=day(1), to=day(2), value=30.5, known_since=known(0)),
        RegressorIn(name="footfall", category="Dairy", from_=day(29), to=day(29), value=-2.0, known_since=known(3)),
    )  # fmt: skip
    plan(
        chain,
        "events",
        EventIn(name="Fair", day=day(30), days_before=1, location="S3", known_since=known(3)),
    )
    ahead = read(chain, lake, demand)
    first, third = leaf(demand, "P1"), leaf(demand, "P2")
    assert ahead.closed is not None
    assert np.flatnonzero(ahead.closed[first]).tolist() == [30, 32, 33]
    then = ahead.closed_at(20)
    assert then is not None
    assert np.flatnonzero(then[first]).tolist() == [30, 31, 32, 33]
    assert not ahead.closed[third].any()
    assert ahead.regressors["heat"].values[third, :4].tolist() == [0, 30.5, 30.5, 0]
    assert not ahead.regressors["heat"].values[first].any()
    assert ahead.regressors["footfall"].values[first, 29] == -2.0
    (event,) = ahead.events.to_dict("records")
    assert event == {
        "name": "Fair",
        "day": pd.Timestamp(day(30)),
        "days_before": 1,
        "days_after": 0,
        "recorded": pd.Timestamp(day(3)),
        "location": "S3",
    }
    assert ahead.countries is not None
    assert ahead.countries.tolist() == ["GB", "GB"]
    assert ahead.leaf_keys is not None
    assert ahead.leaf_keys["region"].tolist() == ["North", "South"]


def test_weeks_hold_the_share_of_their_days(chain: sa.Engine, lake: Lake, demand: Demand) -> None:
    plan(
        chain,
        "promotions",
        PromotionIn(product="P1", from_=day(32), to=day(37), discount=0.5, known_since=known(9)),
    )
    plan(
        chain, "closures", ClosureIn(location="S1", from_=day(34), to=day(41), known_since=known(9))
    )
    weeks = demand.days[::7]
    weekly = replace(
        demand,
        days=weeks,
        units=demand.units.reshape(2, 4, 7).sum(axis=2),
        empty=np.zeros((2, 4), bool),
        grid=grid_of(weeks, "W"),
    )
    ahead = read_known_ahead(chain, lake, weekly, horizon=2, now=NOW)
    row = leaf(demand, "P1")
    promotion = ahead.regressors["promotion"].values[row]
    np.testing.assert_allclose(promotion, [0, 0, 1 / 7, 2 / 7, 3 / 7, 3 / 7])
    last = np.log(1.2)
    expected = [0, 0, (6 * last + np.log(0.6)) / 7, (5 * last + 2 * np.log(0.6)) / 7]
    expected += [last + 3 / 7 * np.log(0.5)] * 2
    np.testing.assert_allclose(ahead.regressors["price"].values[row], expected, rtol=1e-6)
    assert ahead.closed is not None
    assert ahead.closed[row].tolist() == [False] * 5 + [True]


def test_pooled_products_take_the_mean_of_their_pairs(chain: sa.Engine, tmp_path: Path) -> None:
    rows = [
        demand_row(product, 1, number, 9.0 / product, price_micros=price, promotion=promoted)
        for number in range(T)
        for product, price, promoted in ((1, 10, False), (2, 10, True), (3, 10 + 10 * (number > 20), False))
    ]  # fmt: skip
    lake = write_lake(tmp_path / "lake", rows)
    pooled = read_demand(lake, LEVELS, now=NOW, best_sellers=1)
    ahead = read(chain, lake, pooled)
    others = leaf(pooled, "(other products)")
    np.testing.assert_allclose(ahead.regressors["promotion"].values[others, :T], 0.5)
    price = ahead.regressors["price"].values[others, :T]
    np.testing.assert_allclose(price, np.where(np.arange(T) > 20, np.log(2) / 2, 0.0), atol=1e-12)


def test_leaf_of_a_region_has_no_location(chain: sa.Engine) -> None:
    with chain.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT code AS location, region, country FROM locations")
        )
        locations = pd.DataFrame(rows.all(), columns=["location", "region", "country"])
    leaves = pd.DataFrame({"region": ["North"], "product": ["P3"]})
    products = PRODUCTS.rename(columns={"sku": "product"})[["product", "department", "category"]]
    (keys,) = keys_of_leaves(leaves, products, locations).to_dict("records")
    assert keys == {
        "product": "P3",
        "department": "Home",
        "category": "Bath",
        "location": None,
        "region": "North",
        "country": None,
    }


def test_demand_carries_what_is_known_ahead(chain: sa.Engine, lake: Lake, demand: Demand) -> None:
    ahead = with_known_ahead(chain, lake, demand, horizon=H, now=NOW).ahead
    assert set(ahead.regressors) == {"price", "promotion"}
    assert ahead.closed is None
    assert ahead.events.empty


def test_a_country_without_known_holidays_is_told_of(
    chain: sa.Engine, lake: Lake, demand: Demand
) -> None:
    assert with_known_ahead(chain, lake, demand, horizon=H, now=NOW).warnings == demand.warnings
    with chain.begin() as connection:
        connection.execute(sa.text("UPDATE locations SET country = 'ATLANTIS'"))
    (warning,) = with_known_ahead(chain, lake, demand, horizon=H, now=NOW).warnings
    assert warning.startswith("No holidays of 'ATLANTIS' are known")


def test_database_without_products_knows_nothing_and_fails_nothing(
    database: sa.Engine, lake: Lake, demand: Demand
) -> None:
    ahead = read(database, lake, demand)
    assert (dict(ahead.regressors), ahead.closed) == ({}, None)
    assert ahead.countries is not None
    assert ahead.countries.tolist() == ["", ""]
