import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from forecasting.nodes.rivals import RIVALS, PlanEffects, Rivals, learn_plan_effects, pools

Array = NDArray[np.float64]
SHOPS, GOODS, WEEKS = 12, 5, 104
POOL = np.repeat(np.arange(SHOPS), GOODS)
ELASTICITY = -2.5


def prices(rng: np.random.Generator) -> Array:
    """Draw log(price / usual price), a week each, (m, T)."""
    cut = rng.choice([1.0, 0.9, 0.75], (POOL.size, WEEKS), p=[0.7, 0.15, 0.15])
    return np.asarray(np.log(cut))


def sales(price: Array, change_over: float, rng: np.random.Generator) -> Array:
    """Sell so that plans of a shop's other goods move a good by `change_over` of their logarithm."""
    rate = rng.lognormal(3.0, 0.5, (POOL.size, 1))
    own = np.exp(ELASTICITY * price)
    others = Rivals(POOL, rate[:, 0]).moved(own)
    return rng.poisson(rate * own * np.exp(change_over * others)).astype(np.float64)


def learn(units: Array, price: Array, pool: NDArray[np.int64] = POOL) -> PlanEffects:
    return learn_plan_effects(
        units,
        np.ones(units.shape, dtype=np.bool_),
        price[None],
        ("price",),
        group=np.zeros(units.shape[0], dtype=np.int64),
        pool=pool,
        lately=13,
        block=8,
        season=1,
    )


@pytest.mark.parametrize("change_over", [-0.3, -0.5, -0.9])
def test_what_buyers_change_over_is_found_again(change_over: float) -> None:
    rng = np.random.default_rng(3)
    price = prices(rng)
    effects = learn(sales(price, change_over, rng), price)
    assert effects.change_over is not None
    np.testing.assert_allclose(effects.change_over.mean(), change_over, atol=0.06)
    np.testing.assert_allclose(effects.own.leaf.mean(), ELASTICITY, rtol=0.05)


@pytest.mark.parametrize("seed", [1, 2, 6])
def test_where_nobody_changes_over_plans_reach_their_own_product_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    price = prices(rng)
    effects = learn(sales(price, 0.0, rng), price)
    assert effects.rivals is None
    assert set(effects.logs(price[None])) == {"price"}


def test_a_plan_takes_from_the_other_goods_of_its_shop_and_from_no_others() -> None:
    rng = np.random.default_rng(4)
    price = prices(rng)
    effects = learn(sales(price, -0.5, rng), price)
    ahead = np.zeros((1, POOL.size, 2))
    ahead[0, 0, 1] = np.log(0.75)
    moved = effects.uplift(ahead)
    np.testing.assert_array_equal(moved[:, 0], 1.0)
    assert moved[0, 1] > 1.5
    assert (moved[1:GOODS, 1] < 0.97).all()
    np.testing.assert_array_equal(moved[GOODS:, 1], 1.0)
    # and says so
    parts = effects.logs(ahead)
    np.testing.assert_allclose(np.exp(sum(parts.values())), moved)
    assert (parts[RIVALS][1:GOODS, 1] < 0.0).all()
    assert abs(parts[RIVALS][0, 1]) < 1e-12


def test_a_leaf_that_is_alone_in_its_shop_has_no_rivals() -> None:
    rng = np.random.default_rng(5)
    price = prices(rng)
    effects = learn(sales(price, 0.0, rng), price, np.arange(POOL.size))
    assert effects.rivals is None
    assert set(effects.logs(price[None])) == {"price"}


@given(
    factors=st.lists(st.floats(0.1, 8.0), min_size=2, max_size=6),
    rates=st.lists(st.floats(0.0, 1e6), min_size=6, max_size=6),
)
def test_rivals_move_by_their_mean_by_units(factors: list[float], rates: list[float]) -> None:
    own, rate = np.array(factors)[:, None], np.array(rates[: len(factors)])
    moved = Rivals(np.zeros(rate.size, dtype=np.int64), rate).moved(own)
    assert np.isfinite(moved).all()
    for leaf in range(rate.size):
        others = np.arange(rate.size) != leaf
        if rate[others].sum() > 1e-3 * max(rate.sum(), 1.0):
            expected = np.log(np.average(own[others, 0], weights=rate[others]))
            np.testing.assert_allclose(moved[leaf, 0], expected, atol=1e-6)


def test_pools_are_the_goods_of_one_category_in_one_shop() -> None:
    leaves = pd.DataFrame(
        {
            "location": ["S1", "S1", "S1", "S2"],
            "category": ["tea", "tea", "ink", "tea"],
            "product": ["a", "b", "c", "a"],
        }
    )
    np.testing.assert_array_equal(pools(leaves), [0, 0, 1, 2])
    np.testing.assert_array_equal(pools(leaves.drop(columns="category")), [0, 0, 0, 1])
    np.testing.assert_array_equal(pools(leaves[["product"]]), 0)
