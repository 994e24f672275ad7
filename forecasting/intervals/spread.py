"""Quantiles from a backtest: what earlier origins missed, in units of each node's own scale, says how wide to be.

n nodes, h days ahead, q quantiles. Errors of few nodes over one origin's days are nearly one draw (the level of the
total is wrong once, not 28 times), so levels of few nodes borrow each other's shape and widen as Student's t does, and
each node has a size of its own, shrunk to its level's; in levels of many nodes the errors are pooled by volume, which
follows the skew of small counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

SEASON_DAYS = 7
SCALE_DAYS = 56
# One unit's surprise in those days is the least: a shelf that was asleep may wake.
SCALE_MIN = SCALE_DAYS**-0.5
# A node's own size of error counts as much as its level's after so many origins (held best over 20 origins of M5).
NODE_PRIOR_ORIGINS = 4
# From so many nodes on, a level has a shape of its own in each bin of volume.
MANY_NODES, VOLUME_BINS = 1_000, 20
# Errors grow over the horizon: by week, pooled over the small levels.
HORIZON_BIN_DAYS = 7
TINY = 1e-12


@dataclass(frozen=True)
class Missed:
    """One earlier origin: error = actual - forecast, (n, h) of all nodes, and the nodes' scale (n,) as of then."""

    error: Array
    scale: Array
    volume: Array


def node_scale(history: Array) -> Array:
    """Take the size of a day's surprise, sqrt(mean (y_t - y_{t-7})^2 / 2) of the last weeks. history: (n, T); (n,)."""
    recent = history[:, -(SCALE_DAYS + SEASON_DAYS) :]
    moved = recent[:, SEASON_DAYS:] - recent[:, :-SEASON_DAYS]
    return np.asarray(np.sqrt((moved**2).mean(axis=1) / 2.0 + SCALE_MIN**2))


def spread(
    missed: Sequence[Missed],
    level: Codes,
    *,
    scale: Array,
    volume: Array,
    levels: Sequence[float],
    horizon: int,
) -> Array:
    """Place offsets from the forecast, (n, h, q). level: (n,). scale, volume: (n,) as of now. levels: probabilities."""
    offsets = np.empty((level.size, horizon, len(levels)))
    small = [number for number in np.unique(level) if (level == number).sum() < MANY_NODES]
    if small:
        _spread_small(offsets, missed, level, small, scale, levels)
    for number in np.unique(level):
        if number not in small:
            _spread_large(offsets, missed, level == number, scale, volume, levels)
    return offsets


def quantiles_around(mean: Array, offsets: Array) -> Array:
    """Add offsets (n, h, q) to forecasts (n, h), at least 0, rising in q."""
    return np.asarray(np.maximum.accumulate(np.maximum(mean[:, :, None] + offsets, 0.0), axis=2))


def _spread_small(
    offsets: Array,
    missed: Sequence[Missed],
    level: Codes,
    small: Sequence[int],
    scale: Array,
    levels: Sequence[float],
) -> None:
    """Fill the levels of few nodes: a size of its own for each node, one shape and one growth for all."""
    rows = np.isin(level, small)
    at = level[rows]
    # (origins, nodes, h), in units of scale
    z = np.stack([one.error[rows] / one.scale[rows, None] for one in missed])
    own, of_level = (z**2).mean(axis=(0, 2)), np.empty(at.size)
    draws = np.empty(at.size)
    for number in small:
        here = at == number
        of_level[here] = own[here].mean()
        draws[here] = len(missed) * np.sqrt(here.sum())
    believed = len(missed) / (len(missed) + NODE_PRIOR_ORIGINS)
    size = np.sqrt(believed * own + (1.0 - believed) * of_level)
    unit = z / np.maximum(size, TINY)[None, :, None]
    # centred: the mean error of few origins is no guide to the next one's
    shape = np.quantile(np.concatenate([unit.ravel(), -unit.ravel()]), levels)
    growth = _growth(unit, offsets.shape[1])
    wider = np.stack([_student(levels, count) for count in draws])
    each = (scale[rows] * size)[:, None] * shape[None, :] * wider
    offsets[rows] = each[:, None, :] * growth[None, :, None]


def _growth(unit: Array, horizon: int) -> Array:
    """Root mean square by week of the horizon, over that of all days. unit: (origins, nodes, h); returns (h,)."""
    squared = (unit**2).mean(axis=(0, 1))
    bins = np.arange(horizon) // HORIZON_BIN_DAYS
    weekly = np.bincount(bins, weights=squared) / np.bincount(bins)
    return np.asarray(np.sqrt(weekly / max(squared.mean(), TINY))[bins])


def _student(levels: Sequence[float], draws: float) -> Array:
    """Widen normal quantiles to those of the next draw after `draws` of them: t, and the mean's own error."""
    p = np.asarray(levels)
    off = np.abs(p - 0.5) > 1e-9
    ratio = np.ones(p.size)
    ratio[off] = stats.t.ppf(p[off], max(draws, 2.0)) / stats.norm.ppf(p[off])
    return np.asarray(ratio * np.sqrt(1.0 + 1.0 / draws))


def _spread_large(
    offsets: Array,
    missed: Sequence[Missed],
    rows: NDArray[np.bool_],
    scale: Array,
    volume: Array,
    levels: Sequence[float],
) -> None:
    past = np.concatenate([one.volume[rows] for one in missed])
    z = np.concatenate([one.error[rows] / one.scale[rows, None] for one in missed])
    edges = np.quantile(past, np.linspace(0, 1, VOLUME_BINS + 1)[1:-1])
    bin_then, bin_now = np.searchsorted(edges, past), np.searchsorted(edges, volume[rows])
    table = np.stack([np.quantile(z[bin_then == b], levels) for b in range(VOLUME_BINS)])
    offsets[rows] = scale[rows, None, None] * table[bin_now][:, None, :]
