import numpy as np

from forecasting.nodes.recent_level import FACTOR_MAX, recent_level


def test_a_level_that_the_fit_missed_is_made_good() -> None:
    factor = recent_level(np.full((1, 100), 15.0), np.full((1, 100), 10.0))
    assert 1.4 < factor[0] < 1.5


def test_nothing_changes_when_the_fit_was_right_or_nothing_is_known() -> None:
    right = recent_level(np.full((1, 100), 10.0), np.full((1, 100), 10.0))
    unknown = recent_level(np.full((1, 100), np.nan), np.full((1, 100), 10.0))
    zero = recent_level(np.zeros((1, 100)), np.zeros((1, 100)))
    np.testing.assert_allclose([right[0], unknown[0], zero[0]], 1.0)


def test_one_sale_hardly_moves_a_quiet_shelf() -> None:
    Y = np.zeros((1, 100))
    Y[0, -5] = 1.0
    assert recent_level(Y, np.full((1, 100), 0.01))[0] < FACTOR_MAX
    assert recent_level(np.full((1, 100), 50.0), np.full((1, 100), 1.0))[0] == FACTOR_MAX


def test_a_product_that_stopped_selling_sinks() -> None:
    Y = np.full((1, 100), 10.0)
    Y[0, -42:] = 0.0
    assert recent_level(Y, np.full((1, 100), 10.0))[0] < 0.5
