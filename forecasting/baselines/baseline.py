"""Baselines beside Prophet, on arrays, many series at once, defined for every series.

Arrays (n, T) with NaN on unknown periods; forecasts (n, h), >= 0. Last values, years and means come from `rhythms`,
ETS from `smoothing`, Theta from `theta`, Croston (in Syntetos and Boylan's form) and TSB from `intermittent`: both for
series that sell occasionally.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from forecasting.baselines.intermittent import croston_sba, tsb
from forecasting.baselines.rhythms import (
    last_year,
    last_year_growth,
    moving_average,
    naive,
    recent_periods,
    seasonal_mean,
    seasonal_naive,
)
from forecasting.baselines.smoothing import smoothed
from forecasting.baselines.theta import theta

Array = NDArray[np.float64]
Baseline = Literal[
    "naive",
    "seasonal_naive",
    "last_year",
    "last_year_growth",
    "moving_average",
    "seasonal_mean",
    "ETS",
    "Theta",
    "Croston",
    "TSB",
]
BASELINES: tuple[Baseline, ...] = get_args(Baseline)
# What lies further back costs time, and moves their level and season little.
SMOOTHED_PERIODS_MAX = 730
# Fewer values are too few for smoothing parameters, and a mean is as good.
SMOOTHED_VALUES_MIN = 12


@dataclass(frozen=True)
class BaselineForecast:
    """mean: (n, h), NaN in rows not forecast. covered: (n,), which were."""

    mean: Array
    covered: NDArray[np.bool_]


def baseline(
    name: Baseline,
    Y: Array,
    horizon: int,
    *,
    season: int = 7,
    year: int = 0,
    rows: NDArray[np.bool_] | None = None,
) -> BaselineForecast:
    """Forecast the rows (n,) of Y (n, T) by one baseline.

    season: periods in the short season, 1 for none. year: periods in a year (364, 52, 12, 4), 0 where none is known.
    Defined for every series: without values 0, constant that constant, too short to smooth the mean of its last values.
    """
    assert name in BASELINES
    assert not np.isinf(Y).any()
    covered = np.ones(Y.shape[0], dtype=np.bool_) if rows is None else rows
    mean = np.full((Y.shape[0], horizon), np.nan)
    if Y.shape[1] == 0:
        mean[covered] = 0.0
    elif name in ("ETS", "Theta", "Croston", "TSB"):
        mean[covered] = _by_model(name, Y[covered], horizon, season, year)
    else:
        mean[covered] = _by_rhythm(name, Y[covered], horizon, season, year)
    return BaselineForecast(np.maximum(mean, 0.0), covered)


def _by_rhythm(name: Baseline, Y: Array, horizon: int, season: int, year: int) -> Array:
    if name == "naive":
        return naive(Y, horizon)
    if name == "seasonal_naive":
        return seasonal_naive(Y, horizon, season)
    if name == "last_year":
        return last_year(Y, horizon, season, year)
    if name == "last_year_growth":
        return last_year_growth(Y, horizon, season, year)
    if name == "moving_average":
        return moving_average(Y, horizon, recent_periods(season, year))
    return seasonal_mean(Y, horizon, season, year)


def _by_model(name: Baseline, Y: Array, horizon: int, season: int, year: int) -> Array:
    """Forecast by a model, the series that it is not for by rule."""
    known = np.isfinite(Y)
    lowest = np.where(known, Y, np.inf).min(axis=1)
    highest = np.where(known, Y, -np.inf).max(axis=1)
    constant = lowest >= highest
    mean = naive(Y, horizon)
    if name in ("Croston", "TSB"):
        modelled = ~constant
        mean[modelled] = (croston_sba if name == "Croston" else tsb)(Y[modelled], horizon)
        return mean
    recent = Y[:, -SMOOTHED_PERIODS_MAX:]
    modelled = ~constant & (np.isfinite(recent).sum(axis=1) >= SMOOTHED_VALUES_MIN)
    short = ~constant & ~modelled
    mean[short] = moving_average(Y[short], horizon, recent_periods(season, year))
    if name == "ETS":
        mean[modelled] = smoothed(recent[modelled], horizon, season).mean
    else:
        mean[modelled] = theta(recent[modelled], horizon, season)
    return mean
