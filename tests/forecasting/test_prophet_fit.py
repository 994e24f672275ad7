from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.nodes import prophet_fit
from forecasting.nodes.closures import country_holidays
from forecasting.nodes.prophet_fit import fit_nodes, node_components
from forecasting.quiet_prophet import quiet_prophet

DAYS = pd.date_range("2024-01-01", periods=200)


def weekly_series(seed: int = 0, days: pd.DatetimeIndex = DAYS) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    t = np.arange(days.size)
    y = 20 + 0.05 * t + 5 * np.sin(2 * np.pi * t / 7) + rng.normal(0, 1, days.size)
    return np.asarray(y)


def test_every_odd_series_has_a_defined_forecast_and_a_code() -> None:
    nan = np.nan
    Y = np.full((6, 200), nan)
    Y[0] = weekly_series()
    Y[2] = 0.0
    Y[3, 150] = 4.0
    Y[4, 100:] = 3.0
    Y[5, -2:] = [1.0, 5.0]
    fits = fit_nodes(Y, DAYS, horizon=5)
    assert fits.warnings == (None, "no_history", "all_zero", "too_short", "constant", "few_days")
    np.testing.assert_array_equal(
        fits.yhat[1:5], np.array([[0.0], [0], [4 / 28], [3]]) * np.ones(5)
    )
    assert np.isfinite(fits.yhat).all()
    assert np.isnan(fits.fitted[4, :100]).all()
    np.testing.assert_array_equal(fits.fitted[4, 100:], 3.0)


def test_forecasts_are_never_negative() -> None:
    Y = np.maximum(50 - 0.5 * np.arange(200) + weekly_series(1) - 20, 0)[None, :]
    assert (fit_nodes(Y, DAYS, horizon=60).yhat >= 0).all()


def test_a_fit_follows_trend_and_week_and_is_the_same_alone_or_in_a_batch() -> None:
    Y = np.stack([weekly_series(seed) for seed in range(4)])
    Y[1, :50] = np.nan
    Y[2, 30] = np.nan
    fits = fit_nodes(Y, DAYS, horizon=14)
    t = np.arange(200, 214)
    assert np.abs(fits.yhat[0] - (20 + 0.05 * t + 5 * np.sin(2 * np.pi * t / 7))).max() < 1.5
    for row in range(4):
        alone = fit_nodes(Y[row : row + 1], DAYS, horizon=14)
        np.testing.assert_allclose(fits.yhat[row], alone.yhat[0], rtol=1e-9)
        np.testing.assert_allclose(fits.fitted[row], alone.fitted[0], rtol=1e-9)
    assert np.isnan(fits.fitted[1, :50]).all()
    assert np.isfinite(fits.fitted[2]).all()


def test_a_holiday_moves_its_own_day() -> None:
    days = pd.date_range("2022-01-01", "2024-12-20")
    y = weekly_series(3, days)
    christmas = (days.month == 12) & (days.day == 25)
    y[christmas] += 60
    names = country_holidays("GB", range(2022, 2025))
    fits = fit_nodes(y[None, :], days, horizon=8, holiday_names=names)
    assert fits.yhat[0, 4] > fits.yhat[0, [0, 1, 2, 3]].max() + 20


def test_a_yearly_season_is_fitted_only_when_it_was_seen_well() -> None:
    t = np.arange(900)
    days = pd.date_range("2022-01-01", periods=900)
    season = 30 * np.sin(2 * np.pi * t / 365.25)
    y = 100 + season + np.random.default_rng(0).normal(0, 1, 900)
    long = fit_nodes(y[None, :], days, horizon=60).yhat[0]
    ahead = 100 + 30 * np.sin(2 * np.pi * np.arange(900, 960) / 365.25)
    flat = fit_nodes(y[None, -500:], days[-500:], horizon=60).yhat[0]
    assert np.abs(long - ahead).mean() < np.abs(flat - ahead).mean() / 2


def test_the_parts_of_a_forecast_add_up_to_it() -> None:
    days = pd.date_range("2022-01-01", periods=900)
    Y = np.stack([weekly_series(seed, days) for seed in range(3)])
    ahead = pd.date_range(days[-1] + pd.Timedelta(days=1), periods=28)
    for mode, target in (
        ("additive", "identity"),
        ("multiplicative", "identity"),
        ("additive", "log1p"),
    ):
        made = fit_nodes(Y, days, horizon=28, seasonality_mode=mode, target=target)  # type: ignore[arg-type]
        parts = node_components(made, ahead)
        assert list(parts) == ["trend", "weekly", "yearly"]
        np.testing.assert_allclose(sum(parts.values()), made.yhat, rtol=1e-9)


def test_a_runaway_trend_is_held() -> None:
    Y = np.exp(np.linspace(0, 8, 200))[None, :]
    made = fit_nodes(Y, DAYS, horizon=365, target="log1p")
    assert made.yhat.max() <= 10 * Y.max()


def library_forecast(
    y: NDArray[np.float64], days: pd.DatetimeIndex, horizon: int, *, yearly: bool
) -> NDArray[np.float64]:
    with quiet_prophet():
        from prophet import Prophet

        model = Prophet(
            changepoint_prior_scale=prophet_fit.CHANGEPOINT_PRIOR,
            yearly_seasonality=False,
            daily_seasonality=False,
            uncertainty_samples=0,
        )
        if yearly:
            model.add_seasonality("yearly", 365.25, 3, prior_scale=0.05)
        model.fit(pd.DataFrame({"ds": days, "y": y}), seed=1)
        forecast = model.predict(model.make_future_dataframe(horizon, include_history=False))
    return np.asarray(forecast["yhat"])


def test_the_batch_agrees_with_the_prophet_library() -> None:
    y = weekly_series(9)
    ours = fit_nodes(y[None, :], DAYS, horizon=28).yhat[0]
    theirs = library_forecast(y, DAYS, 28, yearly=False)
    np.testing.assert_allclose(ours, theirs, rtol=0.02)


def test_the_batch_agrees_with_the_prophet_library_on_its_own_example(test_data: Path) -> None:
    frame = pd.read_csv(
        test_data / "prophet" / "example_wp_log_peyton_manning.csv", parse_dates=["ds"]
    )
    frame = frame.iloc[-1200:]
    days = pd.date_range(frame["ds"].min(), frame["ds"].max())
    y = frame.set_index("ds")["y"].reindex(days).to_numpy()
    ours = fit_nodes(y[None, :], days, horizon=28).yhat[0]
    theirs = library_forecast(y, days, 28, yearly=True)
    np.testing.assert_allclose(ours, theirs, rtol=0.02)
