"""The order that meets a service target, from what is needed on each path.

need: (n, B) units, below 0 where there is more than enough. An order q misses (need − q)+ on a path.
"""

import numpy as np
from numpy.typing import NDArray

from replenishment.formulas.conditions import Array
from replenishment.lines.walk import Single

# A share of paths that is the target in other digits has reached it.
EXACT = 1e-9


def order_for_cycle_service(need: Single, target: Array) -> Array:
    """Return the least order that suffices on a share `target` (n,) of the paths: (n,) units, may be below 0.

    Of 200 paths the 190th for 95 %: never more paths than the target asks for, so that a higher one never orders less.
    """
    n, B = need.shape
    at = np.clip(np.ceil(target * B - EXACT).astype(np.int64) - 1, 0, B - 1)
    kinds = np.unique(at)
    # selecting takes a third of the time of sorting, and lines share few targets
    chosen = np.partition(need, kinds, axis=1) if kinds.size <= 8 else np.sort(need, axis=1)
    return np.asarray(chosen[np.arange(n), at], dtype=np.float64)


def order_for_fill_rate(need: Single, window: Single, target: Array) -> Array:
    """Return the least order that misses at most 1 − target of the demand of the window: (n,) units, may be below 0.

    What an order misses on average falls along straight pieces between the paths' needs; the piece is found by sums
    of the sorted needs, the place on it is exact.
    """
    n, B = need.shape
    allowed = (1 - target) * window.mean(axis=1, dtype=np.float64) * B
    high = np.sort(need, axis=1)[:, ::-1].astype(np.float64)
    sums = np.cumsum(high, axis=1)
    count = np.arange(1, B + 1)
    # missed in all if the order were the need of the path after the k greatest
    following = np.concatenate([high[:, 1:], np.full((n, 1), -np.inf)], axis=1)
    missed_there = sums - count * following
    k = np.argmax(missed_there >= allowed[:, None], axis=1)
    return np.asarray((sums[np.arange(n), k] - allowed) / (k + 1))


def order_for_safety_factor(need: Single, demand: Single, factor: Array) -> Array:
    """Return the mean need and `factor` (n,) standard deviations of the demand until the next order's arrival: (n,).

    The spread is of the demand, which no stock changes: more stock never orders more. It is exact where a quantile of a
    few hundred paths is a matter of chance, and counts lead times that vary with their whole variance.
    """
    mean = need.mean(axis=1, dtype=np.float64)
    return np.asarray(mean + factor * demand.std(axis=1, dtype=np.float64))


def missed(need: Single, order: Array) -> Array:
    """Return what an order (n,) misses on average: (n,) units."""
    short = np.maximum(need - order.astype(np.float32)[:, None], 0)
    return np.asarray(short.mean(axis=1, dtype=np.float64))


def share_met(need: Single, order: Array) -> NDArray[np.float64]:
    """Return the share of paths on which an order (n,) suffices: (n,)."""
    return np.asarray((need <= order.astype(np.float32)[:, None] + 1e-4).mean(axis=1))
