import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from forecasting.experts.cycles import CYCLES
from forecasting.experts.splits import learn_splits
from forecasting.frames.frequency import FREQUENCIES, Frequency
from forecasting.structure.hierarchy import Hierarchy, build_hierarchy
from tests.forecasting.demands import LEAVES
from tests.forecasting.hierarchies import CROSSED, TREE, hierarchies

ANY = st.one_of(hierarchies(levels=TREE), hierarchies(levels=CROSSED))
CROSSING = build_hierarchy([[], ["location"], ["product"], ["location", "product"]], LEAVES)


def draw_history(
    hierarchy: Hierarchy, level: int, periods: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    m = hierarchy.n_leaves
    leaves = rng.poisson(rng.lognormal(0, 1, (m, 1)), (m, periods)).astype(np.float64)
    units = hierarchy.sum_leaves(leaves)[hierarchy.rows(level)]
    return np.where(rng.random(units.shape) < 0.1, np.nan, units)


@settings(max_examples=60)
@given(
    hierarchy=ANY,
    frequency=st.sampled_from(FREQUENCIES),
    periods=st.integers(1, 60),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_split_sums_to_the_parent_s_forecast_and_none_is_negative(
    hierarchy: Hierarchy, frequency: Frequency, periods: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    among = range(len(hierarchy.levels))
    for level in among[1:]:
        Y = draw_history(hierarchy, level, periods, rng)
        for split in learn_splits(hierarchy, level, among, Y, CYCLES[frequency]):
            k = hierarchy.rows(split.parent).size
            of_parent = rng.uniform(0, 500, (k, 10))
            made = split.forecasts(of_parent)
            assert made.shape == (len(split.names), Y.shape[0], 10)
            assert (made >= 0).all()
            for one in made:
                total = np.zeros((k, 10))
                np.add.at(total, split.rows, one)
                np.testing.assert_allclose(total, of_parent, rtol=1e-4, atol=1e-3)


def test_a_leaf_of_crossing_levels_is_split_from_both_sides() -> None:
    Y = draw_history(CROSSING, 3, 100, np.random.default_rng(0))
    splits = learn_splits(CROSSING, 3, range(4), Y, CYCLES["D"])
    assert [split.parent for split in splits] == [1, 2]
    assert splits[0].names == (
        "share of level 1 @10",
        "share of level 1 @20",
        "share of level 1 @56",
        "share of level 1 and trend of level 2",
    )
    assert learn_splits(CROSSING, 0, range(4), Y[:1], CYCLES["D"]) == ()


def test_a_split_follows_shares_weeks_and_what_a_kind_does_lately() -> None:
    """Product 1 doubled in the other shops last week; product 2 sells on Saturdays alone."""
    days = 140
    Y = np.full((12, days), 10.0)
    nodes = CROSSING.nodes.iloc[CROSSING.rows(3)].reset_index(drop=True)
    first = (nodes["product"] == "P1").to_numpy()
    Y[first & (nodes["location"] != "S1").to_numpy(), -7:] = 20.0
    saturday = np.arange(days) % 7 == 5
    second = (nodes["product"] == "P2").to_numpy()
    Y[second] = np.where(saturday, 70.0, 0.0)
    shops = learn_splits(CROSSING, 3, range(4), Y, CYCLES["D"])[0]
    made = dict(zip(shops.names, shops.forecasts(np.full((3, 7), 100.0)), strict=True))
    here = (nodes["location"] == "S1").to_numpy()
    quick, slow = made["share of level 1 and trend of level 2"], made["share of level 1 @20"]
    assert quick[here & first].sum() > slow[here & first].sum()
    # worked out one sum at a time: a share, times what its product lately sold over what the shares expected
    own, trending = (shops.share[shops.names.index(name)] for name in list(made)[1:4:2])
    age = np.arange(days)[::-1]
    lately = (Y * 2.0 ** (-age / 7)).sum(axis=1)
    of_shop = np.array([lately[shops.rows == shop].sum() for shop in shops.rows])
    product = nodes["product"].to_numpy()
    sold = np.array([lately[product == name].sum() for name in product])
    expected = np.array([(own * of_shop)[product == name].sum() for name in product])
    raw = own * (sold + 1.0) / (expected + 1.0)
    by_hand = raw / np.array([raw[shops.rows == shop].sum() for shop in shops.rows])
    np.testing.assert_allclose(trending, by_hand, rtol=1e-4)
    # the first period ahead has phase 0, as the first one of 20 whole weeks
    week = slow[here & second][0]
    assert week.argmax() == 5
    assert week[5] > 1.8 * np.delete(week, 5).max()
