import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data.chain import load_chain
from data.transfers import plan_transfers

CHAIN = load_chain()


@given(st.integers(0, 2**32 - 1))
def test_transfers_stay_in_the_region_and_take_only_what_is_there(seed: int) -> None:
    rng = np.random.default_rng(seed)
    physical = rng.integers(0, 40_000, CHAIN.n_pairs) * rng.integers(0, 2, CHAIN.n_pairs)
    book = physical + rng.integers(0, 3_000, CHAIN.n_pairs)
    active = rng.random(CHAIN.n_pairs) < 0.9
    daily = rng.uniform(0, 4_000, CHAIN.n_pairs)
    moved = plan_transfers(
        CHAIN, day=3, physical=physical, book=book, daily_milli=daily, active=active
    )
    net = moved.net(CHAIN.n_pairs)
    assert net.sum() == 0
    assert (physical + net >= 0).all()
    assert (moved.quantity_milli > 0).all()
    assert active[moved.to_pair].all()
    np.testing.assert_array_equal(
        CHAIN.product_of[moved.from_pair], CHAIN.product_of[moved.to_pair]
    )
    region = CHAIN.region_of_shop[CHAIN.shop_of]
    np.testing.assert_array_equal(region[moved.from_pair], region[moved.to_pair])
    assert (moved.from_pair != moved.to_pair).all()
