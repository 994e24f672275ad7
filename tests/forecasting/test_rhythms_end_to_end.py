"""Frames of every rhythm from the door to the forecast, and demand whose answer is known."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from forecasting import (
    Forecast,
    ForecastSpec,
    build_hierarchy,
    demand_of,
    from_long,
    make_forecast,
)
from forecasting.structure.levels import Levels

pytestmark = pytest.mark.slow

Array = NDArray[np.float64]
SHOPS = pd.DataFrame(
    [(f"{s}/{p}", s, p) for s in ("North", "South") for p in ("tea", "ice")],
    columns=["unique_id", "location", "product"],
)
LEVELS: Levels = ((), ("location",), ("location", "product"))


def frame_of(Y: Array, ds: pd.DatetimeIndex, keys: pd.DataFrame = SHOPS) -> pd.DataFrame:
    """Lay out series (n, T) as a long frame, unknown values left out."""
    row, column = np.nonzero(np.isfinite(Y))
    return pd.DataFrame(
        {"unique_id": keys["unique_id"].to_numpy()[row], "ds": ds[column], "y": Y[row, column]}
    )


def forecast_frame(
    frame: pd.DataFrame,
    horizon: int,
    *,
    keys: pd.DataFrame = SHOPS,
    levels: Levels = LEVELS,
    candidates: tuple[str, ...] | str = ("mixture",),
    origins: int = 3,
) -> Forecast:
    demand = demand_of(from_long(frame), keys)
    spec = ForecastSpec(
        levels=levels,
        horizon_days=horizon,
        candidates=candidates,  # type: ignore[arg-type]  # "auto" or names
        backtest_origins=origins,
    )
    hierarchy = build_hierarchy(levels, demand.leaves)
    made = make_forecast(demand, hierarchy, spec)
    np.testing.assert_allclose(
        made.mean, hierarchy.S @ made.mean[-hierarchy.n_leaves :], rtol=1e-6, atol=1e-9
    )
    assert np.isfinite(made.mean).all()
    assert (made.mean >= 0).all()
    assert (np.diff(made.quantiles, axis=2) >= 0).all()
    return made


def seasonal(ds: pd.DatetimeIndex, rng: np.random.Generator) -> Array:
    """Draw demand of tea (more in winter) and ice (more in summer), (4, T), of thousands a period."""
    angle = 2 * np.pi * (ds.dayofyear.to_numpy() - 15) / 365.25
    winter = 1.0 + 0.6 * np.cos(angle)
    summer = 2.0 - winter
    mean = np.stack([9e3 * winter, 15e3 * summer, 5e3 * winter, 9e3 * summer])
    return rng.poisson(mean).astype(np.float64)


@pytest.mark.parametrize(
    ("alias", "periods", "horizon"),
    [
        ("W-MON", 208, 13),
        ("W-SUN", 208, 13),
        ("MS", 72, 6),
        ("ME", 72, 6),
        ("QS", 28, 4),
        ("QE", 28, 4),
    ],
)
def test_a_strong_season_is_forecast_in_its_own_rhythm(
    alias: str, periods: int, horizon: int
) -> None:
    ds = pd.date_range("2018-01-31", periods=periods + horizon, freq=alias)
    Y = seasonal(ds, np.random.default_rng(1))
    made = forecast_frame(frame_of(Y[:, :periods], ds[:periods]), horizon)
    came = np.stack([Y.sum(axis=0), Y[:2].sum(axis=0), Y[2:].sum(axis=0)])[:, periods:]
    off = np.abs(made.mean[:3] - came).sum(axis=1) / came.sum(axis=1)
    assert (off < 0.03).all()
    leaves = np.abs(made.mean[3:].sum(axis=1) - Y[[1, 0, 3, 2], periods:].sum(axis=1))
    assert (leaves / Y[[1, 0, 3, 2], periods:].sum(axis=1) < 0.04).all()
    held = (made.quantiles[:3, :, 0] <= came) & (came <= made.quantiles[:3, :, -1])
    assert held.mean() > 0.9


def test_one_row_is_a_frame() -> None:
    keys = SHOPS.iloc[:1]
    frame = pd.DataFrame({"unique_id": ["North/tea"], "ds": ["2024-01-05"], "y": [7.0]})
    made = forecast_frame(frame, 5, keys=keys)
    assert made.choice.origins == 0
    assert made.errors.empty
    # a sale of 7 is spread over a month
    assert 0 < made.mean[0].mean() <= 7.0


@pytest.mark.parametrize("periods", [1, 2, 4, 6])
def test_weekdays_that_no_day_has_shown_are_forecast_by_the_mean(periods: int) -> None:
    ds = pd.date_range("2024-01-03", periods=periods)
    Y = np.array([[50.0, 42, 47, 55, 51, 45], [20, 25, 18, 22, 24, 19]])[:, :periods]
    made = forecast_frame(frame_of(Y, ds), 28, keys=SHOPS.iloc[:2], candidates="auto")
    if periods > 1:
        np.testing.assert_allclose(
            np.sort(made.mean[-2:, :7].mean(axis=1)), np.sort(Y.mean(axis=1))
        )
    # one sale may be all of a month
    assert (made.mean[-2:] > 0).all()


def test_one_series_of_one_level_is_a_chain() -> None:
    keys = pd.DataFrame({"unique_id": ["a"], "product": ["a"]})
    ds = pd.date_range("2024-01-01", periods=120)
    y = np.array([20.0, 20, 20, 20, 30, 40, 10])[ds.dayofweek]
    made = forecast_frame(
        frame_of(y[None, :-14], ds[:-14], keys), 14, keys=keys, levels=(("product",),)
    )
    np.testing.assert_allclose(made.mean[0], y[-14:], rtol=0.05)


@pytest.mark.parametrize("gap", [slice(300, 665), slice(0, 300)])
def test_a_gap_of_a_year_says_nothing(gap: slice) -> None:
    ds = pd.date_range("2021-01-01", periods=940)
    rng = np.random.default_rng(2)
    Y = rng.poisson(np.array([[30.0], [50.0], [20.0], [10.0]]), (4, 940)).astype(np.float64)
    Y[1, gap] = np.nan
    Y[3, 500:520] = np.nan
    made = forecast_frame(frame_of(Y, ds), 28, origins=2)
    # tea and ice are in the other order by name
    np.testing.assert_allclose(made.mean[3:].mean(axis=1), [50, 30, 10, 20], rtol=0.1)


def test_products_of_no_category_are_one_group() -> None:
    ds = pd.date_range("2023-01-01", periods=150)
    rng = np.random.default_rng(3)
    Y = rng.poisson(np.array([[30.0], [50.0], [20.0], [10.0]]), (4, 150)).astype(np.float64)
    keys = SHOPS.assign(category=["hot", "", "hot", ""])
    levels: Levels = ((), ("category",), ("category", "location", "product"))
    made = forecast_frame(frame_of(Y, ds), 14, keys=keys, levels=levels, origins=2)
    # the empty category comes first
    np.testing.assert_allclose(made.mean[1:3].mean(axis=1), [60, 50], rtol=0.06)


@pytest.mark.parametrize(
    ("last", "within"),
    [("2024-01-14", 0.1), ("2024-03-14", 0.1), ("2024-03-15", 0.2), ("2024-03-29", 0.1)],
)
def test_a_day_of_the_month_is_seen_from_any_last_day(last: str, within: float) -> None:
    """100 units on the 15th of each month: 91 days ahead hold three of them, or two from the 15th on."""
    ds = pd.date_range("2021-01-01", last)
    y = np.where(ds.day == 15, 100.0, 0.0)
    keys = pd.DataFrame({"unique_id": ["rent"], "product": ["rent"]})
    levels: Levels = ((), ("product",))
    made = forecast_frame(frame_of(y[None], ds, keys), 91, keys=keys, levels=levels)
    ahead = pd.date_range(ds[-1], periods=92)[1:]
    came = 100.0 * (ahead.day == 15).sum()
    assert made.mean[0].sum() == pytest.approx(came, rel=within)


def test_an_ice_cream_stand_is_forecast_through_the_turn_of_its_season() -> None:
    by_month = np.array([0.35, 0.4, 0.6, 0.9, 1.3, 1.7, 1.95, 1.85, 1.3, 0.8, 0.5, 0.35])
    ds = pd.date_range("2019-01-01", "2024-06-30")
    week = np.array([0.8, 0.8, 0.9, 0.9, 1.1, 1.4, 1.1])
    y = 200.0 * by_month[ds.month - 1] * week[ds.dayofweek]
    keys = pd.DataFrame({"unique_id": ["stand"], "product": ["ice"]})
    levels: Levels = ((), ("product",))
    T = ds.size - 91
    made = forecast_frame(
        frame_of(y[None, :T], ds[:T], keys), 91, keys=keys, levels=levels, candidates="auto"
    )
    off = np.abs(made.mean[0] - y[T:]).sum() / y[T:].sum()
    assert off < 0.05
