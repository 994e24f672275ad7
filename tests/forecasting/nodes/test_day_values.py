import numpy as np
import pytest

from forecasting.nodes import day_values
from forecasting.nodes.day_values import DaySums, filled_forward, realised_periods
from forecasting.nodes.plans import Periods

NAN = np.nan


def test_last_known_value_is_carried_forward() -> None:
    values = np.array([[NAN, 1.0, NAN, 2.0, NAN], [NAN] * 5])
    expected = np.array([[NAN, 1.0, 1.0, 2.0, 2.0], [NAN] * 5])
    np.testing.assert_array_equal(filled_forward(values), expected)


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_prices_and_promotions_are_means_of_pairs_then_of_days(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(day_values, "LEAVES_AT_ONCE", at_once)
    sums = DaySums.empty(3, 6)
    leaf = np.array([0, 0, 0, 2, 2, 0])
    day = np.array([1, 1, 3, 0, 4, 4])
    price = np.array([1.0, 3.0, -1.0, 0.5, NAN, NAN], np.float32)
    promotion = np.array([False, False, True, False, True, False])
    sums.add(leaf, day, price, promotion)
    prices, promotions, rest = realised_periods(sums, Periods(0, np.array([2, 2, 2])))
    # leaf 0 by day: -, 2, 2, -1 on promotion, -1, -1
    np.testing.assert_allclose(prices, np.array([[1, 0.5, -1], [0, 0, 0], [0.5, 0.5, 0.5]]))
    np.testing.assert_allclose(promotions, np.array([[0, 0.5, 0], [0, 0, 0], [0, 0, 1]]))
    np.testing.assert_allclose(rest, np.array([[2, 2, 2], [0, 0, 0], [0.5, 0.5, 0.5]]))
