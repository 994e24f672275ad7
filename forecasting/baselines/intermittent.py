"""Croston's method and TSB for many series that sell occasionally.

y: demand of n series over T periods; NaN periods are skipped, as if they had not been. size: smoothed demand of the
periods that have one. gap: smoothed number of periods from one demand to the next. A demand is above 0.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Usual smoothing of both methods: low, because a single demand of such a series means little.
SMOOTHING = 0.1
# Croston's rate is too high by 1 / (1 - SMOOTHING / 2) (Syntetos & Boylan 2005).
SBA_FACTOR = 1.0 - SMOOTHING / 2.0


def croston_sba(Y: Array, horizon: int) -> Array:
    """Forecast size over gap, corrected by Syntetos and Boylan. Y: (n, T); returns (n, horizon), 0 without a demand."""
    assert Y.ndim == 2
    size, gap, waited = np.zeros(Y.shape[0]), np.ones(Y.shape[0]), np.zeros(Y.shape[0])
    for y in np.ascontiguousarray(Y.T):
        waited += np.isfinite(y)
        sold = y > 0
        first = sold & (size == 0)
        gap = np.where(sold, _smooth(gap, waited, first, SMOOTHING), gap)
        size = np.where(sold, _smooth(size, y, first, SMOOTHING), size)
        waited[sold] = 0.0
    return np.repeat((SBA_FACTOR * size / gap)[:, None], horizon, axis=1)


def tsb(
    Y: Array, horizon: int, size_alpha: float = SMOOTHING, rate_alpha: float = SMOOTHING
) -> Array:
    """Forecast size times the smoothed share of periods with demand (Teunter, Syntetos & Babai 2011): it can fade.

    Y: (n, T); returns (n, horizon), 0 without a demand.
    """
    assert Y.ndim == 2
    size, rate = np.zeros(Y.shape[0]), np.zeros(Y.shape[0])
    seen = np.zeros(Y.shape[0], dtype=np.bool_)
    for y in np.ascontiguousarray(Y.T):
        known, sold = np.isfinite(y), y > 0
        rate = np.where(known, _smooth(rate, sold.astype(np.float64), ~seen, rate_alpha), rate)
        size = np.where(sold, _smooth(size, y, sold & (size == 0), size_alpha), size)
        seen |= known
    return np.repeat((size * rate)[:, None], horizon, axis=1)


def _smooth(state: Array, value: Array, first: NDArray[np.bool_], alpha: float) -> Array:
    """Move the state towards the value; the first value is the state."""
    moved: Array = np.where(first, value, alpha * value + (1.0 - alpha) * state)
    return moved
