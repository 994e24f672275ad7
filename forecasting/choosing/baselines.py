"""Baselines beside Prophet: naive, seasonal naive, ETS, Theta, Croston and TSB, on arrays, defined for every series.

Arrays (n, T) with NaN on days that say nothing; forecasts (n, h), >= 0. The last four are statsforecast's. Croston (in
Syntetos and Boylan's form) and TSB (Teunter, Syntetos & Babai 2011) are for series that sell now and then.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

import importlib
import warnings
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Baseline = Literal["naive", "seasonal_naive", "ETS", "Theta", "Croston", "TSB"]
BASELINES: tuple[Baseline, ...] = get_args(Baseline)
# These take some 25 and 6 ms a series; the others microseconds.
SLOW: tuple[Baseline, ...] = ("ETS", "Theta")
SLOW_NODES_MAX = 100
# ETS and Theta look at one year: more costs time and moves their level and season little.
SLOW_DAYS_MAX = 365
# With fewer seasons than this there is no season to see, and a mean is as good.
SEASONS_MIN = 3
LEVEL_DAYS = 28
TSB_SMOOTHING = 0.1


@dataclass(frozen=True)
class BaselineForecast:
    """mean: (n, h), NaN in rows not forecast. covered: (n,), which were: all, or a sample (see `affordable`)."""

    mean: Array
    covered: NDArray[np.bool_]


def baseline(
    name: Baseline,
    Y: Array,
    horizon: int,
    *,
    season: int = 7,
    rows: NDArray[np.bool_] | None = None,
) -> BaselineForecast:
    """Forecast the rows (n,) of Y (n, T) by one baseline; season: periods in a season, 1 for none.

    Defined for every series: without observations 0, constant that constant, too short for a season the mean of the
    last LEVEL_DAYS known days.
    """
    assert name in BASELINES
    assert not np.isinf(Y).any()
    covered = np.ones(Y.shape[0], dtype=np.bool_) if rows is None else rows
    mean = np.full((Y.shape[0], horizon), np.nan)
    if Y.shape[1] == 0:
        mean[covered] = 0.0
        return BaselineForecast(mean, covered)
    if name == "naive":
        mean[covered] = np.repeat(_last_known(Y[covered])[:, -1:], horizon, axis=1)
    elif name == "seasonal_naive":
        mean[covered] = _repeat_season(Y[covered], horizon, season)
    else:
        for row in np.flatnonzero(covered):
            mean[row] = _one(name, Y[row], horizon, season)
    return BaselineForecast(np.maximum(mean, 0.0), covered)


def affordable(
    level: NDArray[np.int64], most: int = SLOW_NODES_MAX, *, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Choose at most `most` nodes for the slow ones: whole levels from the smallest, then a sample of each larger one.

    level: (n,) of each node. Returns (n,), True for the chosen.
    """
    chosen = np.zeros(level.size, dtype=np.bool_)
    names, sizes = np.unique(level, return_counts=True)
    by_size = np.argsort(sizes, kind="stable")
    for position, at in enumerate(by_size):
        # What is left is shared by the levels that are left.
        budget = (most - np.count_nonzero(chosen)) // (by_size.size - position)
        rows = np.flatnonzero(level == names[at])
        taken = rows if rows.size <= budget else rng.choice(rows, size=budget, replace=False)
        chosen[taken] = True
    return chosen


def _last_known(Y: Array) -> Array:
    """Carry the last known value forward; 0 before the first one."""
    known = np.isfinite(Y)
    at = np.maximum.accumulate(np.where(known, np.arange(Y.shape[1]), -1), axis=1)
    carried = np.take_along_axis(np.nan_to_num(Y), np.maximum(at, 0), axis=1)
    return np.where(at >= 0, carried, 0.0)


def _repeat_season(Y: Array, horizon: int, season: int) -> Array:
    """Repeat the last known value of each phase of the season; the last known value where a phase has none."""
    n, T = Y.shape
    last = _last_known(Y)[:, -1]
    phases = np.empty((n, season))
    for step in range(season):
        # From the end, so that the phase of step 0 is that of the first day ahead.
        of = Y[:, (T + step) % season :: season]
        known = np.isfinite(of).any(axis=1) if of.shape[1] else np.zeros(n, dtype=np.bool_)
        phases[:, step] = np.where(known, _last_known(of)[:, -1], last) if of.shape[1] else last
    repeated: Array = np.tile(phases, -(-horizon // season))[:, :horizon]
    return repeated


def _one(name: str, y: Array, horizon: int, season: int) -> Array:
    seen = np.flatnonzero(np.isfinite(y))
    if seen.size == 0:
        return np.zeros(horizon)
    known = y[seen]
    if np.ptp(known) == 0:
        return np.full(horizon, known[0])
    if name in ("Croston", "TSB"):
        return _library_forecast(name, known, horizon, season)
    whole = _filled(y[seen[0] :], season)[-SLOW_DAYS_MAX:]
    if whole.size < SEASONS_MIN * max(season, 4) or np.ptp(whole) == 0:
        return np.full(horizon, known[-LEVEL_DAYS:].mean())
    forecast = _library_forecast(name, whole, horizon, season)
    if np.isfinite(forecast).all():
        return forecast
    return np.full(horizon, known[-LEVEL_DAYS:].mean())


def _filled(y: Array, season: int) -> Array:
    """Fill gaps with the last known value a whole number of seasons before, else the last known one."""
    filled = y.copy()
    for phase in range(season):
        of = y[None, phase::season]
        if of.shape[1]:
            carried = _last_known(of)[0]
            started = np.maximum.accumulate(np.isfinite(of[0]))
            filled[phase::season] = np.where(started, carried, np.nan)
    gaps = np.isnan(filled)
    filled[gaps] = _last_known(y[None, :])[0][gaps]
    return filled


def _library_forecast(name: str, y: Array, horizon: int, season: int) -> Array:
    """Forecast one series at unit scale by statsforecast; NaN where it finds no model."""
    scale = float(np.abs(y).max())
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # Its divisions by a seasonal share of 0 end in NaN, which is looked for.
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            mean = _model(name, season).forecast(y=y / scale, h=horizon)["mean"]
        except Exception as error:
            if "no model able to be fitted" not in str(error):
                raise
            return np.full(horizon, np.nan)
    return np.asarray(mean, dtype=np.float64) * scale


def _model(name: str, season: int) -> Any:
    models = _models()
    if name == "ETS":
        return models.AutoETS(season_length=season, model="ANA" if season > 1 else "ANN")
    if name == "Theta":
        return models.Theta(season_length=season)
    if name == "Croston":
        return models.CrostonSBA()
    return models.TSB(alpha_d=TSB_SMOOTHING, alpha_p=TSB_SMOOTHING)


def _models() -> Any:
    """Import statsforecast here, not at the top: it takes seconds, and its docstrings hold invalid escapes."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, SyntaxWarning, FutureWarning):
            warnings.simplefilter("ignore", category)
        return importlib.import_module("statsforecast.models")
