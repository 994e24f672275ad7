import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from forecasting.intervals.leaf_counts import CELLS_A_BIN, count_table, table_quantiles
from forecasting.intervals.leaf_quantiles import TABLE_CELLS, LeafOrigin, leaf_quantiles
from forecasting.intervals.leaf_shape import rank_levels, shape_quantiles, shape_ranks
from forecasting.intervals.leaf_state import (
    RUN_CLASSES,
    SPREAD_CLASSES,
    leaf_state,
    unit_steps,
    window_periods,
)

Array = NDArray[np.float64]
LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
CLASSES = SPREAD_CLASSES * RUN_CLASSES


def origin(rng: np.random.Generator, rate: Array, horizon: int = 28) -> tuple[LeafOrigin, Array]:
    """An origin of Poisson leaves whose mean is known, and their history before it."""
    history = rng.poisson(rate[:, None], (rate.size, 56)).astype(float)
    mean = np.repeat(rate[:, None], horizon, axis=1)
    state = leaf_state(history, 56, np.ones(rate.size))
    return LeafOrigin(mean, rng.poisson(mean).astype(float), state), history


def test_the_tables_quantiles_are_those_of_the_cells_of_each_bin() -> None:
    rng = np.random.default_rng(0)
    # each mean ends a tenth of the cells, and bins are cut at means that are there
    mean = rng.choice([0.2, 1.0, 3.0], 10 * CELLS_A_BIN, p=[0.25, 0.35, 0.4])
    code = rng.integers(0, 2, mean.size)
    sold = rng.poisson(mean * (1 + 2 * code)).astype(float)
    table = count_table(mean, sold, code, LEVELS, classes=2, whole=True)
    for number in (0, 1):
        for m in (0.2, 1.0, 3.0):
            cells = sold[(code == number) & (mean == m)]
            slow = np.quantile(cells, LEVELS, method="inverted_cdf")
            placed = table_quantiles(table, np.array([[m]]), np.array([number]))[0, 0]
            np.testing.assert_array_equal(placed, slow)


def test_a_bin_of_a_class_with_few_cells_takes_all_classes() -> None:
    rng = np.random.default_rng(1)
    mean, code = np.full(5_000, 2.0), np.zeros(5_000, dtype=np.int64)
    code[:50] = 1
    sold = rng.poisson(2.0, 5_000).astype(float)
    sold[:50] = 90.0
    table = count_table(mean, sold, code, LEVELS, classes=3, whole=True)
    placed = [table_quantiles(table, np.array([[2.0]]), np.array([c]))[0, 0] for c in (1, 2)]
    np.testing.assert_array_equal(placed[0], np.quantile(sold, LEVELS, method="inverted_cdf"))
    np.testing.assert_array_equal(placed[0], placed[1])


def test_means_beyond_all_that_were_seen_scale_the_nearest_counts() -> None:
    rng = np.random.default_rng(2)
    mean = rng.uniform(1.0, 4.0, 10_000)
    table = count_table(
        mean,
        rng.poisson(mean).astype(float),
        mean.astype(np.int64) * 0,
        LEVELS,
        classes=1,
        whole=True,
    )
    placed = table_quantiles(table, np.array([[4.0, 400.0, 0.0]]), np.zeros(1, dtype=np.int64))[0]
    assert abs(placed[1, 3] / 400.0 - placed[0, 3] / 4.0) < 0.05
    assert placed[1, -1] > 500.0
    assert not placed[2].any()


@pytest.mark.parametrize("leaves", [40, 2_000])
def test_poisson_leaves_get_poisson_quantiles(leaves: int) -> None:
    rng = np.random.default_rng(3)
    rate = rng.lognormal(0.3, 0.8, leaves)
    earlier, history = [], np.zeros((leaves, 56))
    for _ in range(3):
        one, history = origin(rng, rate)
        earlier.append(one)
    assert (3 * 28 * leaves > TABLE_CELLS) == (leaves == 2_000)
    state = leaf_state(history, 56, np.ones(leaves))
    mean = np.repeat(rate[:, None], 28, axis=1)
    placed = leaf_quantiles(earlier, mean, state, np.ones(leaves), LEVELS)
    right = stats.poisson.ppf(np.array(LEVELS), mean[:, :, None])
    assert (placed == np.round(placed)).all()
    assert np.abs(placed - right).mean() < 0.35
    # each quantile's probability lies between the shares below it and at or below it
    came = rng.poisson(np.repeat(rate[:, None], 400, axis=1))
    at = placed[:, 0]
    for q, p in enumerate(LEVELS):
        assert (came < at[:, q, None]).mean() < p + 0.015
        assert (came <= at[:, q, None]).mean() > p - 0.015


def test_fractional_leaves_are_not_rounded_and_zero_stays_possible() -> None:
    rng = np.random.default_rng(4)
    leaves, horizon = 900, 28
    mean = np.repeat(rng.gamma(2.0, 0.3, (leaves, 1)), horizon, axis=1)

    def sold() -> Array:
        return np.asarray(mean * rng.gamma(4.0, 0.25, mean.shape) * (rng.random(mean.shape) < 0.8))

    history = sold()
    whole, step = unit_steps(history)
    assert not whole.any()
    state = leaf_state(history, 28, step)
    earlier = [LeafOrigin(mean, sold(), state) for _ in range(3)]
    placed = leaf_quantiles(earlier, mean, state, step, LEVELS)
    assert (placed[:, :, 1] == 0).mean() > 0.99
    assert (placed[:, :, 3] != np.round(placed[:, :, 3])).mean() > 0.99
    came = sold()
    for q in range(2, len(LEVELS)):
        assert abs((came <= placed[:, :, q]).mean() - LEVELS[q]) < 0.02


def test_units_are_whole_where_enough_sales_say_so() -> None:
    pieces, weighed = np.arange(1.0, 13.0), np.arange(1.0, 13.0) / 10
    one_sale = np.r_[np.full(11, np.nan), 3.0]
    whole, step = unit_steps(np.stack([pieces, weighed, one_sale, np.zeros(12)]))
    np.testing.assert_array_equal(whole, [True, False, True, True])
    np.testing.assert_allclose(step[[0, 1]], [1.0, weighed.mean() / 100])
    whole, _ = unit_steps(np.stack([weighed, weighed, one_sale, np.zeros(12)]))
    assert not whole.any()
    # sums of thousandths are whole but for their last digit
    whole, _ = unit_steps(np.full((1, 12), 0.1) * 30)
    assert whole.all()


def test_classes_part_leaves_of_like_volume_evenly_by_their_spread() -> None:
    rng = np.random.default_rng(5)
    rate = rng.lognormal(1.0, 0.5, 1_000)
    swing = np.tile([0.0, 0.5, 1.0, 2.0, 4.0], 200)
    noise = rng.gamma(
        1 / np.maximum(swing, 0.01)[:, None], np.maximum(swing, 0.01)[:, None], (1_000, 56)
    )
    history = rng.poisson(rate[:, None] * noise).astype(float)
    history[:, -1] = np.maximum(history[:, -1], 1)
    code = leaf_state(history, 56, np.ones(1_000)).code
    np.testing.assert_array_equal(code % RUN_CLASSES, 0)
    spread = code // RUN_CLASSES
    assert (np.abs(np.bincount(spread) - 200) <= 10).all()
    assert np.corrcoef(spread, np.arange(1_000) % 5)[0, 1] > 0.85


def test_a_running_row_of_zeros_is_classed_by_the_sales_that_it_hides() -> None:
    history = np.ones((4, 56))
    history[1, -2:], history[2, -5:], history[3, -20:] = 0.0, 0.0, 0.0
    # unknown days hide nothing
    history[0, -20:-1] = np.nan
    code = leaf_state(history, 56, np.ones(4)).code
    np.testing.assert_array_equal(code % RUN_CLASSES, [0, 0, 1, 2])
    by_weight = leaf_state(history / 40.0, 56, np.full(4, 0.001)).code
    np.testing.assert_array_equal(by_weight % RUN_CLASSES, [0, 0, 1, 2])


def test_excess_is_that_of_the_negative_binomial_that_was_drawn() -> None:
    rng = np.random.default_rng(6)
    history = rng.negative_binomial(2.0, 2.0 / (2.0 + 6.0), (400, 56)).astype(float)
    assert abs(leaf_state(history, 56, np.ones(400)).excess.mean() - 0.5) < 0.05
    constant = leaf_state(np.full((3, 56), 5.0), 56, np.ones(3))
    np.testing.assert_array_equal(constant.excess, 0.0)


def test_shapes_are_scipys_negative_binomial_and_poisson() -> None:
    mean, excess = np.array([0.3, 4.0, 900.0, 2.0]), np.array([2.0, 0.25, 0.01, 0.0])
    outcome = np.array([0.0, 3.0, 950.0, 4.0])
    below, reached = shape_ranks(mean, excess, outcome)
    r = 1 / excess[:3]
    law = stats.nbinom(r, r / (r + mean[:3]))
    np.testing.assert_allclose(reached[:3], law.cdf(outcome[:3]), atol=1e-12)
    np.testing.assert_allclose(below[:3], law.cdf(outcome[:3] - 1), atol=1e-12)
    np.testing.assert_allclose(reached[3], stats.poisson.cdf(4, 2.0), atol=1e-5)
    placed = shape_quantiles(mean[:, None], excess, np.array(LEVELS))[:, 0]
    np.testing.assert_array_equal(placed[:3], law.ppf(np.array(LEVELS)[:, None]).T)
    np.testing.assert_array_equal(placed[3], stats.poisson.ppf(LEVELS, 2.0))


def test_ranks_leave_a_right_shape_alone_and_widen_a_narrow_one() -> None:
    rng = np.random.default_rng(7)
    mean, excess = rng.lognormal(1, 1, 4_000), np.full(4_000, 0.5)
    sold = rng.negative_binomial(2.0, 2.0 / (2.0 + mean)).astype(float)
    right = rank_levels(*shape_ranks(mean, excess, sold), LEVELS)
    np.testing.assert_allclose(right, LEVELS, atol=0.012)
    narrow = rank_levels(*shape_ranks(mean, excess * 0, sold), LEVELS)
    assert narrow[0] < 0.01
    assert narrow[-1] > 0.995
    nothing = rank_levels(np.zeros(0), np.zeros(0), LEVELS)
    np.testing.assert_allclose(nothing, LEVELS, atol=1e-12)


def test_windows_are_weeks_of_days_and_years_of_months() -> None:
    assert [window_periods(season) for season in (7, 52, 12, 4)] == [56, 26, 12, 8]
    assert window_periods(1) == 8
    assert window_periods(24) == 96
