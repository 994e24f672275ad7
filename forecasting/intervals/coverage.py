"""Coverage judged by rank, and the loss of deciles.

A closed interval of whole numbers holds more than its share: where most days sell nothing, 0 alone is over half of all
outcomes. So an outcome on an edge counts with the part of its own chance inside. n nodes, h periods, q levels.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

DECILES = tuple(tenth / 10 for tenth in range(1, 10))
# An outcome without a chance of its own lies inside or outside: a stretch too short to be parted.
POINT = 1e-9
LEVEL_WITHIN = 1e-9


def share_held(actual: Array, quantiles: Array, levels: Sequence[float], width: float) -> Array:
    """Return the part of each outcome that the central interval holds, (n, h) from 0 to 1, NaN where it is unknown.

    actual: (n, h) units >= 0. quantiles: (n, h, q), rising. levels: (q,), rising. width: of the interval, such as 0.8.
    """
    low, high = outcome_ranks(actual, quantiles, levels)
    inner, outer = (1.0 - width) / 2.0, (1.0 + width) / 2.0
    high = np.maximum(high, low + POINT)
    inside = np.minimum(high, outer) - np.maximum(low, inner)
    return np.where(np.isfinite(actual), np.clip(inside / (high - low), 0.0, 1.0), np.nan)


def coverage(actual: Array, quantiles: Array, levels: Sequence[float], width: float) -> float:
    """Return the share that the central interval holds over all known outcomes; NaN if there is none."""
    held = share_held(actual, quantiles, levels, width)
    known = np.isfinite(held)
    return float(held[known].mean()) if known.any() else float("nan")


def outcome_ranks(actual: Array, quantiles: Array, levels: Sequence[float]) -> tuple[Array, Array]:
    """Read the chance below each outcome and that at or below it off its quantiles, (n, h) each.

    An outcome that is a quantile has the levels of all quantiles equal to it; its ends lie between those and the next
    levels, and are taken in the middle. Any other outcome is a point on the line between its neighbours.
    """
    assert quantiles.shape == (*actual.shape, len(levels))
    below = (quantiles < actual[:, :, None]).sum(axis=2)
    reached = (quantiles <= actual[:, :, None]).sum(axis=2)
    ends = np.concatenate([[0.0], np.asarray(levels), [1.0]])
    middle = (ends[:-1] + ends[1:]) / 2.0
    point = _between(actual, quantiles, ends, below)
    tied = below < reached
    low = np.where(tied, np.where(actual > 0, middle[below], 0.0), point)
    return low, np.where(tied, middle[reached], point)


def _between(actual: Array, quantiles: Array, ends: Array, below: Codes) -> Array:
    """Read an outcome's rank off the line between its neighbours; beyond the outer ones it is in the middle."""
    q = quantiles.shape[2]
    left = np.clip(below - 1, 0, q - 1)[:, :, None]
    right = np.clip(below, 0, q - 1)[:, :, None]
    start = np.take_along_axis(quantiles, left, axis=2)[:, :, 0]
    end = np.take_along_axis(quantiles, right, axis=2)[:, :, 0]
    inner = (below > 0) & (below < q)
    share = np.divide(
        actual - start, end - start, out=np.full(actual.shape, 0.5), where=inner & (end > start)
    )
    return np.asarray(ends[below] + share * (ends[below + 1] - ends[below]))


def weighted_quantile_loss(actual: Array, quantiles: Array, levels: Sequence[float]) -> float:
    """Return the loss of the deciles: the sum of 2 * pinball over nodes, periods and deciles, over 9 * units sold.

    actual: (n, h), NaN where unknown. quantiles: (n, h, q). levels: (q,), the deciles among them. NaN if none was sold.
    """
    at = [_position(levels, decile) for decile in DECILES]
    known = np.isfinite(actual)
    sold = actual[known]
    beyond = sold[:, None] - quantiles[known][:, at]
    p = np.asarray(DECILES)
    loss = np.maximum(p * beyond, (p - 1.0) * beyond).sum()
    return float(2.0 * loss / (len(DECILES) * sold.sum())) if sold.sum() > 0 else float("nan")


def _position(levels: Sequence[float], wanted: float) -> int:
    near = np.flatnonzero(np.abs(np.asarray(levels) - wanted) < LEVEL_WITHIN)
    assert near.size == 1, f"level {wanted} is not published"
    return int(near[0])
