import numpy as np

from forecasting.intervals.stretch import QUANTILES, HeldOut, error_shape, quantiles_of, stretch


def test_error_shape_holds_each_nodes_own_quantiles() -> None:
    Y = np.random.default_rng(0).normal(0.0, [[1.0], [5.0]], size=(2, 365))
    shape = error_shape(Y, np.zeros_like(Y))
    np.testing.assert_allclose(shape[:, 0], np.quantile(Y, 0.025, axis=1))
    assert (np.diff(shape, axis=1) > 0).all()


def test_error_shape_is_that_of_the_known_days_of_each_row() -> None:
    rng = np.random.default_rng(3)
    Y = rng.normal(size=(40, 60))
    Y[rng.random(Y.shape) < rng.random((40, 1))] = np.nan
    Y[0, 1:], Y[0, 0] = np.nan, 2.0
    shape = error_shape(Y, np.zeros_like(Y))
    known = np.isfinite(Y).any(axis=1)
    slow = np.nanquantile(Y[known], QUANTILES, axis=1).T
    low, high = np.array(QUANTILES) < 0.5, np.array(QUANTILES) > 0.5
    np.testing.assert_allclose(shape[known][:, low], np.minimum(slow[:, low], 0.0), atol=1e-12)
    np.testing.assert_allclose(shape[known][:, high], np.maximum(slow[:, high], 0.0), atol=1e-12)
    assert not shape[~known].any()


def test_error_shape_is_zero_when_nothing_is_known() -> None:
    assert not error_shape(np.full((1, 30), np.nan), np.full((1, 30), np.nan)).any()


def test_stretch_makes_held_out_coverage_true() -> None:
    rng = np.random.default_rng(1)
    shape = np.tile(np.quantile(rng.normal(size=10_000), QUANTILES), (50, 1))
    actual = 100 + 2 * rng.normal(size=(50, 200))
    origin = HeldOut(actual=actual, mean=np.full((50, 200), 100.0), shape=shape)
    factors = stretch([origin], np.zeros(50, dtype=np.int64))
    placed = quantiles_of(origin.mean, shape, factors)
    fresh = 100 + 2 * rng.normal(size=(50, 200))
    inside = (fresh >= placed[:, :, 0]) & (fresh <= placed[:, :, -1])
    assert abs(inside.mean() - 0.95) < 0.01


def test_a_level_with_few_errors_is_never_narrowed() -> None:
    shape = np.linspace(-9.0, 9.0, len(QUANTILES))[None]
    origin = HeldOut(actual=np.full((1, 28), 10.0), mean=np.full((1, 28), 10.0), shape=shape)
    np.testing.assert_array_equal(stretch([origin], np.zeros(1, dtype=np.int64)), 1.0)
    np.testing.assert_array_equal(stretch([], np.zeros(1, dtype=np.int64)), 1.0)


def test_quantiles_rise_and_are_never_negative() -> None:
    rng = np.random.default_rng(2)
    shape = np.sort(rng.normal(size=(20, len(QUANTILES))), axis=1)
    factors = rng.uniform(0.5, 3, size=shape.shape)
    placed = quantiles_of(rng.gamma(0.3, size=(20, 5)), shape, factors)
    assert (placed >= 0).all()
    assert (np.diff(placed, axis=2) >= 0).all()
