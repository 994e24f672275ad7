"""From purchases to what customers will be worth, also where there is little to tell it from."""

import numpy as np
import pandas as pd
import pytest

from forecasting.customers import customer_summary, fit_value, predict_value
from stocktide.foundation.errors import Invalid
from tests.forecasting.customers.test_models import CDNOW

END = pd.Timestamp("2026-03-01")


def purchases(*rows: tuple[str, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["unique_id", "ds", "value"])
    return frame.assign(ds=pd.to_datetime(frame["ds"]), value=frame["value"].astype(float))


def test_summary_counts_days_after_the_first_and_what_was_paid_on_them() -> None:
    summary = customer_summary(
        purchases(
            ("a", "2026-01-01", 9), ("a", "2026-01-01", 1), ("a", "2026-01-15", 5), ("a", "2026-01-15", 3),
            ("a", "2026-01-22", 4), ("a", "2026-01-22", -6), ("a", "2026-03-02", 99),
            ("b", "2026-02-22", 7),
            ("only returns", "2026-02-01", -7),
            ("free", "2026-02-01", 0), ("free", "2026-02-08", 0), ("free", "2026-02-15", float("nan")),
        ),
        end=END,
    )  # fmt: skip
    rows = summary.set_index("unique_id")
    assert rows.index.tolist() == ["a", "b", "free"]
    assert rows["frequency"].tolist() == [2, 0, 2]
    assert rows["recency"].tolist() == [3.0, 0.0, 2.0]
    assert rows["T"].tolist() == [59 / 7, 1.0, 4.0]
    assert rows["paid"].tolist() == [1, 0, 0]
    assert rows["monetary"].iloc[0] == 8.0
    assert rows["monetary"].isna().tolist() == [False, True, True]


def test_summary_refuses_several_currencies_and_missing_columns() -> None:
    two = purchases(("a", "2026-01-01", 9), ("a", "2026-01-02", 9)).assign(currency=["EUR", "CHF"])
    with pytest.raises(Invalid, match="several currencies"):
        customer_summary(two, end=END)
    with pytest.raises(Invalid, match="'value'"):
        customer_summary(two.drop(columns="value"), end=END)


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (purchases(), "fewer than 5 customers"),
        (purchases(("r", "2026-01-01", -1)), "fewer than 5 customers"),
        (purchases(*((f"{n}", "2026-01-01", 9) for n in range(9))), "no customer bought again"),
        (
            purchases(*((f"{n}", f"2026-01-0{day}", 0) for n in range(9) for day in range(1, 4))),
            "fewer than 5 customers bought again and paid",
        ),
    ],
)
def test_what_cannot_be_fitted_is_said_and_stops_nothing(frame: pd.DataFrame, why: str) -> None:
    summary = customer_summary(frame, end=END)
    fit = fit_value(summary)
    assert fit.why == (why,)
    told = predict_value(summary, fit, t=10, rng=np.random.default_rng(1))
    assert len(told) == len(summary)
    assert told["value"].isna().all()
    assert (fit.purchases is None) == bool(told["purchases"].isna().all())


def test_the_interval_holds_as_often_as_it_says() -> None:
    """Customers of the models' making, and what they spend in the weeks after."""
    rng = np.random.default_rng(7)
    n, weeks, ahead = 3_000, 52.0, 26.0
    rate, leaves = rng.gamma(2.0, 1 / 4.0, n), rng.beta(CDNOW.a, 8.0, n)
    per_money = rng.gamma(3.74, 1 / 15.44, n)
    rows, later = [], np.zeros(n)
    for number in range(n):
        at = 0.0
        while True:
            spent = rng.gamma(6.25) / per_money[number]
            if at <= weeks:
                rows.append((number, at, spent))
            else:
                later[number] += spent
            has_left = at > 0 and rng.random() < leaves[number]
            at += rng.exponential(1 / rate[number])
            if has_left or at > weeks + ahead:
                break
    frame = pd.DataFrame(rows, columns=["unique_id", "at", "spent"])
    after = frame[frame["at"] > 0].groupby("unique_id")
    x, last = after.size().reindex(range(n), fill_value=0), after["at"].max().reindex(range(n))
    mean = after["spent"].mean().reindex(range(n))
    summary = pd.DataFrame(
        {"unique_id": range(n), "frequency": x, "recency": last.fillna(0.0), "T": weeks,
         "monetary": mean, "paid": x}
    )  # fmt: skip
    fit = fit_value(summary)
    told = predict_value(summary, fit, t=ahead, rng=rng)
    inside = (told["low"] <= later) & (later <= told["high"])
    buyers = told["low"] > 0
    # an interval that begins at 0 holds more: its lower end cuts nothing off
    assert 0.8 <= inside.mean() < 0.93
    assert 0.77 < inside[buyers].mean() < 0.83
    assert told["value"].sum() == pytest.approx(later.sum(), rel=0.05)
