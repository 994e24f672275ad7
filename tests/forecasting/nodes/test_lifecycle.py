import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from forecasting.nodes.lifecycle import (
    discontinued,
    first_sale,
    learn_starts,
    learned_ramp,
    like_for_like,
    partly_young,
    unusual_starts,
    wholly_young,
    with_starts,
    young,
)
from forecasting.structure.hierarchy import Hierarchy
from tests.forecasting.hierarchies import CROSSED, hierarchies

UNITS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(1, 90)),
    elements=st.sampled_from([0.0, 0.0, 1.0, 5.0]),
)


def days(*parts: tuple[float, int]) -> list[float]:
    return [value for value, times in parts for _ in range(times)]


def ended_of(units: NDArray[np.float64]) -> NDArray[np.bool_]:
    return discontinued(units, np.zeros(units.shape, dtype=np.bool_))


def cold_start(
    mean: NDArray[np.float64], units: NDArray[np.float64], group: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the forecasts (m, h) with young leaves replaced, and which leaves these are, (m,)."""
    starts = learn_starts(units, group, mean.shape[1])
    return with_starts(mean, starts), np.isin(np.arange(group.size), starts.leaves)


def test_a_product_that_sold_daily_and_stopped_for_a_month_has_ended() -> None:
    units = np.array(
        [
            days((5.0, 170), (0.0, 30)),  # ended
            days((5.0, 190), (0.0, 10)),  # quiet for ten days
            days((0.0, 200)),  # never started
            ([1.0] + [0.0] * 19) * 8 + [0.0] * 40,  # once in 20 days: two sales missed say nothing
        ]
    )
    assert ended_of(units).tolist() == [True, False, False, False]


def test_a_shelf_that_is_known_to_be_empty_does_not_end_a_product() -> None:
    units = np.array([days((5.0, 160), (0.0, 40))])
    empty = np.zeros(units.shape, dtype=np.bool_)
    empty[0, 160:188] = True
    assert not discontinued(units, empty).any()
    # Sold out, filled up, and still not wanted for four weeks.
    empty[0, 172:] = False
    assert discontinued(units, empty).all()


def test_christmas_goods_do_not_end_in_january() -> None:
    year = days((0.0, 325), (3.0, 40))
    units = np.array([[*year, *year, *days((0.0, 200))], [*year, *days((0.0, 565))]])
    # The second one sold at one Christmas and missed the next.
    assert ended_of(units).tolist() == [False, True]


@given(UNITS)
def test_lives_do_not_depend_on_unit_or_order(units: NDArray[np.float64]) -> None:
    ended = ended_of(units)
    np.testing.assert_array_equal(ended_of(units * 1e-3), ended)
    np.testing.assert_array_equal(ended_of(units[::-1]), ended[::-1])
    assert not (ended & young(units, np.zeros(len(units), dtype=np.int64))).any()
    assert ((first_sale(units) == units.shape[1]) == (units.sum(axis=1) == 0)).all()


def test_a_young_leaf_takes_its_share_of_its_siblings_forecast() -> None:
    T, h = 120, 14
    units = np.full((3, T), 10.0)
    units[2, :-14], units[2, -14:] = 0.0, 5.0
    mean = np.array([[10.0] * h, [14.0] * h, [99.0] * h])
    forecast, starts = cold_start(mean, units, np.zeros(3, dtype=np.int64))
    assert starts.tolist() == [False, False, True]
    np.testing.assert_array_equal(forecast[:2], mean[:2])
    # 70 sold beside 280 in two weeks, held to the median share of 1/2 over a week of 140: 140 / 420 of 24 a day.
    np.testing.assert_allclose(forecast[2], 24 * (70 + 70) / (280 + 140))
    assert mean[2, 0] == 99.0


def test_a_leaf_without_grown_siblings_keeps_its_own_forecast() -> None:
    units = np.zeros((2, 100))
    units[0, -5:], units[1] = 3.0, 8.0
    mean = np.ones((2, 7))
    for group in (np.array([0, 1]), np.array([1, 0])):
        forecast, starts = cold_start(mean, units, group)
        assert not starts.any()
        np.testing.assert_array_equal(forecast, mean)


def test_the_ramp_is_learnt_from_earlier_starts() -> None:
    T = 300
    sold = np.full((1, T), 100.0)
    units = np.zeros((13, T))
    # Large enough that the starts do not move the total that they are shares of.
    units[0] = 1e6
    for leaf in range(1, 12):
        start = 30 + 10 * leaf
        units[leaf, start:] = 10.0
        units[leaf, start : start + 7] = 5.0
    group = np.zeros(13, dtype=np.int64)
    np.testing.assert_allclose(learned_ramp(units, sold, group), [0.5, 1, 1, 1, 1])
    np.testing.assert_array_equal(learned_ramp(units[:5], sold, group[:5]), 1.0)
    units[12, -1] = 5.0
    forecast, starts = cold_start(np.full((13, 28), 7.0), units, group)
    assert starts.sum() == 1
    # Its first week has six days to come; then it is a grown share, twice as high.
    np.testing.assert_allclose(forecast[12, 6:] / forecast[12, 5], 2.0, rtol=1e-3)


@given(UNITS, st.sampled_from([1e-3, 40.0]))
def test_cold_starts_are_finite_not_negative_and_scale_with_the_unit(
    units: NDArray[np.float64], unit: float
) -> None:
    group = np.arange(len(units)) % 2
    group = np.unique(group, return_inverse=True)[1]
    mean = np.ones((len(units), 9))
    forecast, starts = cold_start(mean, units, group)
    assert np.isfinite(forecast).all()
    assert (forecast >= 0).all()
    scaled, same = cold_start(mean * unit, units * unit, group)
    np.testing.assert_array_equal(starts, same)
    np.testing.assert_allclose(scaled, forecast * unit)


@given(hierarchies(levels=CROSSED), st.data())
def test_sums_are_like_for_like_without_the_leaves_that_start(
    hierarchy: Hierarchy, data: st.DataObject
) -> None:
    m = hierarchy.n_leaves
    units = data.draw(hnp.arrays(np.float64, (m, 5), elements=st.integers(0, 9).map(float)))
    starting = data.draw(hnp.arrays(np.bool_, m))
    summed = hierarchy.sum_leaves(units)
    made = like_for_like(hierarchy, summed, units, starting)
    grown = hierarchy.sum_leaves(np.where(starting[:, None], 0.0, units))
    partly, wholly = partly_young(hierarchy, starting), wholly_young(hierarchy, starting)
    np.testing.assert_array_equal(made[partly], grown[partly])
    np.testing.assert_array_equal(made[~partly], summed[~partly])
    assert not grown[wholly].any()
    np.testing.assert_array_equal(wholly[-m:], starting)
    assert not partly[-m:].any()


def test_starts_are_unusual_where_no_month_of_the_year_had_so_many() -> None:
    T = 400
    units = np.zeros((16, T))
    units[0] = 100.0
    for leaf in range(1, 14):  # one a month, and each sells 10 a day
        units[leaf, 10 + 28 * leaf :] = 10.0
    starting = young(units, np.zeros(16, dtype=np.int64))
    assert starting.sum() == 1
    assert not unusual_starts(units, starting)
    units[14, -20:] = 90.0
    starting = young(units, np.zeros(16, dtype=np.int64))
    assert starting.sum() == 2
    assert unusual_starts(units, starting)
    assert not unusual_starts(units, np.zeros(16, dtype=np.bool_))


def test_the_beginning_of_a_history_is_no_month_of_starts() -> None:
    units = np.full((2, 120), 5.0)
    units[1, :-7] = 0.0
    assert unusual_starts(units, np.array([False, True]))
