import numpy as np
import pandas as pd
import pytest

from forecasting.nodes.closures import closed_days, country_holidays
from stocktide.foundation.errors import Invalid

NONE = country_holidays(None, [])
DAYS = pd.date_range("2025-01-01", periods=120)


def test_a_weekly_closing_day_is_closed_past_and_future() -> None:
    sold = np.where(DAYS.dayofweek == 5, 0.0, 9.0)[None, :]
    closed = closed_days(sold, DAYS, horizon=14, holiday_names=NONE)
    whole = pd.date_range(DAYS[0], periods=134)
    np.testing.assert_array_equal(closed[0], whole.dayofweek == 5)


def test_a_small_shop_closes_with_the_chain_but_its_quiet_days_are_open() -> None:
    chain = np.where(DAYS.dayofweek == 6, 0.0, 9.0)
    small = np.where(DAYS.dayofweek == 1, 1.0, 0.0)
    closed = closed_days(np.stack([chain, small]), DAYS, horizon=7, holiday_names=NONE)
    np.testing.assert_array_equal(closed[0], closed[1])


def test_a_single_day_without_any_sale_is_closed_when_all_around_it_sold() -> None:
    sold = np.full((1, 120), 5.0)
    sold[0, 60] = 0.0
    closed = closed_days(sold, DAYS, horizon=7, holiday_names=NONE)
    assert list(np.flatnonzero(closed[0])) == [60]


def test_a_shop_that_sells_now_and_then_is_never_closed() -> None:
    sold = np.zeros((1, 120))
    sold[0, ::5] = 3.0
    assert not closed_days(sold, DAYS, horizon=7, holiday_names=NONE).any()
    assert not closed_days(np.zeros((1, 120)), DAYS, horizon=7, holiday_names=NONE).any()


def test_a_holiday_closed_each_time_is_closed_next_time() -> None:
    days = pd.date_range("2023-12-01", "2024-12-10")
    names = country_holidays("GB", range(2023, 2025))
    sold = np.full((1, days.size), 5.0)
    sold[0, days == "2023-12-25"] = 0.0
    closed = closed_days(sold, days, horizon=28, holiday_names=names)[0]
    whole = pd.date_range(days[0], periods=days.size + 28)
    assert [f"{day:%m-%d}" for day in whole[closed]] == ["12-25", "12-25"]


def test_closing_days_are_learnt_from_the_past_alone() -> None:
    sold = np.where(DAYS.dayofweek == 5, 0.0, 9.0)[None, :]
    later = closed_days(sold, DAYS, horizon=7, holiday_names=NONE)
    earlier = closed_days(sold[:, :100], DAYS[:100], horizon=7, holiday_names=NONE)
    np.testing.assert_array_equal(earlier, later[:, :107])


def test_country_holidays_names_an_unknown_country() -> None:
    with pytest.raises(Invalid, match=r"'XX'.*such as GB"):
        country_holidays("XX", [2025])
