import numpy as np
import pandas as pd

from forecasting.nodes.members import Part, forecast_members
from forecasting.nodes.recent_level import window_ratio
from forecasting.prophet.fit import fit_series
from forecasting.prophet.model import ProphetModel
from forecasting.prophet.predict import forecast

DAYS = pd.date_range("2023-01-01", periods=300)
AHEAD = pd.date_range(DAYS[-1] + pd.Timedelta(days=1), periods=14)


def level_shift() -> np.ndarray:
    rng = np.random.default_rng(0)
    y = rng.poisson(50, (3, 300)).astype(np.float64)
    y[:, -28:] += 25
    return y


def test_each_member_forecasts_all_rows_by_the_parts_own_models() -> None:
    Y = level_shift()
    log, plain = ProphetModel(target="log1p"), ProphetModel()
    made = forecast_members(
        Y,
        DAYS,
        AHEAD,
        [
            [Part(np.array([0, 2]), log), Part(np.array([1]), plain)],
            [Part(np.arange(3), plain)],
        ],
    )
    assert made.shape == (2, 3, 14)
    alone = forecast(plain, fit_series(plain, DAYS, Y), AHEAD)
    np.testing.assert_allclose(made[1], alone, rtol=1e-6)
    np.testing.assert_allclose(made[0, 1], alone[1], rtol=1e-4)
    np.testing.assert_allclose(
        made[0, 0], forecast(log, fit_series(log, DAYS, Y), AHEAD)[0], rtol=1e-4
    )


def test_the_recent_level_is_made_good() -> None:
    Y = level_shift()
    stiff = ProphetModel(n_changepoints=0, target="log1p")
    corrected = ProphetModel(n_changepoints=0, target="log1p", level_windows_days=(7, 14))
    late, right = forecast_members(
        Y, DAYS, AHEAD, [[Part(np.arange(3), stiff)], [Part(np.arange(3), corrected)]]
    )
    assert np.abs(right.mean() - 75) < 5
    assert late.mean() < 68


def test_window_ratio_averages_windows_and_skips_what_is_unknown() -> None:
    Y = np.array([[1.0, 1, 4, np.nan], [0, 0, 0, 0], [2, 2, 2, 2]])
    fitted = np.array([[1.0, 1, 2, 9], [0, 0, 0, 0], [1, 1, 1, 1]])
    np.testing.assert_allclose(window_ratio(Y, fitted, (2, 4)), [(2.0 + 6 / 4) / 2, 1.0, 2.0])
