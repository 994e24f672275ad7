import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from forecasting.baselines.theta import ALPHA, slope, smooth_level, theta
from tests.forecasting.libraries import DATA, library
from tests.real_data import REAL_DATA_ABSENT

HORIZON = 9


def reference(y: NDArray[np.float64], horizon: int) -> NDArray[np.float64]:
    """Theta without season by the textbook: level by a search over alpha and its start, half of the fitted slope."""

    def errors(alpha: float, start: float) -> tuple[float, float]:
        level, total = start, 0.0
        for value in y:
            total += (value - level) ** 2
            level += alpha * (value - level)
        return total, level

    def best_start(alpha: float) -> float:
        return float(minimize_scalar(lambda l0: errors(alpha, l0)[0]).x)

    def least(alpha: float) -> float:
        return errors(alpha, best_start(alpha))[0]

    near = min(np.linspace(*ALPHA, 60), key=least)
    bounds = (max(near - 0.02, ALPHA[0]), min(near + 0.02, ALPHA[1]))
    alpha = float(minimize_scalar(least, bounds=bounds, method="bounded").x)
    level = errors(alpha, best_start(alpha))[1]
    half = np.polyfit(np.arange(y.size), y, 1)[0] / 2
    drift = np.arange(horizon) + (1 - (1 - alpha) ** y.size) / alpha
    return np.asarray(level + half * drift)


def test_theta_equals_a_slow_reference() -> None:
    rng = np.random.default_rng(2)
    Y = 50 + rng.normal(size=(4, 40)).cumsum(axis=1) + rng.normal(size=(4, 40)) * 2
    Y[1] += np.arange(40) * 0.8
    expected = np.stack([reference(y, HORIZON) for y in Y])
    np.testing.assert_allclose(theta(Y, HORIZON), expected, rtol=2e-3)


def test_theta_is_close_to_statsforecasts() -> None:
    """It chooses alpha by the errors of Theta, we by those of the smoothing, as Hyndman & Billah do."""
    rng = np.random.default_rng(6)
    t = np.arange(96)
    season = np.array([0.7, 1, 1.4, 0.9])[t % 4]
    Y = (40 + rng.normal(size=(20, 96)).cumsum(axis=1)) * season + rng.normal(size=(20, 96))
    model = library("statsforecast.models").Theta(season_length=4)
    theirs = np.stack([model.forecast(y=y, h=8)["mean"] for y in Y])
    gap = np.abs(theta(Y, 8, 4) - theirs).mean(axis=1) / theirs.mean(axis=1)
    assert np.median(gap) < 0.002
    assert gap.max() < 0.03


@pytest.mark.skipif(
    not (DATA / "m3_monthly" / "values.parquet").exists(),
    reason=f"{REAL_DATA_ABSENT}: set STOCKTIDE_TEST_DATA to the folder that holds m3_monthly/",
)
def test_theta_errs_on_m3_as_published() -> None:
    values = pd.read_parquet(DATA / "m3_monthly" / "values.parquet")
    wide = values.assign(
        back=values.groupby("series")["period"].transform("max") - values["period"]
    )
    Y = wide.pivot(index="series", columns="back", values="y").to_numpy()[:, ::-1].astype(float)
    made, came = theta(Y[:, :-18], 18, 12), Y[:, -18:]
    smape = 200 * (np.abs(made - came) / (np.abs(made) + np.abs(came))).mean()
    # Theta in the competition: 13.89.
    assert smape == pytest.approx(13.89, abs=0.1)


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(np.float64, (3, 33), elements=st.sampled_from([np.nan, 0.0, 1.0, 4.0, 9.0])),
    st.sampled_from([1, 4, 7]),
)
def test_many_at_once_equal_one_by_one(Y: NDArray[np.float64], season: int) -> None:
    together = theta(Y, 5, season)
    assert np.isfinite(together).all()
    alone = np.concatenate([theta(row[None], 5, season) for row in Y])
    np.testing.assert_allclose(together, alone, rtol=1e-9, atol=1e-9)


def test_a_late_start_changes_nothing_and_a_gap_carries_the_level() -> None:
    y = np.random.default_rng(1).gamma(4.0, size=(1, 60))
    late = np.concatenate([np.full((1, 14), np.nan), y], axis=1)
    np.testing.assert_allclose(theta(late, 5, 7), theta(y, 5, 7), rtol=1e-9)
    ended = np.concatenate([y, np.full((1, 6), np.nan)], axis=1)
    np.testing.assert_allclose(theta(ended, 5), theta(y, 5), rtol=1e-9)
    assert theta(np.full((1, 9), np.nan), 2).tolist() == [[0.0, 0.0]]


def test_slope_and_level_of_a_line() -> None:
    y = 3.0 + 2.0 * np.arange(10.0)[:, None]
    known = np.ones_like(y)
    known[4] = 0.0
    assert slope(y * known, known)[0] == pytest.approx(2.0)
    errors, level = smooth_level(np.full((6, 1), 7.0), np.ones((6, 1)), np.array([[0.3]]))
    assert errors[0, 0] == pytest.approx(0.0, abs=1e-9)
    assert level[0, 0] == pytest.approx(7.0)
