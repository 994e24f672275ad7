import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.structure.splitting import split_groups, trending_shares, weekday_profiles


def sales(seed: int, m: int = 30, T: int = 120) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.poisson(rng.lognormal(0, 1, (m, 1)), (m, T)).astype(np.float64)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 6), h=st.integers(1, 30))
def test_leaves_sum_to_their_groups_and_none_is_negative(seed: int, k: int, h: int) -> None:
    rng = np.random.default_rng(seed)
    units, group = sales(seed), np.concatenate([np.arange(k), rng.integers(0, k, 30 - k)])
    observed = rng.random(units.shape) < 0.9
    weekday = np.arange(units.shape[1]) % 7
    share = trending_shares(units, group, np.arange(30) // 3, observed)
    profile = weekday_profiles(units, group, observed, weekday)[:, np.arange(h) % 7]
    forecast = rng.uniform(0, 500, (k, h))
    leaves = split_groups(forecast, group, share, profile)
    assert (leaves >= 0).all()
    total = np.stack([leaves[group == number].sum(axis=0) for number in range(k)])
    np.testing.assert_allclose(total, forecast, rtol=1e-9)


def test_a_share_follows_its_product_when_the_other_shops_sell_more_of_it() -> None:
    units = np.full((6, 100), 10.0)
    group, product = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 0, 1])
    units[[2, 4], -7:] = 30.0
    seen = np.ones_like(units, dtype=bool)
    share = trending_shares(units, group, product, seen)
    assert share[0] > 0.55
    np.testing.assert_allclose(share[0] + share[1], 1.0)


def test_days_on_an_empty_shelf_do_not_lower_a_share() -> None:
    units = np.full((2, 100), 10.0)
    units[0, -40:-5] = 0.0
    seen = units > 0
    group = np.array([0, 0])
    share = trending_shares(units, group, np.array([0, 1]), seen)
    assert abs(share[0] - 0.5) < 0.12
    blind = trending_shares(units, group, np.array([0, 1]), np.ones_like(seen))
    assert blind[0] < share[0] - 0.1


def test_a_product_of_saturdays_keeps_its_saturdays() -> None:
    weekday = np.arange(140) % 7
    units = np.full((2, 140), 100.0)
    units[0] = np.where(weekday == 5, 400.0, 0.0)
    profile = weekday_profiles(units, np.array([0, 0]), np.ones_like(units, dtype=bool), weekday)
    assert profile[0, 5] > 1.2
    assert profile[0, 0] < 0.7
