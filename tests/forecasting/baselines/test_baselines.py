import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from forecasting.baselines.baseline import BASELINES, Baseline, baseline

SERIES = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 3), st.integers(1, 60)),
    elements=st.sampled_from([0.0, 0.0, np.nan, 1.0, 2.0, 500.0]),
)


@settings(max_examples=60)
@given(
    SERIES,
    st.sampled_from(BASELINES),
    st.sampled_from([(1, 0), (4, 4), (7, 364), (7, 0), (12, 12)]),
)
def test_every_series_has_a_finite_forecast_that_is_not_negative(
    Y: NDArray[np.float64], name: Baseline, rhythm: tuple[int, int]
) -> None:
    before = Y.copy()
    season, year = rhythm
    forecast = baseline(name, Y, 9, season=season, year=year)
    assert forecast.mean.shape == (Y.shape[0], 9)
    assert np.isfinite(forecast.mean).all()
    assert (forecast.mean >= 0).all()
    np.testing.assert_array_equal(Y, before)
    turned = baseline(name, Y[::-1], 9, season=season, year=year)
    np.testing.assert_array_equal(turned.mean[::-1], forecast.mean)


@pytest.mark.parametrize("name", BASELINES)
def test_odd_series_are_forecast_by_rule(name: Baseline) -> None:
    Y = np.full((4, 40), np.nan)
    Y[1], Y[2], Y[3, 5] = 0.0, 4.0, 7.0
    np.testing.assert_allclose(baseline(name, Y, 3).mean, np.repeat([[0.0], [0], [4], [7]], 3, 1))
    assert baseline(name, np.zeros((2, 0)), 3).mean.tolist() == [[0.0] * 3] * 2


def test_naive_repeats_the_last_day_and_seasonal_naive_the_last_week() -> None:
    Y = np.arange(20.0)[None, :]
    Y[0, -1] = np.nan
    assert baseline("naive", Y, 2).mean.tolist() == [[18, 18]]
    # The last Monday is not known, so the one before it stands in.
    assert baseline("seasonal_naive", Y, 8).mean.tolist() == [[13, 14, 15, 16, 17, 18, 12, 13]]
    assert baseline("seasonal_naive", Y[:, :2], 4).mean.tolist() == [[1, 1, 1, 1]]


@pytest.mark.parametrize("name", ["ETS", "Theta"])
def test_the_slow_ones_see_the_week(name: Baseline) -> None:
    week = np.array([10.0, 10, 10, 10, 10, 30, 20])
    noise = np.random.default_rng(3).normal(size=140)
    forecast = baseline(name, (np.tile(week, 20) + noise)[None, :], 14).mean[0]
    np.testing.assert_allclose(forecast, np.tile(week, 2), atol=3.0)


@pytest.mark.parametrize("name", ["Croston", "TSB"])
def test_now_and_then_is_forecast_by_its_rate(name: Baseline) -> None:
    y = np.tile([0.0, 0, 0, 4, 0, 0, 0, 4.4], 30)
    np.testing.assert_allclose(baseline(name, y[None, :], 2).mean, 1.05, rtol=0.25)


def test_too_few_values_to_smooth_are_forecast_by_their_mean() -> None:
    Y = np.arange(11.0)[None, :]
    for name in ("ETS", "Theta"):
        assert baseline(name, Y, 2).mean.tolist() == [[5, 5]]
        assert baseline(name, Y, 2, season=4, year=4).mean.tolist() == [[8.5, 8.5]]


def test_the_year_reaches_its_baselines() -> None:
    Y = np.concatenate([np.arange(4.0), np.arange(4.0) * 1.5])[None, :]
    made = {name: baseline(name, Y, 4, season=1, year=4).mean[0] for name in BASELINES}
    np.testing.assert_allclose(made["last_year"], Y[0, 4:])
    np.testing.assert_allclose(made["last_year_growth"], Y[0, 4:] * 1.5)
    np.testing.assert_allclose(made["moving_average"], 2.25)


def test_a_forecast_scales_with_the_unit() -> None:
    Y = np.random.default_rng(1).poisson(6.0, size=(2, 80)).astype(float)
    for name in BASELINES:
        one, other = baseline(name, Y, 5).mean, baseline(name, Y * 1e4, 5).mean
        np.testing.assert_allclose(other, one * 1e4, rtol=1e-6)


def test_rows_that_are_not_chosen_have_no_forecast() -> None:
    rows = np.array([True, False])
    forecast = baseline("ETS", np.ones((2, 50)), 3, rows=rows)
    assert np.isnan(forecast.mean[1]).all()
    np.testing.assert_array_equal(forecast.covered, rows)
