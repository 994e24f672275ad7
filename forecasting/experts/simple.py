"""Simple experts of a rhythm: last year's period with and without growth, recent means, means of each weekday.

n nodes, T periods, h ahead. Y: (n, T), NaN where unknown; every forecast is defined, and 0 for a row of none.
"""

import numpy as np
from numpy.typing import NDArray

from forecasting.baselines.baseline import Baseline, baseline
from forecasting.experts.cycles import Cycles
from forecasting.experts.level import FACTOR_MAX, FACTOR_MIN

Array = NDArray[np.float64]

# A mean of each phase of a short season is taken over at least so many seasons.
SEASONS_MIN = 4
SMOOTHED: tuple[Baseline, ...] = ("ETS", "Theta")


def simple_forecasts(Y: Array, cycles: Cycles, horizon: int) -> dict[str, Array]:
    """Return the simple experts that a history is long enough for: name -> (n, h), >= 0."""
    T = Y.shape[1]
    known = np.isfinite(Y)
    sold = np.where(known, Y, 0.0)
    windows = [window for window in cycles.windows if window <= T]
    found = {}
    for window in windows:
        flat = _mean(sold[:, T - window :], known[:, T - window :])
        found[f"mean @{window}"] = np.repeat(flat[:, None], horizon, axis=1)
        if cycles.season > 1 and window >= SEASONS_MIN * cycles.season:
            phases = _phase_means(sold, known, window, cycles.season, flat)
            found[f"seasonal mean @{window}"] = repeated(phases, horizon)
    if not windows:
        found["mean"] = np.repeat(_mean(sold, known)[:, None], horizon, axis=1)
    if cycles.year + horizon <= T:
        found |= _last_year(sold, known, cycles, horizon)
    return found


def smoothed_forecasts(Y: Array, cycles: Cycles, horizon: int) -> dict[str, Array]:
    """Return exponential smoothing with and without a damped trend, and Theta: name -> (n, h), >= 0."""
    return {
        name: baseline(name, Y, horizon, season=cycles.season, year=cycles.year).mean
        for name in SMOOTHED
    }


def _mean(sold: Array, known: NDArray[np.bool_]) -> Array:
    count = known.sum(axis=1)
    total = sold.sum(axis=1)
    return np.asarray(np.divide(total, count, out=np.zeros_like(total), where=count > 0))


def _phase_means(
    sold: Array, known: NDArray[np.bool_], window: int, season: int, otherwise: Array
) -> Array:
    """Average each phase over a window, (n, s), from the phase of the first period ahead; unknown: `otherwise` (n,)."""
    n, T = sold.shape
    total = sold[:, T - window :].reshape(n, -1, season).sum(axis=1)
    count = known[:, T - window :].reshape(n, -1, season).sum(axis=1)
    flat = np.repeat(otherwise[:, None], season, axis=1)
    return np.asarray(np.divide(total, count, out=flat, where=count > 0))


def repeated(phases: Array, horizon: int) -> Array:
    """Repeat a season (n, s) over the horizon."""
    return np.tile(phases, -(-horizon // phases.shape[1]))[:, :horizon]


def _last_year(
    sold: Array, known: NDArray[np.bool_], cycles: Cycles, horizon: int
) -> dict[str, Array]:
    T, year = sold.shape[1], cycles.year
    at = T - year + np.arange(horizon) % year
    usual = _mean(sold[:, -year:], known[:, -year:])
    last = np.where(known[:, at], sold[:, at], usual[:, None])
    found = {"last year": last}
    for window in cycles.windows[1:]:
        if window + year <= T:
            now, then = slice(T - window, T), slice(T - window - year, T - year)
            # only periods that are known in both years tell of growth
            both = known[:, now] & known[:, then]
            above = np.where(both, sold[:, now], 0.0).sum(axis=1)
            below = np.where(both, sold[:, then], 0.0).sum(axis=1)
            growth = np.divide(above, below, out=np.ones_like(above), where=below > 0)
            growth = np.clip(growth, FACTOR_MIN, FACTOR_MAX)
            found[f"last year x growth @{window}"] = last * growth[:, None]
    return found
