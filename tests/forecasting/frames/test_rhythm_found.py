from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.frames.frequency import Frequency, Grid
from forecasting.frames.rhythm_found import (
    PERIODS_MIN,
    calendar_grid,
    own_rhythm,
    recognise_rhythm,
    rhythm_by_hand,
)

MONDAYS = pd.date_range("2025-01-06", periods=20, freq="7D")
FIRSTS = pd.date_range("2025-01-01", periods=14, freq="MS")
DAYS = pd.date_range("2025-01-01", periods=60)
# how exports date their rows: pandas' alias, and the last day of the period of the first date
EXPORTS = [
    ("W-MON", "2025-01-06", "W", "2025-01-12"),
    ("W-SAT", "2025-01-04", "W", "2025-01-04"),
    ("W-SUN", "2025-01-05", "W", "2025-01-05"),
    ("MS", "2025-01-01", "M", "2025-01-31"),
    ("ME", "2025-01-31", "M", "2025-01-31"),
    ("QS", "2025-01-01", "Q", "2025-03-31"),
    ("QS-FEB", "2025-02-01", "Q", "2025-04-30"),
    ("QE", "2025-03-31", "Q", "2025-03-31"),
    ("QE-JAN", "2025-01-31", "Q", "2025-01-31"),
]


@pytest.mark.parametrize(("alias", "first", "frequency", "ends"), EXPORTS)
def test_an_export_by_period_is_recognised_with_the_last_days_of_its_periods(
    alias: str, first: str, frequency: str, ends: str
) -> None:
    found = recognise_rhythm({"S1": pd.date_range(first, periods=12, freq=alias)})
    assert (found.frequency, found.one_day, found.warning) == (frequency, True, None)
    assert found.grid.at_end
    assert found.grid.origin == pd.Timestamp(ends)


@given(st.sampled_from(EXPORTS), st.integers(0, 4), st.randoms(use_true_random=False))
def test_a_rhythm_is_found_in_any_order_and_with_some_periods_missing(
    export: tuple[str, str, str, str], missing: int, random: Any
) -> None:
    alias, first, frequency, _ = export
    days = list(pd.date_range(first, periods=12, freq=alias))
    kept = random.sample(days, len(days) - missing)
    grid = own_rhythm(pd.DatetimeIndex(kept))
    assert grid is not None
    # quarters that lost their neighbours are still quarters; months of which only every third is left became quarters
    assert grid.frequency == frequency or (frequency, grid.frequency) == ("M", "Q")


@given(st.sets(st.integers(0, 699), min_size=6, max_size=60))
def test_sales_on_any_days_are_daily_unless_they_keep_to_one_weekday_or_date(
    offsets: set[int],
) -> None:
    days = pd.DatetimeIndex(pd.Timestamp("2024-01-01") + pd.to_timedelta(sorted(offsets), unit="D"))
    grid = own_rhythm(days)
    assert grid is not None
    one_weekday, one_date = days.dayofweek.nunique() == 1, days.day.nunique() == 1
    if not one_weekday and not one_date and not days.is_month_end.all() and days.day.max() < 29:
        assert grid.frequency == "D"


@pytest.mark.parametrize(("days", "frequency"), [(MONDAYS, "W"), (FIRSTS, "M")])
def test_too_few_dates_are_no_rhythm(days: pd.DatetimeIndex, frequency: Frequency) -> None:
    least = PERIODS_MIN[frequency]
    assert own_rhythm(days[: least - 1]) is None
    found = own_rhythm(days[:least])
    assert found is not None
    assert found.frequency == frequency
    assert recognise_rhythm({"S1": days[: least - 1]}).frequency == "D"
    assert "too few" in recognise_rhythm({}).reason


def test_yearly_dates_are_not_taken_for_quarters() -> None:
    found = recognise_rhythm({"S1": pd.date_range("2018-01-01", periods=8, freq="YS")})
    assert found.frequency == "D"


def test_a_chain_of_different_sources_is_counted_by_the_finest_and_names_the_others() -> None:
    found = recognise_rhythm({"S1": DAYS, "S2": FIRSTS, "S3": MONDAYS, "S4": DAYS[:2]})
    assert (found.frequency, found.one_day) == ("D", False)
    assert found.warning is not None
    assert "S2 (by month), S3 (by week)." in found.warning
    assert 'frequency = "M"' in found.warning
    many = recognise_rhythm({"S0": DAYS, **{f"M{number}": FIRSTS for number in range(7)}})
    assert many.warning is not None
    assert "M4 (by month) and 2 more." in many.warning


def test_weeks_that_end_on_different_days_are_counted_by_calendar_weeks() -> None:
    saturdays = MONDAYS - pd.Timedelta(days=2)
    found = recognise_rhythm({"S1": MONDAYS, "S2": saturdays})
    assert (found.frequency, found.one_day) == ("W", True)
    assert found.grid.origin.day_name() == "Sunday"
    alike = recognise_rhythm({"S1": saturdays, "S2": saturdays[3:]})
    assert alike.grid.origin.day_name() == "Saturday"
    assert alike.reason == "weekly: all sales are on Saturdays, which their weeks end with"


def test_a_rhythm_set_by_hand_is_kept_and_takes_the_dates_that_were_found() -> None:
    weekly = recognise_rhythm({"S1": MONDAYS - pd.Timedelta(days=2)})
    same = rhythm_by_hand("W", weekly)
    assert (same.grid, same.one_day) == (weekly.grid, True)
    months = rhythm_by_hand("M", weekly)
    assert (months.grid, months.one_day, months.warning) == (calendar_grid("M"), False, None)
    assert months.reason.startswith("set by hand to months; found was weekly: ")
    days = rhythm_by_hand("D", weekly)
    assert days.warning is not None
    assert days.warning.startswith("Sales are dated on one day a week, so most days count as days")


GRIDS = [
    Grid("D", pd.Timestamp("2026-01-05")),
    Grid("W", pd.Timestamp("2026-01-05")),
    Grid("W", pd.Timestamp("2026-01-10"), at_end=True),
    Grid("M", pd.Timestamp("2026-01-01")),
    Grid("M", pd.Timestamp("2026-01-31"), at_end=True),
    Grid("Q", pd.Timestamp("2026-02-01")),
    Grid("Q", pd.Timestamp("2026-01-31"), at_end=True),
]


@given(st.sampled_from(GRIDS), st.integers(-900, 900))
def test_every_day_lies_between_the_first_and_the_last_day_of_its_period(
    grid: Grid, offset: int
) -> None:
    day = pd.DatetimeIndex([pd.Timestamp("2026-01-01") + pd.Timedelta(days=offset)])
    at = grid.containing(day)
    date = grid.dates(at)
    first, last = grid.first_days(date), grid.last_days(date)
    assert first <= day <= last
    assert date[0] in (first[0], last[0])
    following = grid.first_days(grid.dates(at + 1))
    assert following[0] == last[0] + pd.Timedelta(days=1)
    np.testing.assert_array_equal(grid.containing(date), grid.steps(date))
