import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from forecasting.baselines.pattern_search import search
from forecasting.baselines.smoothing import Trend, smoothed
from tests.forecasting.libraries import library

WEEK = np.array([-8.0, -6, -4, 0, 3, 9, 6])


def weekly(n: int, periods: int, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    level = 60 + rng.normal(size=(n, periods)).cumsum(axis=1)
    noise = rng.normal(size=(n, periods)) * 2
    return np.asarray(level + WEEK[np.arange(periods) % 7] + noise)


def test_the_forecast_follows_from_alpha_by_the_recursion() -> None:
    y = np.random.default_rng(0).normal(20, 3, size=50)
    made = smoothed(y[None], 3, trend="none")
    level = y[:12].mean()
    for value in y:
        level += made.alpha[0] * (value - level)
    np.testing.assert_allclose(made.mean, level)


@pytest.mark.parametrize(("trend", "model"), [("none", "ANA"), ("damped", "AAA")])
def test_forecasts_are_close_to_statsforecasts_ets(trend: Trend, model: str) -> None:
    Y = weekly(40, 147, seed=3)
    history, came = Y[:, :-14], Y[:, -14:]
    ets = library("statsforecast.models").AutoETS(
        season_length=7, model=model, damped=None if trend == "none" else True
    )
    theirs = np.stack([ets.forecast(y=y, h=14)["mean"] for y in history])
    ours = smoothed(history, 14, 7, trend).mean
    assert np.abs(ours - theirs).mean() < 0.02 * came.mean()
    assert np.abs(ours - came).mean() < 1.05 * np.abs(theirs - came).mean()


def test_a_trend_is_damped_where_there_is_one_and_left_out_where_not() -> None:
    rng = np.random.default_rng(5)
    noise = rng.normal(size=(30, 80))
    rising = np.arange(80) * 2.0 + noise
    assert smoothed(rising, 6).damped.all()
    assert smoothed(noise + 50, 6).damped.mean() <= 0.1
    steps = np.diff(smoothed(rising, 30, trend="damped").mean, axis=1)
    assert (steps > 0).all()
    assert (np.diff(steps, axis=1) < 0).all()
    assert np.ptp(smoothed(rising, 6, trend="none").mean, axis=1).max() == 0


def test_the_season_of_a_logarithm_multiplies() -> None:
    t = np.arange(60)
    y = 100 * 1.0 * np.array([0.5, 1, 1.5, 1])[t % 4] * np.exp(0.02 * t)
    made = np.exp(smoothed(np.log(y)[None], 8, 4).mean[0])
    assert made[6] / made[4] == pytest.approx(3.0, rel=0.05)


@settings(max_examples=30, deadline=None)
@given(
    hnp.arrays(np.float64, (3, 33), elements=st.sampled_from([np.nan, 0.0, 1.0, 4.0, 9.0])),
    st.sampled_from([1, 4, 7]),
    st.sampled_from(["none", "damped", "auto"]),
)
def test_many_at_once_equal_one_by_one(Y: NDArray[np.float64], season: int, trend: Trend) -> None:
    together = smoothed(Y, 5, season, trend).mean
    assert np.isfinite(together).all()
    alone = np.concatenate([smoothed(row[None], 5, season, trend).mean for row in Y])
    np.testing.assert_allclose(together, alone, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("trend", ["none", "damped"])
def test_a_late_start_changes_nothing_and_a_gap_carries_the_state(trend: Trend) -> None:
    Y = weekly(3, 90, seed=8)
    late = np.concatenate([np.full((3, 21), np.nan), Y], axis=1)
    np.testing.assert_allclose(smoothed(late, 5, 7, trend).mean, smoothed(Y, 5, 7, trend).mean)
    ended = np.concatenate([Y, np.full((3, 4), np.nan)], axis=1)
    whole = smoothed(Y, 9, 1, trend).mean
    np.testing.assert_allclose(smoothed(ended, 5, 1, trend).mean, whole[:, 4:])
    assert smoothed(np.full((1, 9), np.nan), 2).mean.tolist() == [[0.0, 0.0]]
    assert smoothed(np.zeros((0, 9)), 2).mean.shape == (0, 2)
    assert smoothed(np.zeros((2, 0)), 2).mean.tolist() == [[0.0, 0.0]] * 2


@given(hnp.arrays(np.float64, (2, 4), elements=st.floats(0.0, 1.0)))
def test_the_search_finds_the_lowest_point_of_a_bowl(lowest: NDArray[np.float64]) -> None:
    starts = np.full((2, 1, 4), 0.5)
    x, cost = search(lambda p: ((p - lowest[:, None]) ** 2).sum(axis=0), starts, (0, 1), rounds=40)
    np.testing.assert_allclose(x, lowest, atol=1e-2)
    np.testing.assert_allclose(cost, ((x - lowest) ** 2).sum(axis=0))
    held, _ = search(lambda p: ((p - lowest[:, None]) ** 2).sum(axis=0), starts, (1,), rounds=40)
    np.testing.assert_array_equal(held[0], 0.5)
