from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.structure.periods import Period, sum_periods
from stocktide.foundation.errors import Invalid


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(1, 120))
def test_weeks_and_months_are_the_sums_of_their_days(start: date, horizon: int) -> None:
    values = np.random.default_rng(horizon).gamma(1.0, size=(3, horizon))
    days = pd.date_range(start, periods=horizon)
    every = [start + timedelta(days=i) for i in range(horizon)]
    keys = {
        "week": [day - timedelta(days=day.weekday()) for day in every],
        "month": [day.replace(day=1) for day in every],
    }
    for period in ("week", "month"):
        named: Period = "week" if period == "week" else "month"
        sums = sum_periods(values, days, named)
        slow = {key: np.zeros(3) for key in keys[period]}
        for key, column in zip(keys[period], values.T, strict=True):
            slow[key] = slow[key] + column
        assert [day.date() for day in sums.starts] == list(slow)
        np.testing.assert_allclose(sums.values, np.stack(list(slow.values()), axis=1))
        assert sums.days.sum() == horizon


def test_a_period_that_is_cut_is_not_whole() -> None:
    sums = sum_periods(np.ones((1, 35)), pd.date_range("2026-01-29", periods=35), "month")
    assert [f"{day:%Y-%m-%d}" for day in sums.starts] == ["2026-01-01", "2026-02-01", "2026-03-01"]
    assert sums.days.tolist() == [3, 28, 4]
    assert sums.whole.tolist() == [False, True, False]
    week = sum_periods(np.ones((1, 8)), pd.date_range("2026-01-05", periods=8), "week")
    assert week.whole.tolist() == [True, False]


def test_an_unknown_period_is_named() -> None:
    with pytest.raises(Invalid, match="'decade'; take week, month"):
        sum_periods(np.ones((1, 1)), pd.date_range("2026-01-01", periods=1), "decade")  # type: ignore[arg-type]  # the point
