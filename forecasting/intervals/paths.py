"""Joint sample paths: futures of all nodes and days at once, so that a sum over any of them has a right interval.

n nodes, m leaves, T days, h days ahead, B paths, O templates. Leaves get their own quantiles, put in an order that was
seen: a template is what the models missed over h consecutive days after a day in the past, at all leaves (Schaake
shuffle: Clark et al. 2004; for hierarchies Ben Taieb, Taylor & Hyndman 2021). The missed level of a template lasts
over its days, as it would have then, for its forecast knew the level up to its first day only. Upper levels are then
brought to their own quantiles, from fine to coarse, every leaf below scaled alike: paths stay sums, and the ranks stay.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forecasting.experts.level import window_ratio
from forecasting.structure.hierarchy import Hierarchy

Array = NDArray[np.float64]

# Templates start a week apart, over the last two years: every one begins on the same weekday as the forecast.
TEMPLATE_STEP_DAYS, TEMPLATES_MAX = 7, 104
LEVEL_WINDOWS_DAYS = (14, 28)
# A node is never scaled by more than this to meet its quantile: a path of zeros cannot be scaled at all.
FACTOR_MIN, FACTOR_MAX = 0.2, 5.0
# As many as fit well into memory; more of them make rarer quantiles of sums readable.
PATHS_MAX, PATHS_MIN, LEAF_PATHS_MAX = 200, 20, 1_200_000


def paths_affordable(leaves: int) -> int:
    """Tell how many paths to draw for so many leaves."""
    return int(np.clip(LEAF_PATHS_MAX // max(leaves, 1), PATHS_MIN, PATHS_MAX))


def templates(Y: Array, fitted: Array, horizon: int) -> Array:
    """Collect what was missed after many days of the past: (O, m, h). Y, fitted: (m, T), NaN where unknown.

    The fitted values stand for a forecast once they are scaled by the level of the weeks before. An unknown day missed
    nothing. O is 0 where the history is too short.
    """
    T = Y.shape[1]
    back = max(LEVEL_WINDOWS_DAYS)
    starts = np.arange(T - horizon, back - 1, -TEMPLATE_STEP_DAYS)[:TEMPLATES_MAX]
    made = np.zeros((starts.size, Y.shape[0], horizon))
    for row, start in enumerate(starts):
        past = slice(start - back, start)
        level = window_ratio(Y[:, past], fitted[:, past], LEVEL_WINDOWS_DAYS)
        level = np.clip(level, FACTOR_MIN, FACTOR_MAX)
        days = slice(start, start + horizon)
        made[row] = np.nan_to_num(Y[:, days] - fitted[:, days] * level[:, None])
    return made


def leaf_paths(
    quantiles: Array,
    levels: Sequence[float],
    template: Array,
    count: int,
    *,
    rng: np.random.Generator,
) -> Array:
    """Draw `count` paths of the leaves. quantiles: (m, h, q); template: (O, m, h). Returns (count, m, h), >= 0.

    Without templates the days and leaves are drawn independently.
    """
    m, h, q = quantiles.shape
    assert q == len(levels)
    drawn = np.empty((count, m, h))
    if template.shape[0]:
        # as equally often as can be, so that the marginals stay what the quantiles say
        order = np.tile(rng.permutation(template.shape[0]), -(-count // template.shape[0]))[:count]
        drawn[:] = template[order]
    else:
        drawn[:] = 0.0
    # ties (days without a sale) and repeats of a template are put in random order
    size = np.maximum(np.abs(drawn).mean(axis=0), 1e-12)
    drawn += rng.uniform(-1e-3, 1e-3, drawn.shape) * size
    rank = np.argsort(np.argsort(drawn, axis=0), axis=0)
    return _at_ranks(quantiles, np.asarray(levels), (rank + 0.5) / count)


def coherent_paths(
    hierarchy: Hierarchy, leaves: Array, quantiles: Array, levels: Sequence[float]
) -> Array:
    """Bring sums of leaf paths to the nodes' own quantiles, finest level first. Returns the leaves, (B, m, h).

    leaves: (B, m, h), as of `leaf_paths`. quantiles: (n, h, q) of all nodes. The whole chain's come last and hold
    exactly where no factor met its bound; the levels below it move by little.
    """
    out = leaves.copy()
    sizes = [hierarchy.rows(position).size for position in range(len(hierarchy.levels) - 1)]
    for position in sorted(range(len(sizes)), key=lambda at: -sizes[at]):
        rows, group = hierarchy.rows(position), hierarchy.groups(position)
        total = _sums(hierarchy, rows, out)
        wanted = _recalibrated(total, quantiles[rows], np.asarray(levels))
        factor = np.divide(wanted, total, out=np.ones_like(total), where=total > 0)
        out *= np.clip(factor, FACTOR_MIN, FACTOR_MAX)[:, group]
    return out


def node_paths(hierarchy: Hierarchy, leaves: Array, count: int) -> Array:
    """Sum the first `count` leaf paths into paths of all nodes: (n, count, h)."""
    summed = _sums(hierarchy, np.arange(hierarchy.n_nodes), leaves[:count])
    return np.ascontiguousarray(summed.transpose(1, 0, 2))


def _sums(hierarchy: Hierarchy, rows: NDArray[np.int64], leaves: Array) -> Array:
    B, m, h = leaves.shape
    flat = leaves.transpose(1, 0, 2).reshape(m, B * h)
    return np.asarray((hierarchy.S[rows] @ flat).reshape(rows.size, B, h).transpose(1, 0, 2))


def _recalibrated(total: Array, quantiles: Array, levels: Array) -> Array:
    """Give each path's sum the value that its rank has in the node's own quantiles. total: (B, k, h)."""
    rank = np.argsort(np.argsort(total, axis=0), axis=0)
    return _at_ranks(quantiles, levels, (rank + 0.5) / total.shape[0])


def _at_ranks(quantiles: Array, levels: Array, u: Array) -> Array:
    """Read quantile functions (m, h, q) at u (B, m, h): linear between the levels, and on beyond the last ones."""
    at = np.clip(np.searchsorted(levels, u, side="right") - 1, 0, levels.size - 2)
    m, h = (
        np.arange(quantiles.shape[0])[None, :, None],
        np.arange(quantiles.shape[1])[None, None, :],
    )
    low, high = quantiles[m, h, at], quantiles[m, h, at + 1]
    share = (u - levels[at]) / (levels[at + 1] - levels[at])
    return np.asarray(np.maximum(low + share * (high - low), 0.0))
