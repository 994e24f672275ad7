"""Shares: how much of a group's demand each leaf took lately, for splitting a group's forecast over its leaves.

Symbols: m leaves, T days, half-life in days. A finished run of zeros that the leaf's own rate can hardly explain was
probably an empty shelf, and unknown for its share.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

import numpy as np
from numpy.typing import NDArray

from forecasting.row_blocks import by_rows

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Codes = NDArray[np.int64]

# A run of zeros in which so many units would have been sold at the leaf's mean rate: by chance once in 3,000 at Poisson
# demand (measured on M5: worth 0.4 % of error over all levels).
MISSED_UNITS_MAX = 8.0
# Shares move faster than levels do (measured on M5 and chosen there: 7, 10 and 28 days score alike within 1 %).
HALF_LIFE_DAYS = 10.0


def probable_stockouts(units: Array) -> Mask:
    """Mark finished runs of zeros that hide more than MISSED_UNITS_MAX units at the leaf's mean rate.

    units: (m, T), finite, >= 0. A run before the first sale does not count, and one that still lasts at the last day is
    left: it may be the end of the product. Returns (m, T).
    """
    if units.shape[1] == 0:
        return np.zeros(units.shape, dtype=np.bool_)
    return by_rows(_probable_stockouts, units)


def _probable_stockouts(units: Array) -> Mask:
    T = units.shape[1]
    sold = units > 0
    day = np.arange(T, dtype=np.int32)
    last = np.maximum.accumulate(np.where(sold, day, np.int32(-1)), axis=1)
    following = np.where(sold, day, np.int32(T))[:, ::-1]
    after = np.minimum.accumulate(following, axis=1)[:, ::-1]
    run_days = after - last - 1
    inside = ~sold & (last >= 0) & (after < T)
    marked: Mask = inside & (run_days * mean_rate(units)[:, None] > MISSED_UNITS_MAX)
    return marked


def mean_rate(units: Array) -> Array:
    """Compute units per day from the first sale on, (m,); 0 for a leaf that never sold. units: (m, T)."""
    T = units.shape[1]
    first = np.argmax(units > 0, axis=1)
    rate: Array = units.sum(axis=1) / np.maximum(T - first, 1)
    return rate


def recent_shares(
    units: Array, group: Codes, observed: Mask, half_life_days: float = HALF_LIFE_DAYS
) -> Array:
    """Compute each leaf's share of its group by exponentially weighted sums, ending at the last day.

    units: (m, T), finite, >= 0. group: (m,), 0 .. k-1. observed: (m, T), False on days that are unknown for the leaf
    (not started, closed, empty shelf): such a day is left out of the leaf's sum and of what the group sold beside it.
    Returns (m,), >= 0, summing to 1 in each group. A leaf that was never observed, or only while its group sold
    nothing, gets 0; a group about which nothing is known is split evenly.
    """
    assert group.shape == (units.shape[0],)
    assert observed.shape == units.shape
    assert half_life_days > 0
    k = int(group.max()) + 1 if group.size else 0
    u = decay(units.shape[1], half_life_days)
    sold = np.where(observed, units, 0.0) @ u
    beside = _beside(units, group, observed, u, k)
    raw = np.divide(sold, beside, out=np.zeros_like(sold), where=beside > 0)
    return normalised(raw, group, k)


def decay(T: int, half_life_days: float) -> Array:
    """Weigh T days by 2^(-age / half-life), (T,); the last one has age 0."""
    weights: Array = np.exp2(-np.arange(T - 1, -1, -1) / half_life_days)
    return weights


def normalised(raw: Array, group: Codes, k: int) -> Array:
    """Scale values (m,) >= 0 to sum to 1 in each of k groups; a group of zeros is split evenly."""
    total = np.bincount(group, weights=raw, minlength=k)
    size = np.bincount(group, minlength=k)
    even = 1.0 / np.maximum(size, 1)
    # Below the smallest normal number a quotient loses digits, and the sum would not be 1.
    known = total[group] > np.finfo(np.float64).tiny
    share: Array = np.divide(raw, total[group], out=even[group].copy(), where=known)
    return share


def _beside(units: Array, group: Codes, observed: Mask, u: Array, k: int) -> Array:
    """Sum what the group sold on the days on which each leaf was observed, weighted by u. Returns (m,)."""
    beside = np.zeros(units.shape[0])
    # Leaves in order of their group, so that a group's days are made once and never for all leaves at a time.
    order = np.argsort(group, kind="stable")
    for rows in np.split(order, np.cumsum(np.bincount(group, minlength=k))[:-1]):
        if rows.size:
            beside[rows] = observed[rows].astype(np.float64) @ (u * units[rows].sum(axis=0))
    return beside
