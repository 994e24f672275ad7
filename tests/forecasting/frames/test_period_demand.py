from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.frames.frequency import Frequency
from forecasting.frames.period_demand import in_periods, whole_periods
from forecasting.frames.rhythm_found import calendar_grid
from tests.forecasting.demands import make_demand, weekly_units

# pandas sums independently of our grids
RESAMPLE = {"W": "W-SUN", "M": "ME", "Q": "QE"}


@given(st.sampled_from(["W", "M", "Q"]), st.integers(0, 60), st.integers(200, 400))
def test_in_periods_sums_whole_calendar_periods_as_pandas_does(
    frequency: Frequency, start: int, length: int
) -> None:
    first = pd.Timestamp("2025-01-06") + pd.Timedelta(days=start)
    grid = calendar_grid(frequency)
    whole = whole_periods(grid, first, first + pd.Timedelta(days=length - 1))
    days = pd.date_range(grid.first_days(whole[:1])[0], grid.last_days(whole[-1:])[0])
    assert days[0] >= first
    assert days[-1] < first + pd.Timedelta(days=length)
    daily = make_demand(weekly_units(days.size), first=f"{days[0]:%Y-%m-%d}")
    summed = in_periods(daily, grid, dated=np.ones(days.size, dtype=bool))
    expected = pd.DataFrame(daily.units.T, index=daily.days).resample(RESAMPLE[frequency]).sum()
    np.testing.assert_array_equal(summed.units, expected.to_numpy().T)
    assert list(summed.days) == list(expected.index) == list(whole)
    assert (summed.frequency, summed.cutoff) == (frequency, daily.cutoff)
    np.testing.assert_array_equal(summed.started, np.argmax(summed.units > 0, axis=1))
    # the next period would not have been whole
    assert grid.last_days(grid.following(whole[-1], 1))[0] >= first + pd.Timedelta(days=length)


@pytest.mark.parametrize(("days_empty", "expected"), [(0, False), (1, False), (2, True), (7, True)])
def test_a_week_says_less_than_was_wanted_when_a_quarter_of_its_days_did(
    days_empty: int, expected: bool
) -> None:
    daily = make_demand(weekly_units(14))
    empty = daily.empty.copy()
    empty[3, :days_empty] = True
    summed = in_periods(
        replace(daily, empty=empty), calendar_grid("W"), dated=np.ones(14, dtype=bool)
    )
    assert summed.empty[3].tolist() == [expected, False]
    assert summed.empty.sum() == expected


def test_a_dated_day_speaks_for_its_period_when_sales_are_dated_on_one() -> None:
    daily = make_demand(weekly_units(14))
    empty = daily.empty.copy()
    empty[3, 0] = empty[4, 1] = True
    dated = np.arange(14) % 7 == 0
    summed = in_periods(replace(daily, empty=empty), calendar_grid("W"), dated=dated)
    assert summed.empty[3].tolist() == [True, False]
    assert not summed.empty[4].any()


def test_whole_periods_is_empty_when_none_fits() -> None:
    first, last = pd.Timestamp("2026-03-03"), pd.Timestamp("2026-03-14")
    assert whole_periods(calendar_grid("W"), first, last).empty
    assert whole_periods(calendar_grid("W"), first, last + pd.Timedelta(days=1)).size == 1
