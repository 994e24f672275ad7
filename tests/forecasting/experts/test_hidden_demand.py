from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from data import simulate
from forecasting.experts.cycles import CYCLES
from forecasting.experts.hidden_demand import expected_demand
from forecasting.experts.level import window_ratio
from forecasting.experts.models import OWN_VARIANTS, fit_variant
from forecasting.experts.terms import build_terms
from forecasting.nodes.stockout import demand_at_least, with_hidden_demand


@given(mean=st.floats(0.01, 300), sold=st.integers(0, 300))
def test_expected_demand_is_the_mean_of_the_tail(mean: float, sold: int) -> None:
    found = demand_at_least(np.array([float(sold)]), np.array([mean]))[0]
    assert found >= sold
    d = np.arange(sold, sold + 2_000)
    chance = stats.poisson.pmf(d, mean)
    if chance.sum() > 1e-12:
        assert found == pytest.approx((d * chance).sum() / chance.sum(), rel=1e-6)


def test_a_day_that_sold_nothing_knows_only_the_mean() -> None:
    np.testing.assert_allclose(demand_at_least(np.zeros(1), np.array([3.2])), [3.2])


def test_only_cut_days_are_changed() -> None:
    Y = np.array([[1.0, 5, np.nan, 2]])
    cut = np.array([[False, True, True, False]])
    whole = with_hidden_demand(Y, np.full((1, 4), 4.0), cut)
    assert whole[0, 1] > 5
    np.testing.assert_array_equal(whole[0, [0, 3]], [1, 2])
    assert np.isnan(whole[0, 2])


DAILY = CYCLES["D"]


def both_of(Y: NDArray[np.float64], days: pd.DatetimeIndex) -> NDArray[np.float64]:
    """Fit the plainest model and say history and horizon; `days` may go on after Y."""
    terms = [(np.arange(len(Y)), build_terms(DAILY, days))]
    return fit_variant(OWN_VARIANTS[0], Y, days, DAILY, terms).both


def test_cut_off_demand_is_found_again() -> None:
    """Demand of mean 10 meets a shelf of 9 on every third day: sales say 9.2, the truth is 10."""
    rng = np.random.default_rng(0)
    demand = rng.poisson(10, (40, 300)).astype(np.float64)
    short = np.arange(300) % 3 == 0
    sold = np.where(short & (demand > 9), 9.0, demand)
    cut = short & (demand > 9)
    days = pd.date_range("2024-01-01", periods=307)
    aware = expected_demand(sold, cut, days[:300], DAILY)
    np.testing.assert_array_equal(aware[~cut], sold[~cut])

    def off(Y: NDArray[np.float64]) -> float:
        return abs(float(both_of(Y, days)[:, 300:].mean()) - 10)

    assert off(aware) < off(sold)
    assert off(aware) < off(np.where(cut, np.nan, sold))


def test_where_no_shelf_ran_out_nothing_is_fitted() -> None:
    Y = np.full((2, 5), 3.0)
    Y[1] = np.nan
    cut = np.zeros(Y.shape, dtype=np.bool_)
    cut[1, 2] = True
    assert expected_demand(Y, cut, pd.date_range("2024-01-01", periods=5), DAILY) is Y


def test_the_sample_chains_true_demand_is_nearer_to_the_aware_forecast_where_shelves_ran_out() -> (
    None
):
    truth = simulate(seed=7, days=400, end=date(2026, 1, 5)).truth
    sold, demand = truth.sold / 1000.0, truth.demand / 1000.0
    T = 400 - 28
    closed = truth.book <= 0
    empty = closed | (np.roll(closed, 1, axis=1) & (truth.received <= 0))
    started = np.maximum.accumulate(sold > 0, axis=1)[:, :T]
    days = pd.DatetimeIndex(truth.days.astype("datetime64[ns]"))
    short = (truth.lost > 0)[:, T:]

    def error(Y: NDArray[np.float64]) -> float:
        both = both_of(Y, days)
        yhat = both[:, T:] * window_ratio(Y, both[:, :T], (28, 56))[:, None]
        return float(np.abs(yhat - demand[:, T:])[short].mean())

    naive = np.where(started, sold[:, :T], np.nan)
    known = np.where(empty[:, :T] & (sold[:, :T] == 0), np.nan, naive)
    aware = expected_demand(known, empty[:, :T] & (known > 0), days[:T], DAILY)
    assert error(aware) < error(naive)
