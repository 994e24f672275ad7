import numpy as np
import pandas as pd
import pytest

from dashboard.forecasts.weeks import in_weeks, seasonal_naive

NO_PATHS = pd.DataFrame({"path": [], "ds": pd.to_datetime([]), "units": []})


def days(first: str, values: list[float], name: str = "y") -> pd.DataFrame:
    return pd.DataFrame({"ds": pd.date_range(first, periods=len(values)), name: values})


def naive_of(forecast: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"ds": forecast["ds"], "y": 1.0})


def test_seasonal_naive_says_the_last_week_again() -> None:
    actual = days("2026-03-02", [9.0, 1, 2, 3, 4, 5, 6, 7])
    ahead = days("2026-03-10", [0.0] * 9, "yhat")
    naive = seasonal_naive(actual, ahead)
    assert naive["y"].tolist() == [1, 2, 3, 4, 5, 6, 7, 1, 2]
    assert naive["ds"].tolist() == ahead["ds"].tolist()
    assert seasonal_naive(actual[:6], ahead).empty


def test_in_weeks_adds_up_whole_weeks_and_counts_what_was_sold_of_the_first_one_ahead() -> None:
    # 2026-03-02 is a Monday; the cutoff is Tuesday the 17th, the horizon 14 days
    actual = days("2026-03-01", [5.0] + [1.0] * 7 + [2.0] * 7 + [10.0, 20.0])
    forecast = days("2026-03-18", [3.0] * 14, "yhat")
    weeks = in_weeks(actual, forecast, naive_of(forecast), NO_PATHS)
    assert [day.strftime("%m-%d") for day in weeks.actual["ds"]] == ["03-02", "03-09", "03-16"]
    assert weeks.actual["y"].tolist() == [7.0, 14.0, 30.0]
    assert weeks.under_way.isoformat() == "2026-03-16"
    assert weeks.forecast["yhat"].tolist() == [30.0 + 5 * 3, 21.0]
    assert weeks.naive["y"].tolist() == [30.0 + 5, 7.0]
    assert weeks.days_left_out == 2
    assert weeks.forecast[["q10", "q90", "q025", "q975"]].isna().all(axis=None)
    assert weeks.paths.empty


def test_in_weeks_leaves_nothing_out_when_the_cutoff_is_a_sunday() -> None:
    actual = days("2026-03-02", [1.0] * 14)
    forecast = days("2026-03-16", [2.0] * 14, "yhat")
    weeks = in_weeks(actual, forecast, naive_of(forecast), NO_PATHS)
    assert weeks.actual["y"].tolist() == [7.0, 7.0]
    assert weeks.forecast["yhat"].tolist() == [14.0, 14.0]
    assert weeks.days_left_out == 0


def test_in_weeks_has_no_past_when_there_is_no_whole_week_of_it() -> None:
    actual = days("2026-03-16", [4.0, 4.0])
    forecast = days("2026-03-18", [2.0] * 5, "yhat")
    weeks = in_weeks(actual, forecast, naive_of(forecast)[:0], NO_PATHS)
    assert weeks.actual["y"].tolist() == [8.0]
    assert weeks.forecast["yhat"].tolist() == [18.0]
    assert weeks.naive.empty


@pytest.mark.parametrize("cutoff", ["2026-03-15", "2026-03-18"])
def test_in_weeks_takes_bands_from_sums_of_paths_and_not_from_quantiles_of_days(
    cutoff: str,
) -> None:
    rng = np.random.default_rng(3)
    ahead = pd.date_range(cutoff, periods=22)[1:]
    actual = days("2026-03-02", [1.0] * ((ahead[0] - pd.Timestamp("2026-03-02")).days))
    forecast = pd.DataFrame({"ds": ahead, "yhat": 5.0, "q10": 0.0, "q90": 100.0})
    units = rng.poisson(5.0, size=(20, ahead.size)).astype(float)
    paths = pd.DataFrame(
        {
            "path": np.repeat(np.arange(1, 21), ahead.size),
            "ds": np.tile(ahead.to_numpy(), 20),
            "units": units.ravel(),
        }
    )
    weeks = in_weeks(actual, forecast, naive_of(forecast), paths)
    begun = int(ahead[0].dayofweek)
    first = begun + units[:, : 7 - begun].sum(axis=1)
    assert weeks.forecast["q10"].iloc[0] == pytest.approx(np.quantile(first, 0.1))
    assert weeks.forecast["q90"].iloc[0] == pytest.approx(np.quantile(first, 0.9))
    assert weeks.forecast["q975"].isna().all()
    of_first = weeks.paths[weeks.paths["ds"] == weeks.paths["ds"].min()]
    np.testing.assert_allclose(of_first["units"], first)
