import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from forecasting.nodes.effects import FACTOR_MAX, FACTOR_MIN, Effects, learn_effects

Array = NDArray[np.float64]
LEAVES, DAYS, BLOCK = 60, 546, 91
GROUP = np.repeat([0, 1, 2], LEAVES // 3)
ELASTICITY = np.array([-2.5, -1.5, -0.9])
DISPLAY = np.array([0.7, 0.4, 0.9])


def base_rates(rng: np.random.Generator) -> Array:
    """Draw rates with a week, a year and jumps of level, (m, T)."""
    day = np.arange(DAYS)
    week = np.array([0.8, 0.8, 0.9, 1.0, 1.2, 1.5, 0.8])[day % 7]
    year = 1 + 0.4 * np.sin(2 * np.pi * day / 365.25)
    level = rng.lognormal(1.8, 0.8, (LEAVES, 1)) * np.where(
        day >= rng.integers(100, DAYS, (LEAVES, 1)), rng.uniform(0.5, 2.0, (LEAVES, 1)), 1.0
    )
    return np.asarray(level * week * year)


def plans(rng: np.random.Generator) -> Array:
    """Draw prices (log of the usual one) and displays, a week each, apart and together, (2, m, T)."""
    weeks = DAYS // 7
    cut = np.log(rng.choice([1.0, 0.9, 0.8, 0.7], (LEAVES, weeks), p=[0.7, 0.1, 0.1, 0.1]))
    shown = (rng.random((LEAVES, weeks)) < 0.15).astype(np.float64)
    return np.stack([np.repeat(cut, 7, axis=1), np.repeat(shown, 7, axis=1)])


def sales(
    rate: Array, X: Array, rng: np.random.Generator, *, dispersion: float | None = None
) -> Array:
    mean = rate * np.exp(ELASTICITY[GROUP, None] * X[0] + DISPLAY[GROUP, None] * X[1])
    if dispersion is not None:
        mean = mean * rng.gamma(dispersion, 1 / dispersion, mean.shape)
    return np.asarray(rng.poisson(mean), dtype=np.float64)


def learn(units: Array, X: Array, known: NDArray[np.bool_] | None = None) -> Effects:
    seen = np.ones(units.shape, dtype=np.bool_) if known is None else known
    return learn_effects(units, seen, X, ("price", "display"), GROUP, block=BLOCK, season=7)


@pytest.mark.parametrize("dispersion", [None, 2.0], ids=["Poisson", "negative binomial"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_known_effects_are_found_again_in_each_group(seed: int, dispersion: float | None) -> None:
    rng = np.random.default_rng(seed)
    X = plans(rng)
    effects = learn(sales(base_rates(rng), X, rng, dispersion=dispersion), X)
    np.testing.assert_allclose(effects.group[:, 0], ELASTICITY, rtol=0.15)
    np.testing.assert_allclose(effects.group[:, 1], DISPLAY, rtol=0.15)
    # leaves stay near their group where nothing tells them apart
    assert np.abs(effects.leaf - effects.group[GROUP]).mean() < 0.15


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_plans_that_do_nothing_have_no_effect(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = plans(rng)
    units = rng.poisson(base_rates(rng)).astype(np.float64)
    effects = learn(units, X)
    assert np.abs(effects.group[:, 0]).max() < 0.25
    assert np.abs(effects.group[:, 1]).max() < 0.1
    np.testing.assert_allclose(effects.uplift(X).mean(), 1.0, atol=0.03)


def test_gaps_change_little_and_what_lies_in_them_nothing() -> None:
    rng = np.random.default_rng(6)
    X = plans(rng)
    units = sales(base_rates(rng), X, rng)
    known = rng.random(units.shape) > 0.2
    known[:5, 100:300] = False
    known[7] = False
    effects = learn(units, X, known)
    np.testing.assert_allclose(effects.group[:, 0], ELASTICITY, rtol=0.15)
    other = learn(np.where(known, units, 1e6), X, known)
    np.testing.assert_array_equal(other.leaf, effects.leaf)
    # a leaf of which nothing is known has its group's effects
    np.testing.assert_allclose(effects.leaf[7], effects.group[GROUP[7]], rtol=1e-6)


def test_a_leaf_that_differs_much_is_told_from_its_group() -> None:
    rng = np.random.default_rng(7)
    X = plans(rng)
    rate = 40 * base_rates(rng)
    own = np.linspace(-1.0, 1.0, LEAVES)
    mean = rate * np.exp((ELASTICITY[GROUP] + own)[:, None] * X[0])
    effects = learn(rng.poisson(mean).astype(np.float64), X)
    assert np.corrcoef(effects.leaf[:, 0] - ELASTICITY[GROUP], own)[0, 1] > 0.9


def test_one_plan_of_one_leaf_leans_to_none() -> None:
    units = np.full((1, 70), 2.0)
    X = np.zeros((1, 1, 70))
    X[0, 0, 40], units[0, 40] = 1.0, 8.0
    effects = learn_effects(
        units,
        np.ones_like(units, dtype=bool),
        X,
        ("display",),
        np.zeros(1, dtype=np.int64),
        block=91,
    )
    assert 0.5 < effects.leaf[0, 0] < np.log(4)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    m=st.integers(1, 5),
    T=st.integers(1, 120),
    block=st.integers(1, 100),
    season=st.sampled_from([1, 7]),
)
def test_any_demand_and_any_plans_give_finite_effects(
    seed: int, m: int, T: int, block: int, season: int
) -> None:
    rng = np.random.default_rng(seed)
    units = rng.choice([0.0, 0.0, 1.0, 500.0], (m, T))
    known = rng.random((m, T)) < 0.8
    X = rng.choice([0.0, 0.0, 1.0, -3.0], (2, m, T))
    group = rng.integers(0, 2, m)
    effects = learn_effects(units, known, X, ("a", "b"), group, block=block, season=season)
    assert np.isfinite(effects.leaf).all()
    assert effects.leaf.shape == (m, 2)
    uplift = effects.uplift(X)
    assert (uplift >= FACTOR_MIN - 1e-12).all()
    assert (uplift <= FACTOR_MAX + 1e-9).all()
    np.testing.assert_allclose(effects.uplift(np.zeros_like(X)), 1.0)


def test_the_week_does_not_pass_for_a_plan_that_stands_on_fridays() -> None:
    rng = np.random.default_rng(8)
    day = np.arange(DAYS)
    X = np.broadcast_to((day % 7 == 4) & (rng.random(DAYS) < 0.5), (1, LEAVES, DAYS)).astype(float)
    rate = 5 * np.where(day % 7 == 4, 2.0, 1.0) * np.exp(0.3 * X[0])
    units = rng.poisson(rate).astype(np.float64)
    effects = learn_effects(
        units, np.ones_like(units, dtype=bool), X, ("tasting",), GROUP, block=BLOCK, season=7
    )
    np.testing.assert_allclose(effects.group, 0.3, atol=0.08)
