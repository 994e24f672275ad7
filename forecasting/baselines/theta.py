"""The Theta method for many series at once: Assimakopoulos & Nikolopoulos 2000, in the form of Hyndman & Billah 2003.

A series is freed of its season (see `season`), smoothed exponentially, and continued with half the slope of its
straight line. n series, T periods, h ahead, m periods in a season, C values of alpha tried at once. Inside, time comes
first: (T, n).
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

import numpy as np
from numpy.typing import NDArray

from forecasting.baselines.pattern_search import search
from forecasting.baselines.season import filled, seasonal_parts

Array = NDArray[np.float64]

# The bounds of Fiorucci et al. 2016: with less than 0.1 the level no longer follows, and the slope alone is left.
ALPHA = (0.1, 0.99)
# Where the search starts, in the unit interval.
STARTS = (0.0, 0.4, 0.7, 1.0)
BLOCK_SERIES = 1024
# The weight of the first level is set to 0 once it is below this: smaller numbers slow a processor down.
WEIGHT_MIN = 1e-12
CLEAN_EVERY = 16


def theta(Y: Array, horizon: int, season: int = 1) -> Array:
    """Forecast each series by the Theta method; the season is taken where its autocorrelation says so.

    Y: (n, T), NaN where unknown: smoothing carries its level over a gap and begins at the first value. Returns
    (n, horizon), 0 for a series without values.
    """
    assert Y.ndim == 2
    assert not np.isinf(Y).any()
    made = np.empty((Y.shape[0], horizon))
    for at in range(0, Y.shape[0], BLOCK_SERIES):
        block = slice(at, at + BLOCK_SERIES)
        made[block] = _block(np.ascontiguousarray(Y[block].T), horizon, season).T
    return made


def _block(Y: Array, horizon: int, m: int) -> Array:
    T = Y.shape[0]
    added, factor = seasonal_parts(filled(Y, m), m)
    phase, ahead = np.arange(T) % m, np.arange(T, T + horizon) % m
    rest = (Y - added[phase]) / factor[phase]
    forecast: Array = _continued(rest, horizon) * factor[ahead] + added[ahead]
    return forecast


def _continued(Y: Array, horizon: int) -> Array:
    """Smooth, and add half the slope. Y: (T, n) without season."""
    known = np.isfinite(Y)
    K, y = known.astype(np.float64), np.nan_to_num(Y)

    def cost(x: Array) -> Array:
        return smooth_level(y, K, _alpha(x[0]))[0]

    starts = np.repeat(np.array(STARTS)[None, :, None], Y.shape[1], axis=2)
    x, _ = search(cost, starts, free=(0,))
    alpha = _alpha(x)[0]
    level = smooth_level(y, K, alpha[None])[1][0]
    # n of the textbook is the number of known periods: each of them moved the level once.
    moved = (1.0 - (1.0 - alpha) ** K.sum(axis=0)) / alpha
    steps = np.arange(horizon)[:, None] + moved
    forecast: Array = level + slope(y, K) / 2.0 * steps
    return forecast


def _alpha(x: Array) -> Array:
    return ALPHA[0] + (ALPHA[1] - ALPHA[0]) * x**2


def slope(y: Array, K: Array) -> Array:
    """Compute the slope per period through the known values, (n,). y, K: (T, n), K 1 where known."""
    t = np.arange(y.shape[0])[:, None]
    count = np.maximum(K.sum(axis=0), 1.0)
    from_mean = K * (t - (K * t).sum(axis=0) / count)
    spread = (from_mean**2).sum(axis=0)
    rise: Array = (from_mean * (y - (K * y).sum(axis=0) / count)).sum(axis=0)
    return rise / np.where(spread > 0, spread, 1.0)


def smooth_level(y: Array, K: Array, alpha: Array) -> tuple[Array, Array]:
    """Smooth through time from the first level that makes the squared errors least. y, K: (T, n); alpha: (C, n).

    Errors are linear in the first level: e = e0 - c l0, where e0 are those from 0 and c is what is left of l0. Returns
    the sum of squared errors and the last level, (C, n) both.
    """
    level, c = np.zeros_like(alpha), np.ones_like(alpha)
    ee, ec, cc = np.zeros_like(alpha), np.zeros_like(alpha), np.zeros_like(alpha)
    e, known_c, step = np.empty_like(alpha), np.empty_like(alpha), np.empty_like(alpha)
    for t in range(y.shape[0]):
        np.subtract(y[t], level, out=e)
        e *= K[t]
        np.multiply(c, K[t], out=known_c)
        ee += np.multiply(e, e, out=step)
        ec += np.multiply(e, known_c, out=step)
        cc += np.multiply(known_c, known_c, out=step)
        level += np.multiply(alpha, e, out=step)
        c -= np.multiply(alpha, known_c, out=step)
        if t % CLEAN_EVERY == 0:
            c[c < WEIGHT_MIN] = 0.0
    l0 = ec / np.where(cc > 0, cc, 1.0)
    return np.maximum(ee - l0 * ec, 0.0), level + c * l0
