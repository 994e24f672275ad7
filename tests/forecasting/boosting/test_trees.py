import numpy as np
import pytest
from numpy.typing import NDArray

from forecasting.boosting import trees
from forecasting.boosting.trees import (
    FACTOR_MAX,
    FACTOR_MIN,
    TREES_MAX,
    Rows,
    factors,
    grow,
    losses,
    refuse_missing,
)
from stocktide.foundation.errors import Invalid

SIZE = 4_000


def rows_of(effect: float, *, seed: int, noise: bool = True) -> Rows:
    """Draw rows whose first feature moves demand by e^effect, and whose second one says nothing."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(SIZE, 2)).astype(np.float32)
    start = rng.uniform(0.5, 20.0, SIZE)
    mean = start * np.exp(effect * (X[:, 0] > 0))
    came = rng.poisson(mean).astype(np.float64) if noise else mean
    return Rows(X, start, came, np.ones(SIZE), np.zeros(SIZE, dtype=np.int64))


def deviance(came: NDArray[np.float64], said: NDArray[np.float64]) -> float:
    log = np.where(came > 0, came * np.log(np.where(came > 0, came, 1.0) / said), 0.0)
    return float((log - came + said).mean())


def test_trees_find_what_moves_demand_and_start_from_the_forecast() -> None:
    rows = rows_of(0.5, seed=1)
    made = factors(grow(rows, TREES_MAX), rows.X)
    up = rows.X[:, 0] > 0
    assert np.median(made[up]) == pytest.approx(np.exp(0.5), rel=0.03)
    assert np.median(made[~up]) == pytest.approx(1.0, rel=0.03)


def test_forecasts_that_were_right_are_not_moved() -> None:
    rows = rows_of(0.0, seed=2, noise=False)
    np.testing.assert_allclose(factors(grow(rows, 20), rows.X), 1.0, atol=1e-6)


@pytest.mark.parametrize(("effect", "bound"), [(3.0, FACTOR_MAX), (-3.0, FACTOR_MIN)])
def test_no_forecast_is_moved_beyond_the_bounds(effect: float, bound: float) -> None:
    rows = rows_of(effect, seed=3)
    made = factors(grow(rows, TREES_MAX), rows.X)
    assert FACTOR_MIN <= made.min() <= made.max() <= FACTOR_MAX
    assert np.median(made[rows.X[:, 0] > 0]) == pytest.approx(bound)


def test_losses_are_the_deviance_saved_as_a_share_of_the_start() -> None:
    rows, tested = rows_of(0.5, seed=4), rows_of(0.5, seed=5)
    curve = losses(rows, tested)
    assert curve.shape == (1 + TREES_MAX,)
    assert curve[0] == 0.0
    few = 5
    own = deviance(tested.came, tested.start)
    grown = deviance(tested.came, tested.start * factors(grow(rows, few), tested.X))
    assert curve[few] == pytest.approx((grown - own) / own, abs=1e-6)
    assert curve[few] < -0.1


def test_trees_that_fit_noise_raise_the_loss_on_other_rows() -> None:
    curve = losses(rows_of(0.0, seed=6), rows_of(0.0, seed=7))
    assert curve[-1] > 0


def test_the_same_rows_grow_the_same_trees() -> None:
    assert grow(rows_of(0.5, seed=8), 10) == grow(rows_of(0.5, seed=8), 10)


def test_without_lightgbm_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_missing()
    monkeypatch.setattr(trees, "find_spec", lambda _name: None)
    with pytest.raises(Invalid, match=r'pip install "stocktide\[boost\]"'):
        refuse_missing()
