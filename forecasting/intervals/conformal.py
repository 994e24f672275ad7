"""Quantiles of upper nodes: what earlier origins missed, in units of each node's own scale, says how wide to be.

n nodes, h periods ahead, q quantiles, o origins (split conformal prediction: Vovk et al. 2005, scaled by node). Errors
of few nodes over one origin's periods are nearly one draw (the level of the total is wrong once, not 28 times), so
levels of few nodes borrow each other's shape and widen as Student's t does, and each node has a size of its
own, shrunk to its level's. Levels of many or slow nodes are better read from counts.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # its stats take a second to load, and load when first named
from numpy.typing import NDArray

from forecasting.intervals.few_draws import student_ratio

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

# A node's own size of error counts as much as its level's after so many origins (held best over 20 origins of M5).
NODE_PRIOR_ORIGINS = 4
# Outer quantiles of a shape need draws by the hundred: until then levels of few nodes share one.
SHAPE_PRIOR_DRAWS = 100
# Errors grow over the horizon: in so many parts of it, pooled over all levels; after so many draws believed by half.
HORIZON_PARTS, GROWTH_PRIOR_DRAWS = 4, 4
TINY = 1e-12


@dataclass(frozen=True)
class NodeErrors:
    """One earlier origin: error = actual - forecast, (n, h), NaN where unknown, and scale (n,) as of then."""

    error: Array
    scale: Array


def conformal_offsets(
    earlier: Sequence[NodeErrors],
    level: Codes,
    *,
    scale: Array,
    levels: Sequence[float],
    horizon: int,
) -> Array:
    """Place offsets from the forecast, (n, h, q).

    level: (n,), numbered from 0. scale: (n,) units, as of now. levels: (q,) probabilities. Without any known error the
    offsets are those of a normal error of each node's scale, widened as one draw is.
    """
    assert level.shape == scale.shape
    z = _in_scales(earlier, level.size, horizon)
    origins = np.isfinite(z).any(axis=2).sum(axis=0)
    draws = _level_draws(origins, level)
    size = _sizes(z, origins, level)
    unit = z / size[None, :, None]
    shape = _shapes(unit, draws, level, levels)
    wider = np.stack([student_ratio(levels, own) for own in draws])
    each = (scale * size)[:, None] * (shape * wider)[level]
    return np.asarray(each[:, None, :] * _growth(unit, horizon, draws.sum())[None, :, None])


def quantiles_around(mean: Array, offsets: Array) -> Array:
    """Add offsets (n, h, q) to forecasts (n, h), at least 0, rising in q."""
    return np.asarray(np.maximum.accumulate(np.maximum(mean[:, :, None] + offsets, 0.0), axis=2))


def _in_scales(earlier: Sequence[NodeErrors], n: int, horizon: int) -> Array:
    """Stack errors in units of the nodes' scales, (o, n, h), NaN where unknown; without an origin, one of NaN."""
    if not earlier:
        return np.full((1, n, horizon), np.nan)
    return np.stack([one.error / one.scale[:, None] for one in earlier])


def _level_draws(origins: Codes, level: Codes) -> Array:
    """Count the draws of each level, (levels,): its nodes share part of an origin's error, so their root counts."""
    nodes = np.bincount(level)
    mean = np.bincount(level, weights=origins) / np.maximum(nodes, 1)
    return np.asarray(mean * np.sqrt(nodes))


def _sizes(z: Array, origins: Codes, level: Codes) -> Array:
    """Return the root mean square error of each node in units of its scale, (n,) > 0, shrunk to its level's.

    A level without a known error is given its scale.
    """
    known = np.isfinite(z).sum(axis=(0, 2))
    own, told = np.nansum(z**2, axis=(0, 2)) / np.maximum(known, 1), known > 0
    count = np.bincount(level, weights=told)
    total = np.bincount(level, weights=own * told)
    of_level = np.divide(total, count, out=np.ones_like(total), where=count > 0)
    share = origins / (origins + NODE_PRIOR_ORIGINS)
    return np.asarray(np.sqrt(np.maximum(share * own + (1.0 - share) * of_level[level], TINY)))


def _shapes(unit: Array, draws: Array, level: Codes, levels: Sequence[float]) -> Array:
    """Return quantiles of errors in units of their node's size, (levels, q): a level's own as far as draws are many.

    What is shared is centred at 0: the mean error of few origins does not predict the next one's; normal if unknown.
    """
    known = unit[np.isfinite(unit)]
    normal = np.asarray(scipy.stats.norm.ppf(levels))
    shared = np.quantile(np.concatenate([known, -known]), levels) if known.size else normal
    shape = np.tile(shared, (draws.size, 1))
    for number in np.flatnonzero(draws > 0):
        own = unit[:, level == number]
        share = draws[number] / (draws[number] + SHAPE_PRIOR_DRAWS)
        own_shape = np.quantile(own[np.isfinite(own)], levels)
        shape[number] = share * own_shape + (1.0 - share) * shared
    return shape


def _growth(unit: Array, horizon: int, draws: float) -> Array:
    """Return the root mean square by part of the horizon over that of all of it, (h,), shrunk to 1 by few draws."""
    parts = min(HORIZON_PARTS, horizon)
    part = np.arange(horizon) * parts // horizon
    count = np.bincount(part, weights=np.isfinite(unit).sum(axis=(0, 1)))
    total = np.bincount(part, weights=np.nansum(unit**2, axis=(0, 1)))
    overall = total.sum() / max(count.sum(), 1.0)
    if overall <= 0:
        return np.ones(horizon)
    square = total / np.maximum(count, 1.0) / overall
    # a part that no origin has reached yet is at least as hard as those before it
    square = np.where(count > 0, square, max(square.max(), 1.0))
    believed = draws / (draws + GROWTH_PRIOR_DRAWS)
    return np.asarray(np.sqrt(believed * square + (1.0 - believed))[part])
