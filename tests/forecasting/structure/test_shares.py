import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from forecasting.structure.shares import mean_rate, probable_stockouts, recent_shares

SALES = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(1, 40)),
    elements=st.sampled_from([0.0, 0.0, 1.0, 2.0, 30.0]),
)


def stockouts_one_by_one(units: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> set[int]:
    """A slow reference: walk each run of zeros of one leaf."""
    found: set[int] = set()
    sold = np.flatnonzero(units > 0)
    for before, after in itertools.pairwise(sold):
        rate = units[sold[0] :].mean()
        if (after - before - 1) * rate > 8:
            found |= set(range(before + 1, after))
    return found


@given(SALES)
def test_probable_stockouts_are_those_of_a_walk_over_the_runs(
    units: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> None:
    marked = probable_stockouts(units)
    for row, leaf in zip(marked, units, strict=True):
        assert set(np.flatnonzero(row).tolist()) == stockouts_one_by_one(leaf)


def test_a_run_that_still_lasts_is_no_stockout() -> None:
    units = np.array([[5.0] * 10 + [0.0] * 10, [5.0] * 10 + [0.0] * 9 + [5.0]])
    marked = probable_stockouts(units)
    assert not marked[0].any()
    assert marked[1].sum() == 9


def test_the_rate_counts_from_the_first_sale() -> None:
    np.testing.assert_allclose(mean_rate(np.array([[0.0, 0, 4, 0], [0, 0, 0, 0]])), [2.0, 0.0])


@given(SALES, st.data())
def test_shares_sum_to_one_in_each_group_whatever_is_known(
    units: np.ndarray[tuple[int, ...], np.dtype[np.float64]], data: st.DataObject
) -> None:
    m = units.shape[0]
    group = np.sort(data.draw(hnp.arrays(np.int64, m, elements=st.integers(0, 2))))
    group = np.unique(group, return_inverse=True)[1].astype(np.int64)
    observed = data.draw(hnp.arrays(np.bool_, units.shape))
    shares = recent_shares(units, group, observed, 7.0)
    assert (shares >= 0).all()
    np.testing.assert_allclose(np.bincount(group, weights=shares), 1.0, rtol=1e-9)
    np.testing.assert_allclose(recent_shares(units * 1e3, group, observed, 7.0), shares, rtol=1e-9)
    order = np.argsort(data.draw(st.permutations(range(m))))
    mixed = recent_shares(units[order], group[order], observed[order], 7.0)
    np.testing.assert_allclose(mixed, shares[order], rtol=1e-9)


def test_recent_days_count_double_per_half_life_and_masked_days_not_at_all() -> None:
    units = np.array([[4.0, 0.0], [0.0, 4.0]])
    group = np.zeros(2, dtype=np.int64)
    every = np.ones((2, 2), dtype=bool)
    np.testing.assert_allclose(recent_shares(units, group, every, 1.0), [1 / 3, 2 / 3])
    # The first leaf was out of stock on the second day: on the day that it was there it took all.
    seen = np.array([[True, False], [True, True]])
    np.testing.assert_allclose(recent_shares(units, group, seen, 1.0), [0.6, 0.4])


def test_a_group_that_is_not_known_is_split_evenly() -> None:
    group = np.array([0, 0, 1])
    shares = recent_shares(np.zeros((3, 5)), group, np.ones((3, 5), dtype=bool))
    np.testing.assert_array_equal(shares, [0.5, 0.5, 1.0])
    none = recent_shares(np.zeros((3, 0)), group, np.ones((3, 0), dtype=bool))
    np.testing.assert_array_equal(none, [0.5, 0.5, 1.0])
