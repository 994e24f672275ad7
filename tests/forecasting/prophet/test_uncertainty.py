import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from forecasting.prophet.fit import fit_series
from forecasting.prophet.fits import Fits
from forecasting.prophet.model import Growth, ProphetModel
from forecasting.prophet.predict import forecast
from forecasting.prophet.uncertainty import quantiles, sample_drift
from forecasting.quiet_prophet import quiet_prophet

Array = NDArray[np.float64]
DAYS = pd.date_range("2021-01-01", periods=900)
AHEAD = pd.date_range(DAYS[-1] + pd.Timedelta(days=1), periods=60)
LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)


def restless(seed: int = 0) -> Array:
    """A trend that changes often, so that its future does too."""
    rng = np.random.default_rng(seed)
    slope = np.where(rng.random(900) < 0.02, rng.laplace(0, 0.3, 900), 0).cumsum()
    return np.asarray(300 + slope.cumsum() + rng.normal(0, 3, 900))


def placed(model: ProphetModel, y: Array) -> tuple[Fits, Array, Array]:
    fits = fit_series(model, DAYS, y)
    yhat = forecast(model, fits, AHEAD)
    return fits, yhat, quantiles(model, fits, AHEAD, yhat, LEVELS, rng=np.random.default_rng(0))


def test_quantiles_are_those_of_the_librarys_own_samples() -> None:
    from prophet import Prophet

    y = restless()
    _, yhat, ours = placed(ProphetModel(), y[None])
    with quiet_prophet():
        made = Prophet(uncertainty_samples=20_000).fit(pd.DataFrame({"ds": DAYS, "y": y}), seed=1)
        samples = made.predictive_samples(pd.DataFrame({"ds": AHEAD}))["yhat"]
    theirs = np.quantile(samples, LEVELS, axis=1).T - samples.mean(axis=1, keepdims=True)
    spread = theirs[:, -1] - theirs[:, 0]
    off = np.abs(ours[0] - yhat[0][:, None] - theirs) / spread[:, None]
    assert off.max() < 0.06


def test_quantiles_rise_and_widen_with_the_horizon() -> None:
    _, _, ours = placed(ProphetModel(), restless()[None])
    assert (np.diff(ours[0], axis=1) > 0).all()
    width = ours[0][:, -1] - ours[0][:, 0]
    assert width[-1] > 1.5 * width[0]


def test_many_histories_are_looked_up_as_each_alone() -> None:
    Y = np.stack([restless(seed) for seed in range(20)])
    for row in range(20):
        Y[row, : row * 25] = np.nan
    _, _, together = placed(ProphetModel(), Y)
    for row in (0, 7, 19):
        _, _, alone = placed(ProphetModel(), Y[row : row + 1])
        width = alone[0][:, -1] - alone[0][:, 0]
        assert (np.abs(together[row] - alone[0]) / width[:, None]).max() < 0.05


@pytest.mark.parametrize("growth", ["flat", "linear"])
def test_a_calm_trend_leaves_only_noise(growth: Growth) -> None:
    y = np.random.default_rng(0).normal(100, 2, (1, 900))
    model = ProphetModel(growth=growth, weekly_seasonality=False, yearly_seasonality=False)
    fits, yhat, ours = placed(model, y)
    sd = float(np.sqrt(fits.variance[0]) * fits.scale[0])
    np.testing.assert_allclose(ours[0, :, -1] - yhat[0], 1.96 * sd, rtol=0.05)


def test_a_logarithmic_target_gives_skewed_positive_quantiles() -> None:
    y = np.random.default_rng(0).lognormal(1, 0.5, (1, 900))
    model = ProphetModel(target="log1p", scaling="none", yearly_seasonality=False)
    _, yhat, ours = placed(model, y)
    assert (ours > -1).all()
    assert (ours[0, :, -1] - yhat[0] > yhat[0] - ours[0, :, 0]).all()


def test_the_drift_has_the_variance_of_its_formula() -> None:
    drift = sample_drift(0.2, 30, 200_000, np.random.default_rng(0))
    expected = 2 * 0.2 * np.cumsum((np.arange(1, 31) - 0.5) ** 2)
    np.testing.assert_allclose(drift.var(axis=0), expected, rtol=0.05)
