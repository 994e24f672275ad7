"""Exponential smoothing of many series at once: additive errors, with or without a damped trend and a season.

level, b: trend, s: season by phase, e: error one step ahead (Hyndman et al. 2008, from ETS(A,N,N) to ETS(A,Ad,A)):
    e = y - level - phi b - s,   level += phi b + alpha e,   b = phi b + beta e,   s += gamma e
n series, T periods, h ahead, m periods in a season, C sets of parameters tried at once. Inside, time comes first:
(T, n). An unknown period has no error: the state is carried over a gap, and waits for the first value. If the
logarithm of a series is smoothed, its season multiplies.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forecasting.baselines.pattern_search import search
from forecasting.baselines.season import filled, is_seasonal, phases

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Trend = Literal["none", "damped", "auto"]

# A level that never moves again, or repeats the last value, is not smoothed.
ALPHA = (0.01, 0.99)
# Damped less, a trend is a straight line over most horizons; damped more, it is gone after some steps.
PHI = (0.8, 0.98)
# Where the search starts, in the unit box: alpha, gamma, beta and phi.
STARTS = ((0.15, 0.4, 0.75), (0.0, 0.2, 0.5), (0.2, 0.5), (0.0, 0.5, 1.0))
NO_TREND, TREND = (0, 1), (0, 1, 2, 3)
# Parameters of a model for AICc: alpha, first level, variance; the trend adds beta, phi and its first value.
PARAMETERS, TREND_PARAMETERS = 3, 3
# The level starts as the mean of so many values: enough to calm one odd value, few enough to be the start.
LEVEL_VALUES = 12
# So many numbers of a block's state stay in a core's second-level cache.
BLOCK_NUMBERS = 1 << 16


@dataclass(frozen=True)
class Smoothed:
    """mean: (n, h) forecasts. alpha: (n,). damped: (n,), True where a damped trend was fitted."""

    mean: Array
    alpha: Array
    damped: Mask


def smoothed(Y: Array, horizon: int, season: int = 1, trend: Trend = "auto") -> Smoothed:
    """Forecast every series by exponential smoothing, with the parameters of least squared error one step ahead.

    Y: (n, T), NaN where unknown. trend: "auto" takes the damped trend where AICc is lower with it. A series has a
    season where its autocorrelation says so (`season.is_seasonal`). A series without values is forecast as 0.
    """
    assert Y.ndim == 2
    assert not np.isinf(Y).any()
    n, width = Y.shape[0], max(BLOCK_NUMBERS // (8 * (season + 4)), 64)
    mean, alpha, damped = np.zeros((n, horizon)), np.zeros(n), np.zeros(n, dtype=np.bool_)
    for at in range(0, n if Y.shape[1] else 0, width):
        rows = slice(at, at + width)
        made = _forecast(np.ascontiguousarray(Y[rows].T), horizon, season, trend)
        mean[rows], alpha[rows], damped[rows] = made.mean, made.alpha, made.damped
    return Smoothed(mean, alpha, damped)


@dataclass(frozen=True)
class _Block:
    """Series to smooth. y: (T, n), 0 where unknown. known: (T, n), 1 or 0. first: (n,), level at the start.

    S: (m, n), season at the start; m is 1, and S 0, where no series has one. seasonal: (n,), 1 or 0.
    """

    y: Array
    known: Array
    first: Array
    S: Array
    seasonal: Array

    def parameters(self, x: Array) -> tuple[Array, Array, Array, Array]:
        """Turn points (4, C, n) into alpha, gamma, beta, phi; squares, as small parameters need the finer steps."""
        alpha = ALPHA[0] + (ALPHA[1] - ALPHA[0]) * x[0] ** 2
        gamma = (1.0 - alpha) * x[1] ** 2 * self.seasonal
        return alpha, gamma, alpha * x[2] ** 2, PHI[0] + (PHI[1] - PHI[0]) * x[3]

    def cost(self, x: Array) -> Array:
        """Sum the squared errors of points (4, C, n)."""
        return self.run(x)[0]

    def run(self, x: Array) -> tuple[Array, Array, Array, Array]:
        """Smooth through time at points (4, C, n): squared errors, last level and trend (C, n), season (m, C, n)."""
        alpha, gamma, beta, phi = self.parameters(x)
        level, b = np.zeros_like(alpha) + self.first, np.zeros_like(alpha)
        S = np.repeat(self.S[:, None, :], alpha.shape[0], axis=1)
        sse, e, step = np.zeros_like(level), np.empty_like(level), np.empty_like(level)
        has_trend, m = bool(beta.any()), S.shape[0]
        for t in range(self.y.shape[0]):
            if has_trend:
                b *= phi
                level += b
            np.subtract(self.y[t], level, out=e)
            s = S[t % m]
            if m > 1:
                e -= s
            e *= self.known[t]
            sse += np.multiply(e, e, out=step)
            level += np.multiply(alpha, e, out=step)
            if has_trend:
                b += np.multiply(beta, e, out=step)
            if m > 1:
                s += np.multiply(gamma, e, out=step)
        return sse, level, b, S


def _forecast(Y: Array, horizon: int, m: int, trend: Trend) -> Smoothed:
    """Forecast one block. Y: (T, n)."""
    block = _start(Y, m)
    x, damped = _fit(block, trend)
    _, level, b, S = block.run(x[:, None])
    alpha, _, _, phi = (of[0] for of in block.parameters(x[:, None]))
    ahead = np.arange(horizon)
    risen = b[0] * np.cumsum(phi ** (ahead + 1)[:, None], axis=0)
    mean = level[0] + risen + S[(Y.shape[0] + ahead) % S.shape[0], 0]
    return Smoothed(mean.T, alpha, damped)


def _start(Y: Array, m: int) -> _Block:
    """Start from the season of the whole series, which smoothing then moves, and the level of its first values."""
    known, F = np.isfinite(Y), filled(Y, m)
    seasonal = is_seasonal(F, m)
    S = phases(F, m) * seasonal if seasonal.any() else np.zeros((1, Y.shape[1]))
    first = known & (np.cumsum(known, axis=0) <= LEVEL_VALUES)
    rest = np.where(first, Y - S[np.arange(Y.shape[0]) % S.shape[0]], 0.0)
    level = rest.sum(axis=0) / np.maximum(first.sum(axis=0), 1)
    return _Block(np.nan_to_num(Y), known.astype(np.float64), level, S, seasonal.astype(np.float64))


def _fit(block: _Block, trend: Trend) -> tuple[Array, Mask]:
    """Find the points (4, n), and where (n,) they have a trend: everywhere, nowhere, or where AICc is lower for it."""
    none, n = (0.0,), block.first.size
    has_season = block.S.shape[0] > 1
    starts = _grid(STARTS[0], STARTS[1] if has_season else none, none, none)
    fixed, sse = search(block.cost, np.repeat(starts, n, axis=2), NO_TREND[: 1 + has_season])
    if trend == "none":
        return fixed, np.zeros(n, dtype=np.bool_)
    steps = _grid(none, none, *STARTS[2:])
    free = TREND if has_season else (0, 2, 3)
    moving, sse_moving = search(block.cost, fixed[:, None, :] + steps, free)
    if trend == "damped":
        return moving, np.ones(n, dtype=np.bool_)
    count = block.known.sum(axis=0)
    k = PARAMETERS + block.seasonal * block.S.shape[0]
    pays = _aicc(sse_moving, count, k + TREND_PARAMETERS) < _aicc(sse, count, k)
    return np.where(pays, moving, fixed), pays


def _grid(*values: tuple[float, ...]) -> Array:
    """Return all combinations, (len(values), C, 1)."""
    return np.stack([of.ravel() for of in np.meshgrid(*values, indexing="ij")])[:, :, None]


def _aicc(sse: Array, count: Array, k: Array) -> Array:
    """Compute Akaike's criterion for small samples; infinite where the values are too few for k parameters."""
    left = count - k - 1.0
    fit = count * np.log(np.maximum(sse, np.finfo(np.float64).tiny) / np.maximum(count, 1.0))
    penalty = 2.0 * k + 2.0 * k * (k + 1.0) / np.where(left > 0, left, 1.0)
    return np.where(left > 0, fit + penalty, np.inf)
