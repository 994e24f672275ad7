import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from forecasting.intervals.conformal import NodeErrors, conformal_offsets, quantiles_around
from forecasting.intervals.coverage import coverage
from forecasting.intervals.few_draws import student_ratio, widened_levels
from forecasting.intervals.missed import Missed, node_scale, rehearse, seasonal_lag
from forecasting.intervals.placing import counted_levels, place_quantiles
from forecasting.intervals.probabilities import QUANTILES

Array = NDArray[np.float64]
LEVELS = (0.025, 0.165, 0.5, 0.835, 0.975)
LEVEL = np.repeat([0, 1, 2], [1, 6, 30])


def origins(rng: np.random.Generator, scale: Array, count: int, sizes: Array) -> list[NodeErrors]:
    """Errors of `count` origins: a level error that lasts, and a day's noise, larger for some nodes."""
    out = []
    for _ in range(count):
        lasting = rng.normal(0, 1, (scale.size, 1)) * sizes[:, None]
        daily = rng.normal(0, 1, (scale.size, 28)) * sizes[:, None]
        out.append(NodeErrors(scale[:, None] * (lasting + daily), scale))
    return out


def held(count: int, worlds: int) -> Array:
    """Share of 67 and 95 % intervals, from so many origins, that held in many worlds, by level: (3, 2)."""
    rng = np.random.default_rng(count)
    share = np.zeros((worlds, 3, 2))
    for world in share:
        scale, sizes = rng.uniform(5, 500, 37), rng.uniform(0.3, 2.0, 37)
        missed = origins(rng, scale, count, sizes)
        offsets = conformal_offsets(missed, LEVEL, scale=scale, levels=LEVELS, horizon=28)
        placed = quantiles_around(np.full((37, 28), 1e6), offsets)
        came = 1e6 + origins(rng, scale, 1, sizes)[0].error
        for number, width in np.ndindex(3, 2):
            rows = number == LEVEL
            world[number, width] = coverage(came[rows], placed[rows], LEVELS, (0.67, 0.95)[width])
    return np.asarray(share.mean(axis=0))


def test_nodes_are_covered_as_often_as_claimed_after_many_origins() -> None:
    np.testing.assert_allclose(held(12, 60), [[0.67, 0.95]] * 3, atol=0.06)


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_few_origins_never_cover_less_than_claimed(count: int) -> None:
    share = held(count, 80)
    if count:
        assert (share > np.array([0.67, 0.95]) - 0.05).all()
        assert share[0, 0] > 0.67
    else:
        # nothing is known of the errors, but that they are of the scale's size
        assert (share > [0.6, 0.8]).all()


def test_errors_that_grow_over_the_horizon_widen_it() -> None:
    rng = np.random.default_rng(2)
    grow = np.linspace(1, 4, 28)
    scale = np.ones(20)
    missed = [NodeErrors(rng.normal(size=(20, 28)) * grow, scale) for _ in range(10)]
    level = np.zeros(20, dtype=np.int64)
    offsets = conformal_offsets(missed, level, scale=scale, levels=LEVELS, horizon=28)
    width = offsets[0, :, 4] - offsets[0, :, 0]
    assert 2.0 < width[-1] / width[0] < 4.0


def test_a_level_of_many_draws_keeps_the_skew_of_its_errors() -> None:
    rng = np.random.default_rng(3)
    scale, level = np.ones(400), np.zeros(400, dtype=np.int64)
    missed = [NodeErrors(rng.exponential(1.0, (400, 28)) - 1.0, scale) for _ in range(12)]
    offsets = conformal_offsets(missed, level, scale=scale, levels=LEVELS, horizon=28)
    assert (offsets[:, :, 2] < -0.1).all()
    assert (offsets[:, :, 4] > 1.5 * np.abs(offsets[:, :, 0])).all()


def test_unknown_errors_say_nothing() -> None:
    rng = np.random.default_rng(4)
    scale = rng.uniform(5, 500, 37)
    missed = origins(rng, scale, 4, np.ones(37))
    blank = NodeErrors(np.full((37, 28), np.nan), scale)
    with_blank = conformal_offsets([*missed, blank], LEVEL, scale=scale, levels=LEVELS, horizon=28)
    without = conformal_offsets(missed, LEVEL, scale=scale, levels=LEVELS, horizon=28)
    np.testing.assert_allclose(with_blank, without)


def test_a_part_of_the_horizon_that_no_origin_reached_is_not_narrower() -> None:
    rng = np.random.default_rng(8)
    scale, level = np.ones(50), np.zeros(50, dtype=np.int64)
    errors = rng.normal(size=(50, 28)) * np.linspace(1, 2, 28)
    errors[:, 14:] = np.nan
    offsets = conformal_offsets(
        [NodeErrors(errors, scale)] * 3, level, scale=scale, levels=LEVELS, horizon=28
    )
    width = offsets[0, :, 4] - offsets[0, :, 0]
    assert width[-1] >= width[13] > width[0]


def test_few_draws_widen_as_student_does() -> None:
    # t of 3 degrees of freedom: 3.182 at 0.975 (normal: 1.960); the mean's own error: sqrt(1 + 1/3)
    ratio = student_ratio((0.025, 0.5, 0.975), 3.0)
    np.testing.assert_allclose(ratio, [1.8749, 1.0, 1.8749], rtol=1e-3)
    np.testing.assert_allclose(widened_levels(QUANTILES, 1e9), QUANTILES)
    few = widened_levels(QUANTILES, 4.0)
    assert (np.diff(few) > 0).all()
    assert few[0] < 0.005


def test_the_scale_of_a_week_that_repeats_is_only_its_noise() -> None:
    week = np.tile([1.0, 2, 3, 4, 5, 60, 70], 20)
    noisy = week + np.random.default_rng(3).normal(0, 2, 140)
    assert abs(node_scale(noisy[None], 7, 56)[0] - 2) < 0.5
    gaps = np.where(np.arange(140) % 5 == 0, np.nan, noisy)
    assert abs(node_scale(gaps[None], 7, 56)[0] - 2) < 0.6
    # nothing to compare: a Poisson count's
    assert node_scale(np.array([[np.nan, 9.0]]), 1, 56)[0] == pytest.approx(3.0, abs=0.01)
    assert node_scale(np.full((1, 3), np.nan), 1, 56)[0] > 0


def test_rehearsals_repeat_the_last_season_and_know_nothing_later() -> None:
    history = np.arange(60.0)[None]
    rehearsed = rehearse(history, 14, 7, None)
    assert [one.known for one in rehearsed] == [32, 46]
    np.testing.assert_array_equal(rehearsed[1].mean[0, :8], [39, 40, 41, 42, 43, 44, 45, 39])
    np.testing.assert_array_equal(rehearsed[1].came[0], np.arange(46, 60))
    level = rehearse(history, 14, 7, 4)[1]
    np.testing.assert_array_equal(level.mean, 43.5)
    assert rehearse(history[:, :1], 14, 7, None) == []
    assert seasonal_lag(12, 12) == 1
    assert seasonal_lag(20, 12) == 12


def test_leaves_and_many_or_slow_levels_are_read_from_counts() -> None:
    rng = np.random.default_rng(5)
    level = np.repeat([0, 1, 2, 3], [1, 3, 1_200, 40])
    mean = np.repeat([900.0, 2.0, 80.0, 80.0], [1, 3, 1_200, 40])[:, None]
    pieces = rng.poisson(mean, (level.size, 60)).astype(float)
    np.testing.assert_array_equal(counted_levels(mean, level, 40, pieces), [0, 1, 1, 1])
    # few leaves that sell by weight every day err as larger nodes do; with pauses they are counted
    weighed = pieces * 0.37
    np.testing.assert_array_equal(counted_levels(mean, level, 40, weighed), [0, 0, 1, 0])
    weighed[:, ::2] = 0.0
    np.testing.assert_array_equal(counted_levels(mean, level, 40, weighed), [0, 0, 1, 1])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_quantiles_of_any_chain_rise_and_are_never_negative(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    m, T = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 130))
    h, season = data.draw(st.integers(1, 15)), data.draw(st.sampled_from([1, 4, 7, 12, 52]))
    count = data.draw(st.integers(0, 3))
    unit = data.draw(st.sampled_from([1.0, 0.1, 0.123]))
    rate = rng.choice([0.0, 0.05, 2.0, 300.0], (m, 1))
    leaves = rng.poisson(rate, (m, T)) * unit
    leaves[rng.random((m, T)) < data.draw(st.sampled_from([0.0, 0.3, 1.0]))] = np.nan
    history = np.vstack([np.nan_to_num(leaves).sum(axis=0), leaves])
    level = np.r_[0, np.ones(m, dtype=np.int64)]

    def forecast() -> Array:
        made = rng.choice([0.0, 0.2, 3.0, 1e5], (m, h)) * unit
        return np.vstack([made.sum(axis=0), made])

    earlier = []
    for _ in range(count):
        came = np.vstack([np.ones((1, h)), rng.poisson(3.0, (m, h))]) * unit
        came[rng.random(came.shape) < 0.2] = np.nan
        earlier.append(Missed(int(rng.integers(1, T + 1)), forecast(), came))
    placed = place_quantiles(forecast(), level, m, earlier, history, QUANTILES, season=season)
    assert placed.shape == (m + 1, h, len(QUANTILES))
    assert np.isfinite(placed).all()
    assert (placed >= 0).all()
    assert (np.diff(placed, axis=2) >= 0).all()
    if unit == 1.0:
        assert (placed[1:] == np.round(placed[1:])).all()


def test_a_small_chain_without_origins_is_covered_from_its_own_past() -> None:
    rng = np.random.default_rng(6)
    rate = np.array([0.3, 1.0, 2.0, 5.0, 8.0, 12.0] * 2)
    level = np.r_[0, np.ones(12, dtype=np.int64)]
    share = []
    for _ in range(40):
        leaves = rng.poisson(rate[:, None], (12, 148)).astype(float)
        nodes = np.vstack([leaves.sum(axis=0), leaves])
        mean = np.repeat(np.r_[rate.sum(), rate][:, None], 28, axis=1)
        placed = place_quantiles(mean, level, 12, [], nodes[:, :120], QUANTILES, season=7)
        came = nodes[:, 120:]
        share.append([coverage(came[1:], placed[1:], QUANTILES, w) for w in (0.5, 0.8, 0.95)])
    np.testing.assert_allclose(np.mean(share, axis=0), [0.5, 0.8, 0.95], atol=0.07)


def test_a_chain_that_never_sold_is_forecast_to_sell_nothing() -> None:
    placed = place_quantiles(
        np.zeros((3, 5)), np.array([0, 1, 1]), 2, [], np.zeros((3, 40)), QUANTILES, season=7
    )
    assert not placed[1:].any()
