import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from forecasting.intervals.coverage import (
    DECILES,
    coverage,
    outcome_ranks,
    share_held,
    weighted_quantile_loss,
)
from forecasting.intervals.probabilities import QUANTILES

Array = NDArray[np.float64]


def poisson(seed: int, low: float, high: float) -> tuple[Array, Array]:
    """Counts and their right quantiles: (500, 40), (500, 40, 13)."""
    rng = np.random.default_rng(seed)
    mean = np.repeat(rng.uniform(low, high, (500, 1)), 40, axis=1)
    right = np.asarray(stats.poisson.ppf(np.array(QUANTILES), mean[:, :, None]))
    return rng.poisson(mean).astype(float), right


@pytest.mark.slow
@pytest.mark.parametrize("rate", [(0.05, 0.3), (0.3, 2.0), (2.0, 30.0)])
@pytest.mark.parametrize("width", [0.5, 0.67, 0.8, 0.95])
def test_right_quantiles_of_counts_hold_their_share_by_rank(
    rate: tuple[float, float], width: float
) -> None:
    actual, right = poisson(0, *rate)
    assert abs(coverage(actual, right, QUANTILES, width) - width) < 0.02


def test_the_plain_share_of_counts_is_far_above_what_is_claimed() -> None:
    actual, right = poisson(1, 0.05, 0.3)
    low, high = QUANTILES.index(0.25), QUANTILES.index(0.75)
    assert ((actual >= right[..., low]) & (actual <= right[..., high])).mean() > 0.8


def test_wrong_quantiles_of_counts_hold_another_share() -> None:
    actual, right = poisson(2, 2.0, 30.0)
    assert coverage(actual, np.round(0.8 * right), QUANTILES, 0.8) < 0.7
    middle = right[..., QUANTILES.index(0.5)][..., None]
    assert coverage(actual, np.maximum(middle + 2 * (right - middle), 0), QUANTILES, 0.8) > 0.9


def test_an_outcome_on_an_edge_counts_with_its_part_inside() -> None:
    levels, placed = (0.1, 0.5, 0.9), np.array([[[0.0, 0.0, 2.0]]])
    # 0 has the chances up to the middle of 0.5 and 0.9, and 0.1 of these 0.7 lie below the interval
    low, high = outcome_ranks(np.zeros((1, 1)), placed, levels)
    assert (low[0, 0], high[0, 0]) == (0.0, pytest.approx(0.7))
    assert share_held(np.zeros((1, 1)), placed, levels, 0.8)[0, 0] == pytest.approx(0.6 / 0.7)
    # 2 begins at 0.7 and ends at 0.95
    assert share_held(np.full((1, 1), 2.0), placed, levels, 0.8)[0, 0] == pytest.approx(0.2 / 0.25)
    assert share_held(np.full((1, 1), 3.0), placed, levels, 0.8)[0, 0] == 0.0
    assert share_held(np.full((1, 1), 1.0), placed, levels, 0.8)[0, 0] == 1.0


@given(st.floats(0.01, 99.0), st.sampled_from([0.5, 0.8, 0.95]))
def test_outcomes_between_continuous_quantiles_are_inside_or_outside(
    y: float, width: float
) -> None:
    placed = 100.0 * np.array(QUANTILES)[None, None]
    held = share_held(np.full((1, 1), y), placed, QUANTILES, width)[0, 0]
    low, high = 50.0 - 50.0 * width, 50.0 + 50.0 * width
    if min(abs(y - low), abs(y - high)) > 2.0 and not np.isclose(placed, y).any():
        assert held == (1.0 if low < y < high else 0.0)
    assert 0.0 <= held <= 1.0


def test_coverage_of_nothing_known_is_not_a_number() -> None:
    placed = np.ones((1, 1, len(QUANTILES)))
    assert np.isnan(coverage(np.full((1, 1), np.nan), placed, QUANTILES, 0.8))


def test_loss_of_deciles_is_the_slow_sum() -> None:
    rng = np.random.default_rng(3)
    actual = rng.poisson(2.0, (5, 4)).astype(float)
    actual[0, 0] = np.nan
    placed = np.sort(rng.gamma(2, 1, (5, 4, len(QUANTILES))), axis=2)
    slow = 0.0
    for node, period in np.argwhere(np.isfinite(actual)):
        y = actual[node, period]
        for p in DECILES:
            q = placed[node, period, QUANTILES.index(p)]
            slow += 2 * (p * (y - q) if y > q else (1 - p) * (q - y))
    found = weighted_quantile_loss(actual, placed, QUANTILES)
    assert found == pytest.approx(slow / (9 * np.nansum(actual)))
    assert np.isnan(weighted_quantile_loss(np.zeros((1, 1)), placed[:1, :1], QUANTILES))
