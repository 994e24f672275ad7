"""The job that values customers: intervals that hold what comes, what it tells where it cannot, and who is left out."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from forecasting.customer_values import ALL, REPEATERS_MIN, value_currency
from forecasting.customers import customer_summary, fit_value
from forecasting.customers.holdout import hold_out
from forecasting.customers.value import predict_groups
from forecasting.lake_customers import Bought, forget_values, read_bought, write_values
from stocktide.foundation.lake import Lake
from stocktide.foundation.lake_schemas import CUSTOMER_VALUES, CUSTOMERS

DAY = date(2026, 1, 1)


@pytest.fixture(scope="module")
def shop() -> pd.DataFrame:
    """Purchases as both models have them, with about the parameters of CDNOW, over 78 weeks."""
    rng = np.random.default_rng(5)
    rows = []
    for who in range(1_500):
        rate, leaves = rng.gamma(0.25, 1 / 4.4) / 7, rng.beta(0.8, 2.4)
        nu = rng.gamma(3.7, 1 / 15.4)
        first = day = float(rng.integers(0, 84))
        while day < 546:
            rows.append((who, DAY + timedelta(days=int(day)), rng.gamma(6.2) / nu))
            # after the first purchase nobody leaves
            if day > first and rng.random() < leaves:
                break
            day += 1 + rng.exponential(1 / rate)
    frame = pd.DataFrame(rows, columns=["unique_id", "ds", "value"])
    return frame.assign(ds=pd.to_datetime(frame["ds"]))


def bought(purchases: pd.DataFrame, currency: str = "USD") -> Bought:
    names = np.array([f"c_{n}" for n in range(purchases["unique_id"].max() + 1)], dtype=object)
    segments = np.array(["best", "lost"] * names.size, dtype=object)[: names.size]
    return Bought(currency, names, segments, purchases)


def row(name: str, currency: str, *amounts: int) -> dict[str, Any]:
    """A customer of the lake's table who bought once a week."""
    days = [DAY + timedelta(weeks=n) for n in range(len(amounts))]
    listed = [
        {"day": day, "sales_micros": amount * 10**6, "returns_micros": 10**6}
        for day, amount in zip(days, amounts, strict=True)
    ]
    micros = sum(amounts) * 10**6
    return {
        "customer_id": name, "currency": currency, "first_day": days[0], "last_day": days[-1], "days": len(days),
        "orders": len(days), "locations": 1, "sales_micros": micros, "returns_micros": 0, "bought_days": listed,
        "first_entry_id": 1, "last_entry_id": 1, "month": "2026-01",
    }  # fmt: skip


@pytest.fixture
def lake(tmp_path: Any) -> Lake:
    lake = Lake(str(tmp_path / "lake"))
    bought = {"c_a": (5, 0, 7), "c_b": (9,), "c_c": (4,), "c_gone": (3,)}
    rows = [row(who, "USD" if who == "c_c" else "EUR", *of) for who, of in bought.items()]
    write_deltalake(lake.path("customers"), pa.Table.from_pylist(rows, CUSTOMERS))
    return lake


def test_the_last_third_comes_as_predicted(shop: pd.DataFrame) -> None:
    held = hold_out(shop, end=shop["ds"].max(), level=0.9, rng=np.random.default_rng(1))
    assert held is not None
    assert held.orders_came == pytest.approx(held.orders, rel=0.05)
    assert held.value_low < held.value_came < held.value_high
    assert 0.88 < held.inside < 0.99
    assert sum(one["customers"] for one in held.classes) == held.customers
    came = sum(one["customers"] * one["came"] for one in held.classes)
    assert came == pytest.approx(held.orders_came)


def test_sums_of_groups_have_one_interval_of_their_own(shop: pd.DataFrame) -> None:
    summary = customer_summary(shop, end=pd.Timestamp("2026-12-31"))[:600]
    groups = np.arange(len(summary)) % 3
    rng = np.random.default_rng(1)
    each, together = predict_groups(summary, fit_value(summary), groups, t=39.0, rng=rng, level=0.9)
    assert together["customers"].tolist() == [200, 200, 200, 600]
    value = [*each["value"].groupby(groups).sum(), each["value"].sum()]
    assert together["value"].to_numpy() == pytest.approx(np.array(value))
    assert (together["low"] < together["value"]).all()
    assert (together["value"] < together["high"]).all()
    # chance averages out, what one does not know of the parameters does not
    width = together["high"] - together["low"]
    assert width[3] < (each["high"] - each["low"]).sum() / 5
    assert width[3] > np.sqrt((width[:3] ** 2).sum())


def test_what_is_kept_of_a_run_names_its_fits(shop: pd.DataFrame) -> None:
    rows, said = value_currency(bought(shop[shop["unique_id"] < 500]))
    assert rows.schema == CUSTOMER_VALUES
    assert rows.num_rows == said["customers"]
    assert said["independent"] is True
    assert {one["segment"] for one in said["segments"]} == {"best", "lost", ALL}
    assert said["purchases"]["certain"]
    assert said["holdout"]["customers"] > 0
    frame = rows.to_pandas()
    assert ((frame["low"] <= frame["high"]) & frame["p_alive"].between(0, 1)).all()


def test_who_spends_more_the_more_often_is_told() -> None:
    rows = [
        (n, DAY + timedelta(days=3 * k), 10.0 * (1 + n % 9))
        for n in range(60)
        for k in range(2 + n % 9)
    ]
    purchases = pd.DataFrame(rows, columns=["unique_id", "ds", "value"])
    purchases["ds"] = pd.to_datetime(purchases["ds"])
    said = value_currency(bought(purchases))[1]
    assert said["correlation"] > 0.9
    assert said["independent"] is False
    # 24 days are no history to hold something out of
    assert said["holdout"] is None


def test_too_few_who_came_back_are_told_and_not_fitted() -> None:
    rows = [(n, DAY + timedelta(days=k), 5.0) for n in range(REPEATERS_MIN - 1) for k in (0, 9)]
    purchases = pd.DataFrame(rows, columns=["unique_id", "ds", "value"])
    purchases["ds"] = pd.to_datetime(purchases["ds"])
    values, said = value_currency(bought(purchases))
    assert values.num_rows == 0
    assert said["why"] == ["only 29 customers bought on more than one day; 30 are needed"]


def test_days_are_read_by_currency_less_what_came_back_and_without_the_erased(lake: Lake) -> None:
    euros, dollars = read_bought(lake, without={"c_gone"})
    assert (euros.currency, dollars.currency) == ("EUR", "USD")
    assert euros.pseudonyms.tolist() == ["c_a", "c_b"]
    read = euros.purchases.sort_values(["unique_id", "ds"])
    assert read["unique_id"].tolist() == [0, 0, 0, 1]
    # nothing is below zero: a day that cost nothing is one of purchase
    assert read["value"].tolist() == [4.0, 0.0, 6.0, 8.0]


def test_forgotten_values_are_in_no_file(lake: Lake) -> None:
    rows = [{"customer_id": name, "currency": "EUR", "as_of": DAY} for name in ("c_a", "c_gone")]
    write_values(lake, pa.Table.from_pylist(rows, CUSTOMER_VALUES))
    assert forget_values(lake, {"c_gone", "c_unknown"}) == 1
    assert forget_values(lake, {"c_gone"}) == 0
