from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import forecasting
from forecasting import ProphetModel, Regressor, fit_frame, load_fits
from stocktide.foundation.errors import Invalid

DAYS = pd.date_range("2024-01-01", periods=200)


def frame(*, promo: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    on = (rng.random((3, 200)) < 0.1) * 1.0
    y = rng.poisson(20 + 10 * on * np.array([[1.0], [2], [3]]) * promo)
    long = pd.DataFrame(
        {"unique_id": np.repeat(["a", "b", "c"], 200), "ds": np.tile(DAYS, 3), "y": y.ravel()}
    )
    return long.assign(promo=on.ravel()) if promo else long


def test_a_frame_goes_in_and_a_forecast_in_the_same_form_comes_out() -> None:
    made = fit_frame(frame()).forecast(14)
    assert list(made.columns) == [
        "unique_id",
        "ds",
        "yhat",
        "yhat-lo-80",
        "yhat-hi-80",
        "yhat-lo-95",
        "yhat-hi-95",
        "code",
    ]
    assert made.groupby("unique_id").size().to_dict() == {"a": 14, "b": 14, "c": 14}
    assert made["ds"].min() == pd.Timestamp("2024-07-19")
    ordered = made[["yhat-lo-95", "yhat-lo-80", "yhat", "yhat-hi-80", "yhat-hi-95"]].to_numpy()
    assert (np.diff(ordered, axis=1) > 0).all()


def test_parts_of_the_forecast_add_up() -> None:
    fitted = fit_frame(frame())
    parts = fitted.components(7)
    assert list(parts.columns) == ["unique_id", "ds", "trend", "weekly"]
    np.testing.assert_allclose(parts["trend"] + parts["weekly"], fitted.forecast(7)["yhat"])


def test_regressors_are_columns_of_the_frame_and_their_future_is_asked_for() -> None:
    model = ProphetModel(regressors=(Regressor("promo"),))
    fitted = fit_frame(frame(promo=True), model)
    with pytest.raises(Invalid, match="The models use promo; give their future values"):
        fitted.forecast(2)
    ahead = fitted.series.future(2)
    future = pd.DataFrame(
        {
            "unique_id": np.repeat(["a", "b", "c"], 2),
            "ds": np.tile(ahead, 3),
            "promo": [0.0, 1.0] * 3,
        }
    )
    parts = fitted.components(2, future=future)
    lift = parts.loc[parts["ds"] == ahead[1], "promo"].to_numpy()
    np.testing.assert_allclose(lift, [10, 20, 30], rtol=0.25)
    with pytest.raises(Invalid, match=r"no promo of series 'c' on 2024-07-20"):
        fitted.forecast(2, future=future.iloc[:-1])


def test_other_regressors_and_holidays_ahead_are_answered_by_the_same_fit() -> None:
    fairs = pd.DataFrame({"holiday": "fair", "ds": DAYS[[20, 90, 160]]})
    given = frame(promo=True)
    given.loc[given["ds"].isin(fairs["ds"]), "y"] += 15
    model = ProphetModel(regressors=(Regressor("promo"),), holidays=fairs)
    fitted = fit_frame(given, model)
    ahead = fitted.series.future(3)
    future = pd.DataFrame({"unique_id": np.repeat(["a", "b", "c"], 3), "ds": np.tile(ahead, 3)})
    plain = fitted.forecast(3, future=future.assign(promo=0.0))["yhat"].to_numpy().reshape(3, 3)
    promoted = fitted.forecast(3, future=future.assign(promo=1.0))["yhat"].to_numpy()
    # promotions sell 10, 20 and 30 more a day, fairs 15
    more = (promoted.reshape(3, 3) - plain).mean(axis=1)
    np.testing.assert_allclose(more, [10, 20, 30], rtol=0.2)
    another = pd.concat([fairs, pd.DataFrame({"holiday": ["fair"], "ds": ahead[[1]]})])
    what_if = fitted.with_holidays(another).forecast(3, future=future.assign(promo=0.0))["yhat"]
    moved = what_if.to_numpy().reshape(3, 3) - plain
    np.testing.assert_allclose(moved[:, [0, 2]], 0.0, atol=1e-9)
    # three days of about 35: a standard error of 3.4
    np.testing.assert_allclose(moved[:, 1], 15, atol=10)
    with pytest.raises(Invalid, match="no effect of 'regatta'; it knows fair"):
        fitted.with_holidays(another.assign(holiday="regatta"))


def test_a_missing_regressor_is_named_by_series_and_day() -> None:
    broken = frame(promo=True)
    broken.loc[203, "promo"] = np.nan
    with pytest.raises(Invalid, match="Series 'b' has y but no promo on 2024-01-04"):
        fit_frame(broken, ProphetModel(regressors=(Regressor("promo"),)))


def test_models_are_saved_and_loaded(tmp_path: Path) -> None:
    fitted = fit_frame(frame())
    fitted.save(tmp_path / "m.parquet")
    model, fits = load_fits(tmp_path / "m.parquet")
    again = forecasting.FrameFit(model, fitted.series, fits)
    pd.testing.assert_frame_equal(again.forecast(5), fitted.forecast(5))


def test_months_and_quarters_are_forecast_on_their_own_dates() -> None:
    monthly = pd.DataFrame(
        {
            "unique_id": "a",
            "ds": pd.date_range("2015-01-01", periods=60, freq="MS"),
            "y": np.arange(60.0),
        }
    )
    assert fit_frame(monthly).forecast(3)["ds"].dt.strftime("%m-%d").tolist() == [
        "01-01",
        "02-01",
        "03-01",
    ]


@pytest.mark.parametrize(("horizon", "level"), [(0, 80), (5, 100)])
def test_a_wrong_horizon_or_level_is_refused(horizon: int, level: int) -> None:
    with pytest.raises(Invalid, match=r"horizon is at least 1|level is a percentage"):
        fit_frame(frame()).forecast(horizon, level=(level,))
