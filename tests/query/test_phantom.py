"""Probable phantom stock: the chance that a shelf is empty, against one that is summed and integrated by hand."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta

from query.reports import find_report, values_of

LAST = date(2026, 6, 30)
DAYS = 120
# shelf 0 is the one that is judged; the others tell what an ordinary day is
OTHERS = 9
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture(scope="module")
def ask(database: duckdb.DuckDBPyConnection) -> Ask:
    """Return what the report says of shelf 0, by what it sold and had on each day; {} where it does not list it."""
    report = find_report("health_phantom")

    def asked(
        sold: np.ndarray,
        on_hand: np.ndarray,
        *,
        counted: date | None = None,
        sensed: float | None = None,
        elsewhere: np.ndarray | None = None,
    ) -> dict[str, Any]:
        days = [LAST - timedelta(days=DAYS - 1 - n) for n in range(DAYS)]
        frames = [
            pd.DataFrame(
                {"product_id": n, "location_id": 1, "day": days, "sold": units, "on_hand": stock}
            )
            for n, (units, stock) in enumerate(
                [(sold, on_hand), *[(np.ones(DAYS), np.full(DAYS, 50.0))] * OTHERS]
            )
        ]
        if elsewhere is not None:
            there = {
                "product_id": 0,
                "location_id": 2,
                "day": days,
                "sold": elsewhere,
                "on_hand": 50.0,
            }
            frames.append(pd.DataFrame(there))
        every = pd.concat(frames)
        demand = every[every["sold"] > 0]
        stock = every.assign(out_of_stock=every["on_hand"] <= 0)
        now = pd.DataFrame(
            {"product_id": range(OTHERS + 1), "location_id": 1, "on_hand": on_hand[-1]}
        )
        now = now.assign(
            price=2.0,
            currency="EUR",
            cost=None,
            cost_currency=None,
        )
        now["counted_at"] = np.array([counted, *[None] * OTHERS], dtype="datetime64[s]")
        now["sensed"] = [sensed, *[None] * OTHERS]
        now["sensed_at"] = pd.Timestamp(LAST)
        goods = pd.DataFrame(
            {"product_id": range(OTHERS + 1), "sku": [f"P{n}" for n in range(OTHERS + 1)]}
        )
        goods = goods.assign(
            name=None, department="Fresh", category=None, price=2.0, currency="EUR", unit="each"
        )
        places = pd.DataFrame({"location_id": [1], "code": ["S1"], "name": ["Mill"]})
        frames_by_name = {
            "daily_demand": demand,
            "daily_stock": stock,
            "stock": now,
            "products": goods,
        }
        for name, frame in {**frames_by_name, "locations": places}.items():
            database.register(f"{name}_given", frame)
            database.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM {name}_given")  # noqa: S608 - names above
        for name in ("daily_demand", "daily_stock"):
            database.execute(f"ALTER TABLE {name} ALTER day TYPE DATE")
        values = values_of(report, {"chance": "0"})
        rows = database.execute(report.text, values)
        names = [column[0] for column in rows.description]
        found = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
        return next((row for row in found if row["sku"] == "P0"), {})

    return asked


def silent(days: int, *, every: int = 2, units: float = 1.0) -> np.ndarray:
    """Units of a shelf that sold every so many days, and nothing in the last ones."""
    sold = np.where(np.arange(DAYS) % every == 0, units, 0.0)
    sold[DAYS - days :] = 0
    return sold


def by_hand(sold: np.ndarray, on_hand: float) -> float:
    """Sum the chance over the days since the last sale; the other shelves, all of its kind, sell on each day."""
    last = int(np.flatnonzero(sold).max())
    sells = sold > 0
    share = (sells + OTHERS) / (OTHERS + 1)
    mean = share.mean()
    pace = share / mean
    kind = (sells + OTHERS + 3 * mean * pace) / (OTHERS + 1 + 3)
    shop = ((sells + OTHERS) / (mean * pace) + 10) / (OTHERS + 1 + 10)
    expected = kind * shop
    weight = 0.5 ** ((last - np.arange(last + 1)) / 60)
    a, b = 0.5 + weight[sells[: last + 1]].sum(), 0.5 + weight[~sells[: last + 1]].sum()
    usual = (weight * expected[: last + 1]).sum() / weight.sum()
    says = np.minimum(3, expected[last + 1 :] / usual)

    def nothing_sold(days: int) -> float:
        """Integrate over the share of days with a sale, of which the history says how likely each is."""
        of = says[:days].sum()
        return float(quad(lambda p: beta.pdf(p, a, b) * (1 - p) ** of, 0, 1, limit=200)[0])

    emptied = 0.0003 + min(0.5, 0.05 / np.ceil(on_hand) ** 2)
    gone = sum(
        emptied * (1 - emptied) ** before * nothing_sold(before) for before in range(len(says))
    )
    there = (1 - emptied) ** len(says) * nothing_sold(len(says))
    return float(gone / (gone + there))


@pytest.mark.parametrize(("days", "every", "on_hand"), [(5, 2, 8.0), (12, 2, 30.0), (21, 4, 3.0)])
def test_chance_is_that_of_sums_and_integrals(
    ask: Ask, days: int, every: int, on_hand: float
) -> None:
    sold = silent(days, every=every)
    row = ask(sold, np.full(DAYS, on_hand))
    last = int(np.flatnonzero(sold).max())
    assert row["days_without"] == DAYS - 1 - last
    assert row["days_before"] == last + 1
    assert row["days_sold"] == int((sold > 0).sum())
    assert row["chance"] == pytest.approx(by_hand(sold, on_hand), rel=1e-6)
    assert row["lost_a_day"] == pytest.approx(row["chance"] * row["sold_a_day"] * 2.0)


def test_what_sells_nowhere_any_more_has_ended(ask: Ask) -> None:
    sold, stock = silent(20), np.full(DAYS, 8.0)
    assert ask(sold, stock, elsewhere=silent(0))["chance"] > 0.9
    ended = ask(sold, stock, elsewhere=silent(18))
    assert ended["days_without"] == 2
    assert ended["chance"] < 0.1
    assert ask(silent(40), stock, elsewhere=silent(30)) == {}


def test_what_sold_today_or_has_no_stock_is_not_doubted(ask: Ask) -> None:
    assert ask(silent(0, every=1), np.full(DAYS, 8.0)) == {}
    assert ask(silent(9), np.zeros(DAYS)) == {}


def test_goods_that_came_and_counts_begin_anew(ask: Ask) -> None:
    sold, stock = silent(20), np.full(DAYS, 8.0)
    before = ask(sold, stock)
    came = stock.copy()
    came[-4:] = 20.0
    after = ask(sold, came)
    counted = ask(sold, stock, counted=LAST - timedelta(days=3))
    assert after["days_without"] == counted["days_without"] == 3
    assert max(after["chance"], counted["chance"]) < before["chance"] / 2


def test_a_sensor_speaks_for_or_against(ask: Ask) -> None:
    sold, stock = silent(10), np.full(DAYS, 8.0)
    empty, quiet, full = (ask(sold, stock, sensed=seen) for seen in (0.0, None, 8.0))
    odds = [row["chance"] / (1 - row["chance"]) for row in (empty, quiet, full)]
    assert odds[0] / odds[1] == pytest.approx(19)
    assert odds[1] / odds[2] == pytest.approx(19)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    days=st.integers(1, 25),
    more=st.integers(1, 10),
    every=st.integers(1, 5),
    on_hand=st.integers(1, 60),
)
def test_more_silence_never_doubts_less(
    ask: Ask, days: int, more: int, every: int, on_hand: int
) -> None:
    stock = np.full(DAYS, float(on_hand))
    rows = [
        ask(silent(of * every, every=every), stock)
        for of in (days, days + more)
        if of * every <= 90
    ]
    chances = [row["chance"] for row in rows if row]
    assert chances == sorted(chances)
    assert all(0 <= chance <= 1 for chance in chances)
