import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from forecasting.nodes.demand_class import DEMAND_CLASSES, demand_classes, intervals_and_spread


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([5.0, 6, 5, 4] * 5, "smooth"),
        ([1.0, 30, 1, 1] * 5, "erratic"),
        ([0.0, 0, 3, 0] * 5, "intermittent"),
        ([0.0, 1, 0, 0, 0, 40, 0, 0, 1] * 5, "lumpy"),
        ([0.0] * 9, "intermittent"),
        ([np.nan] * 9, "intermittent"),
    ],
)
def test_demand_classes_are_named_by_hand(y: list[float], expected: str) -> None:
    assert list(demand_classes(np.array([y]))) == [expected]


def test_days_before_the_first_sale_and_unknown_days_do_not_count() -> None:
    interval, spread = intervals_and_spread(np.array([[0, 0, 2, 0, np.nan, 2, np.nan, 0]]))
    np.testing.assert_allclose(interval, [4 / 2])
    np.testing.assert_array_equal(spread, [0.0])


@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(1, 5), st.integers(0, 30)),
        elements=st.sampled_from([0.0, np.nan, 1.0, 7.0, 1e5]),
    ),
    st.sampled_from([1e-9, 3.0, 1e12]),
)
def test_every_series_has_a_class_that_does_not_depend_on_the_unit(
    Y: NDArray[np.float64], unit: float
) -> None:
    named = demand_classes(Y)
    assert set(named) <= set(DEMAND_CLASSES)
    assert list(demand_classes(Y * unit)) == list(named)
    assert list(demand_classes(Y[::-1])) == list(named[::-1])
