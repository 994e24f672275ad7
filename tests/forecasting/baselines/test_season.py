import numpy as np
import pytest
from numpy.typing import NDArray

from forecasting.baselines.season import filled, is_seasonal, phases, seasonal_parts
from tests.forecasting.libraries import library

RNG = np.random.default_rng(4)


def seasonal_series(m: int, periods: int, n: int) -> NDArray[np.float64]:
    """Make (periods, n): levels that wander, seasons of every strength, noise."""
    t = np.arange(periods)
    level = 60 + RNG.normal(size=(periods, n)).cumsum(axis=0) * 0.5
    season = RNG.normal(size=(m, n))[t % m] * np.linspace(0, 6, n)
    return np.maximum(level + season + RNG.normal(size=(periods, n)) * 3, 1.0)


def test_gaps_take_the_season_before_and_else_the_last_value() -> None:
    Y = np.array([np.nan, 1, np.nan, 3, 4, np.nan, np.nan, 7])[:, None]
    # The value three periods before; where that is before the start, the one just before.
    np.testing.assert_array_equal(filled(Y, 3)[:, 0], [np.nan, 1, 1, 3, 4, 1, 3, 7])
    assert np.isnan(Y[2, 0])


@pytest.mark.parametrize("m", [4, 7, 12, 52])
@pytest.mark.parametrize("form", ["additive", "multiplicative"])
def test_phases_equal_statsmodels_decomposition(m: int, form: str) -> None:
    Y = seasonal_series(m, 3 * m + 5, 4)
    S = phases(Y, m, multiplicative=form == "multiplicative")
    decompose = library("statsmodels.tsa.seasonal").seasonal_decompose
    for column in range(Y.shape[1]):
        theirs = decompose(Y[:, column], model=form, period=m).seasonal
        np.testing.assert_allclose(S[np.arange(Y.shape[0]) % m, column], theirs, rtol=1e-9)


@pytest.mark.parametrize("m", [4, 7, 12])
def test_a_season_is_seen_where_its_autocorrelation_passes_the_limit(m: int) -> None:
    Y = seasonal_series(m, 6 * m + 1, 40)
    acf = library("statsmodels.tsa.stattools").acf
    expected = []
    for column in range(Y.shape[1]):
        r = acf(Y[:, column], nlags=m, fft=False)[1:]
        limit = np.sqrt((1 + 2 * np.sum(r[:-1] ** 2)) / Y.shape[0])
        expected.append(bool(np.abs(r[-1]) > 1.6448536269514722 * limit))
    assert {True, False} == set(expected)
    np.testing.assert_array_equal(is_seasonal(Y, m), expected)
    assert not is_seasonal(Y[: 2 * m - 1], m).any()


def test_a_series_that_starts_late_has_the_season_of_what_it_has() -> None:
    Y = seasonal_series(7, 70, 3) + np.arange(7.0)[np.arange(70) % 7][:, None] * 9
    late = np.concatenate([np.full((35, 3), np.nan), Y])
    np.testing.assert_array_equal(is_seasonal(late, 7), is_seasonal(Y, 7))
    np.testing.assert_allclose(phases(late, 7), phases(Y, 7), rtol=1e-9)


def test_factors_need_values_above_0_and_phases_that_are_not_tiny() -> None:
    t = np.arange(48)
    season = np.array([1.0, 1, 2, 4])[t % 4]
    Y = np.stack([season * 10, season * 10 - 10, np.full(48, 5.0)], axis=1)
    added, factor = seasonal_parts(Y, 4)
    np.testing.assert_allclose(factor[:, 0], [0.5, 0.5, 1, 2])
    np.testing.assert_allclose(added[:, 1], [-10, -10, 0, 20])
    np.testing.assert_array_equal(added[:, [0, 2]], 0)
    np.testing.assert_array_equal(factor[:, [1, 2]], 1)
