import numpy as np
import pandas as pd
import pytest

from forecasting.prophet import logistic
from forecasting.prophet.logistic import forecast_logistic
from forecasting.prophet.model import ProphetModel, Regressor
from stocktide.foundation.errors import Invalid

DAYS = pd.date_range("2023-01-01", periods=300)
AHEAD = pd.date_range("2023-10-28", periods=200)
MODEL = ProphetModel(growth="logistic", weekly_seasonality=False)


def curves(n: int) -> np.ndarray:
    t = np.arange(300)
    caps = 50.0 + 10 * np.arange(n)
    noise = np.random.default_rng(0).normal(0, 0.5, (n, 300))
    return np.asarray(caps[:, None] / (1 + np.exp(-(t - 200) / 30)) + noise)


def test_a_curve_bends_towards_its_cap() -> None:
    Y = curves(2)
    Y[1, 1:] = np.nan
    made = forecast_logistic(MODEL, DAYS, Y, AHEAD, cap=np.array([50.0, 60.0]))
    assert 46 < made[0, -1] <= 51
    np.testing.assert_array_equal(made[1], 0.0)


@pytest.mark.slow
def test_processes_give_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    Y, cap = curves(2), np.array([50.0, 60.0])
    one = forecast_logistic(MODEL, DAYS, Y, AHEAD, cap=cap, processes=1)
    monkeypatch.setattr(logistic, "SERIES_PER_PROCESS", 1)
    two = forecast_logistic(MODEL, DAYS, Y, AHEAD, cap=cap, processes=2)
    np.testing.assert_allclose(one, two)


@pytest.mark.parametrize(
    ("model", "cap", "says"),
    [
        (ProphetModel(), 50.0, "not 'linear'"),
        (MODEL, 0.0, "cap of row 0 is 0.0, which is not above its floor"),
        (ProphetModel(growth="logistic", regressors=(Regressor("p"),)), 50.0, "without regressors"),
    ],
)
def test_what_logistic_growth_cannot_do_is_refused(
    model: ProphetModel, cap: float, says: str
) -> None:
    with pytest.raises(Invalid, match=says):
        forecast_logistic(model, DAYS, curves(1), AHEAD, cap=np.array([cap]))
