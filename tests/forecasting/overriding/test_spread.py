"""Overrides spread over leaves, and the uncertainty that goes with them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.intervals.probabilities import QUANTILES
from forecasting.overriding.carried import (
    FACTOR_MAX,
    adjusted_paths,
    adjusted_quantiles,
    factor_and_rest,
)
from forecasting.overriding.spread import Change, Override, spread

M, H = 5, 4
DAYS = np.ones(H)
units = st.one_of(st.just(0.0), st.floats(1e-3, 1e3))


@st.composite
def overrides(draw: Any) -> Override:
    change: Change = draw(st.sampled_from(["set", "add", "percent"]))
    low, high = {"set": (0, 1e4), "add": (-500, 500), "percent": (-100, 900)}[change]
    leaves = draw(st.sets(st.integers(0, M - 1), min_size=1))
    first = draw(st.integers(0, H - 1))
    last = draw(st.integers(first, H - 1))
    days = np.zeros(H)
    days[first : last + 1] = 1.0
    value = draw(st.floats(low, high))
    return Override(np.array(sorted(leaves)), days, change, value, int(days.sum()))


def means_of(one: st.SearchStrategy[float]) -> st.SearchStrategy[np.ndarray[Any, Any]]:
    values = st.lists(one, min_size=M * H, max_size=M * H)
    return values.map(lambda x: np.array(x).reshape(M, H))


means, positive_means = means_of(units), means_of(st.floats(1e-3, 1e3))


@given(means | positive_means, st.lists(overrides(), max_size=5))
def test_overrides_apply_in_turn_and_the_last_one_holds(
    published: np.ndarray[Any, Any], asked: list[Override]
) -> None:
    made = spread(published, asked, period_days=DAYS)
    assert (made.mean >= 0).all()
    assert np.isfinite(made.mean).all()
    step = published
    for number, one in enumerate(asked):
        alone = spread(step, [one], period_days=DAYS).mean
        inside = np.zeros((M, H), dtype=bool)
        inside[np.ix_(one.leaves, one.days > 0)] = True
        assert np.array_equal(alone[~inside], step[~inside]), "nothing else moves"
        was, now = step[inside].sum(), alone[inside].sum()
        wanted = {"set": one.value, "add": max(0.0, was + one.value)}.get(
            one.change, was * (1 + one.value / 100)
        )
        assert now == pytest.approx(wanted, rel=1e-9, abs=1e-9)
        # shares of what is 0 come of the published forecast, which a step alone does not know
        if (step == 0).any():
            return
        before, after = step[one.leaves].sum(), alone[one.leaves].sum()
        assert made.before[number].sum() == pytest.approx(before, rel=1e-9, abs=1e-9)
        assert made.after[number].sum() == pytest.approx(after, rel=1e-9, abs=1e-9)
        step = alone
    assert made.mean == pytest.approx(step, rel=1e-9, abs=1e-9)


@given(means, st.lists(overrides(), min_size=1, max_size=3), st.integers(0, 9))
def test_removed_override_leaves_every_bit_as_it_was(
    published: np.ndarray[Any, Any], asked: list[Override], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    paths = rng.poisson(published, (7, M, H)).astype(np.float32)
    quantiles = np.sort(rng.random((M, H, len(QUANTILES))), axis=2) * published[:, :, None]
    seeds = [[seed, leaf] for leaf in range(M)]
    with_them = spread(published, asked, period_days=DAYS).mean
    moved = adjusted_paths(paths, published, with_them, seeds)
    assert (moved >= 0).all()
    untouched = (with_them == published).all(axis=1)
    assert np.array_equal(moved[:, untouched], paths[:, untouched])
    without = spread(published, [], period_days=DAYS).mean
    assert adjusted_paths(paths, published, without, seeds) is paths
    assert np.array_equal(adjusted_quantiles(published, quantiles, without, QUANTILES), quantiles)
    bands = adjusted_quantiles(published, quantiles, with_them, QUANTILES)
    assert (np.diff(bands, axis=2) >= -1e-9 * bands.max()).all()


def test_percent_scales_paths_so_that_what_is_sure_stays_as_sure() -> None:
    published = np.full((3, 3), 10.0)
    paths = np.random.default_rng(1).poisson(10, (4_000, 3, 3)).astype(np.float32)
    paths[:, 0] += 0.25
    more = Override(np.array([0, 1]), np.array([1.0, 1.0, 0.0]), "percent", 55.0, 2)
    mean = spread(published, [more], period_days=np.ones(3)).mean
    moved = adjusted_paths(paths, published, mean, [[1], [2], [3]])
    assert moved[:, 0, :2] == pytest.approx(1.55 * paths[:, 0, :2])
    whole, was = moved[:, 1, :2], paths[:, 1, :2]
    assert (whole == np.rint(whole)).all(), "what sells in whole units still does"
    assert (np.abs(whole - 1.55 * was) < 1).all()
    assert whole.mean() == pytest.approx(1.55 * was.mean(), rel=0.002)
    assert whole.std() / whole.mean() == pytest.approx(was.std() / was.mean(), rel=0.02)
    assert np.array_equal(moved[:, :2, 2], paths[:, :2, 2])
    assert np.array_equal(moved[:, 2], paths[:, 2])


def test_units_keep_the_shape_of_the_days_and_fall_away_where_no_forecast_is() -> None:
    published = np.array([[4.0, 8.0, 4.0, 8.0]])
    both = Override(np.array([0]), np.array([0.0, 0.0, 1.0, 1.0]), "set", 40.0, 4)
    assert spread(published, [both], period_days=DAYS).mean.tolist() == [
        [4.0, 8.0, pytest.approx(20 / 3), pytest.approx(40 / 3)]
    ]
    # three days of a week of seven: the other four stay
    week = Override(np.array([0]), np.array([3.0]), "set", 60.0, 3)
    assert spread(np.array([[70.0]]), [week], period_days=np.array([7.0])).mean == pytest.approx(
        np.array([[100.0]])
    )


def test_where_nothing_is_forecast_units_follow_the_other_days_else_are_even() -> None:
    published = np.array([[0.0, 3.0], [0.0, 1.0]])
    first = Override(np.array([0, 1]), np.array([1.0, 0.0]), "set", 8.0, 1)
    assert spread(published, [first], period_days=np.ones(2)).mean[:, 0].tolist() == [6.0, 2.0]
    new = spread(0 * published, [first], period_days=np.ones(2)).mean
    assert new[:, 0].tolist() == [4.0, 4.0]
    seeds = [[3, 0], [3, 1]]
    none = np.zeros((4_000, 2, 2), dtype=np.float32)
    drawn = adjusted_paths(none, 0 * published, new, seeds)[:, 0, 0]
    assert drawn.mean() == pytest.approx(4.0, rel=0.05)
    assert drawn.var() == pytest.approx(4.0, rel=0.1), "customers come one by one"
    alone = adjusted_paths(none[:, 1:], 0 * published[1:], new[1:], seeds[1:])
    both = adjusted_paths(none, 0 * published, new, seeds)
    assert np.array_equal(alone[:, 0], both[:, 1]), "path 7 is one future wherever it is read"


def test_a_factor_has_a_limit_and_the_rest_is_drawn() -> None:
    factor, rest = factor_and_rest(np.array([[0.01, 2.0, 0.0]]), np.array([[5.0, 2.0, 0.0]]))
    assert factor.tolist() == [[FACTOR_MAX, 1.0, 1.0]]
    assert rest.tolist() == [[pytest.approx(5.0 - 0.1), 0.0, 0.0]]
