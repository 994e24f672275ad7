"""Quantiles of all nodes around their means: of many or slow ones by counts, of the others by errors."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forecasting.intervals.conformal import NodeErrors, conformal_offsets, quantiles_around
from forecasting.intervals.leaf_quantiles import LeafOrigin, leaf_quantiles
from forecasting.intervals.leaf_state import leaf_state, unit_steps, window_periods
from forecasting.intervals.missed import (
    COMPARED_MIN,
    Missed,
    node_scale,
    rehearse,
    rehearsed_periods,
    seasonal_lag,
)

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]

# Whole units are told from so many windows of the past: a product that is weighed now once came in pieces, perhaps.
UNIT_WINDOWS = 2
# From so many nodes on, and below so many units a period, a level's quantiles are those of counts: on M5's levels of
# items they score 1 to 3 % better than errors in units of a scale, and hold what they say.
MANY_NODES, SLOW_BELOW = 1_000, 6.0
# Leaves that sell by weight and pause in fewer periods than this have errors as larger nodes do.
PAUSES_FROM = 0.25


def place_quantiles(
    mean: Array,
    level: Codes,
    n_leaves: int,
    earlier: Sequence[Missed],
    history: Array,
    levels: Sequence[float],
    *,
    season: int,
) -> Array:
    """Place quantiles (n, h, q) around coherent means: rising in q, >= 0, whole for leaves that sell whole units.

    mean: (n, h) units. level: (n,) number of each node's level; the last n_leaves nodes are the leaves. earlier: what
    was forecast from earlier origins, in any order, rows NaN for nodes that were not; without any, plain forecasts of
    the history are used instead. history: (n, T) units, NaN where unknown. levels: (q,) rising probabilities. season:
    periods a season, 7 for days, 52 for weeks, 12 for months, 4 for quarters.
    """
    n = mean.shape[0]
    assert level.shape == (n,)
    assert history.shape[0] == n
    assert 0 < n_leaves <= n
    assert all(0 < one.known <= history.shape[1] for one in earlier)
    history, earlier = _recent(history, earlier, mean.shape[1], season)
    recent = history[:, -UNIT_WINDOWS * window_periods(season) :]
    counted = counted_levels(mean, level, n_leaves, recent)
    placed = np.empty((*mean.shape, len(levels)))
    for rows in _placed_alike(counted, level):
        told = _told(earlier, rows)
        if counted[level[rows]].all():
            placed[rows] = _by_counts(mean[rows], told, history[rows], levels, season)
        else:
            placed[rows] = _by_errors(mean[rows], level[rows], told, history[rows], levels, season)
    return placed


def _placed_alike(counted: Mask, level: Codes) -> list[Mask]:
    """List the nodes that are placed together: each counted level, the leaves, and all other levels as one."""
    alone = counted.copy()
    alone[level[-1]] = True
    parts = [level == number for number in np.unique(level) if alone[number]]
    return [rows for rows in [~alone[level], *parts] if rows.any()]


def _recent(
    history: Array, earlier: Sequence[Missed], horizon: int, season: int
) -> tuple[Array, list[Missed]]:
    """Cut off the past that nothing looks at: a long history of many leaves is not copied."""
    T = history.shape[1]
    back = max([T - one.known for one in earlier], default=rehearsed_periods(horizon))
    keep = back + UNIT_WINDOWS * window_periods(season) + season + COMPARED_MIN
    cut = max(T - keep, 0)
    return history[:, cut:], [Missed(one.known - cut, one.mean, one.came) for one in earlier]


def counted_levels(mean: Array, level: Codes, n_leaves: int, recent: Array) -> Mask:
    """Return which levels are read from counts, (levels,): of many nodes, of slow whole units, and most leaves.

    Leaves are, unless they are few and sell by weight nearly every period. recent: (n, periods) units, NaN where
    unknown.
    """
    whole, _ = unit_steps(recent)
    counted = np.bincount(level) >= MANY_NODES
    for number in np.unique(level):
        rows = level == number
        pieces = bool(np.median(whole[rows]) > 0)
        counted[number] |= pieces and bool(np.median(mean[rows]) < SLOW_BELOW)
    leaves = slice(-n_leaves, None)
    pauses = np.mean(recent[leaves] == 0) > PAUSES_FROM * np.mean(np.isfinite(recent[leaves]))
    counted[level[-1]] |= bool(pauses or np.median(whole[leaves]) > 0)
    return counted


def _told(earlier: Sequence[Missed], rows: Mask) -> list[Missed]:
    """Keep the origins that have errors of these nodes, and of them these rows."""
    cut = [Missed(one.known, one.mean[rows], one.came[rows]) for one in earlier]
    return [one for one in cut if np.isfinite(one.mean + one.came).any()]


def _by_errors(
    mean: Array,
    level: Codes,
    earlier: Sequence[Missed],
    history: Array,
    levels: Sequence[float],
    season: int,
) -> Array:
    origins = list(earlier) or rehearse(history, mean.shape[1], season, None)
    window = window_periods(season)
    # one way to measure a surprise for all origins: errors are compared in units of it
    shortest = min([one.known for one in origins], default=history.shape[1])
    lag = seasonal_lag(shortest, season)

    errors = [
        NodeErrors(one.came - one.mean, node_scale(history[:, : one.known], lag, window))
        for one in origins
    ]
    _, codes = np.unique(level, return_inverse=True)
    scale = node_scale(history, lag, window)
    offsets = conformal_offsets(errors, codes, scale=scale, levels=levels, horizon=mean.shape[1])
    return quantiles_around(mean, offsets)


def _by_counts(
    mean: Array,
    earlier: Sequence[Missed],
    history: Array,
    levels: Sequence[float],
    season: int,
) -> Array:
    window = window_periods(season)
    origins = list(earlier) or rehearse(history, mean.shape[1], season, window)
    whole, step = unit_steps(history[:, -UNIT_WINDOWS * window :])
    placed = np.empty((*mean.shape, len(levels)))
    for rows in (whole, ~whole):
        if rows.any():
            past = [_leaf_origin(one, history, window, rows, step[rows]) for one in origins]
            now = leaf_state(history[rows, -window:], window, step[rows])
            positive = np.maximum(mean[rows], 0.0)
            placed[rows] = leaf_quantiles(past, positive, now, step[rows], levels)
    return placed


def _leaf_origin(one: Missed, history: Array, window: int, rows: Mask, step: Array) -> LeafOrigin:
    past = history[rows, max(one.known - window, 0) : one.known]
    state = leaf_state(past, window, step)
    return LeafOrigin(np.maximum(one.mean[rows], 0.0), np.maximum(one.came[rows], 0.0), state)
