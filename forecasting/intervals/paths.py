"""Joint sample paths: futures of all nodes and days at once, so that a sum over any of them has a right interval.

n nodes, m leaves, T periods, h periods ahead, B paths, O templates, q quantile levels. Leaves get their own quantiles,
put in an order that was seen: a template is what the models missed over h consecutive periods after a day in the past,
at all leaves (Schaake shuffle: Clark et al. 2004; for hierarchies Ben Taieb, Taylor & Hyndman 2021). The missed level
of a template lasts over its days, as it would have then, for its forecast knew the level up to its first day only.
Upper levels are then brought to their own quantiles, from fine to coarse, every leaf below scaled alike: paths stay
sums, and the ranks stay. One period needs nothing of another but the templates in use: `joint_draw.py` draws a period
at a time, and the functions here that take whole arrays are for chains that fit into memory.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from forecasting.experts.level import window_ratio
from forecasting.row_blocks import by_rows
from forecasting.structure.hierarchy import Hierarchy

Array = NDArray[np.float64]
Single = NDArray[np.float32]

# Templates start a week apart, over the last two years: every one begins on the same weekday as the forecast.
TEMPLATE_STEP_DAYS, TEMPLATES_MAX = 7, 104
LEVEL_WINDOWS_DAYS = (14, 28)
# A node is never scaled by more than this to meet its quantile: a path of zeros cannot be scaled at all.
FACTOR_MIN, FACTOR_MAX = 0.2, 5.0
# 200 tell the 97.5 % quantile of a sum by 5 paths above it; small chains afford more, for rarer ones.
PATHS_MIN, PATHS_MAX, LEAF_PATHS_MAX = 200, 500, 1_200_000
# Jitter that orders ties and repeats of a template, as a share of what a leaf misses: too small to reorder the rest.
JITTER = 1e-3


def paths_affordable(leaves: int) -> int:
    """Return how many paths to draw for so many leaves."""
    return int(np.clip(LEAF_PATHS_MAX // max(leaves, 1), PATHS_MIN, PATHS_MAX))


@dataclass(frozen=True)
class Templates:
    """Past periods after which to look, and the level that a forecast would have known then.

    Y, fitted: (m, T) units a period, NaN where unknown. starts: (O,) first period of each template. level: (O, m).
    """

    Y: Array
    fitted: Array
    starts: NDArray[np.int64]
    level: Array

    def day(self, ahead: int) -> Array:
        """Return what was missed `ahead` periods after each start: (m, O), 0 where unknown."""
        at = self.starts + ahead
        return np.nan_to_num(self.Y[:, at] - self.fitted[:, at] * self.level.T)

    def missed(self, horizon: int) -> Array:
        """Return what was missed in all periods after each start: (O, m, horizon), 0 where unknown."""
        made = np.zeros((self.starts.size, self.Y.shape[0], horizon))
        for ahead in range(horizon if self.starts.size else 0):
            made[:, :, ahead] = self.day(ahead).T
        return made


def find_templates(
    Y: Array,
    fitted: Array,
    horizon: int,
    *,
    step: int = TEMPLATE_STEP_DAYS,
    most: int = TEMPLATES_MAX,
    windows: Sequence[int] = LEVEL_WINDOWS_DAYS,
) -> Templates:
    """Find the templates of a history. Y, fitted: (m, T), NaN where unknown; there are none where it is too short.

    step, windows: in periods; a step of one season keeps every template in phase with the forecast. The fitted values
    are used as a forecast once they are scaled by the level of the windows before.
    """
    back = max(windows)
    starts = np.arange(Y.shape[1] - horizon, back - 1, -step)[:most]
    level = np.ones((starts.size, Y.shape[0]))
    for row, start in enumerate(starts):
        past = slice(start - back, start)
        level[row] = window_ratio(Y[:, past], fitted[:, past], windows)
    return Templates(Y, fitted, starts, np.clip(level, FACTOR_MIN, FACTOR_MAX))


def leaf_paths(
    quantiles: Array,
    levels: Sequence[float],
    template: Array,
    count: int,
    *,
    rng: np.random.Generator,
) -> Array:
    """Draw `count` paths of the leaves. Returns (count, m, h), units, >= 0.

    quantiles: (m, h, q) units. template: (O, m, h), of `Templates.missed`; with O = 0 days and leaves are drawn
    independently.
    """
    m, h, q = quantiles.shape
    assert q == len(levels)
    order = template_order(template.shape[0], count, rng)
    read = rank_reader(levels, count)
    drawn = np.empty((count, m, h))
    for ahead in range(h):
        missed = template[:, :, ahead].T
        drawn[:, :, ahead] = leaf_day(quantiles[:, ahead], read, missed, order, rng).T
    return drawn


def coherent_paths(
    hierarchy: Hierarchy, leaves: Array, quantiles: Array, levels: Sequence[float]
) -> Array:
    """Move sums of leaf paths to the nodes' own quantiles, finest level first. Returns the leaves, (B, m, h).

    leaves: (B, m, h), as of `leaf_paths`. quantiles: (n, h, q) of all nodes. The whole chain's come last and hold
    exactly where no factor met its bound; the levels below it move by little.
    """
    out = np.empty_like(leaves)
    parts, read = upper_levels(hierarchy), rank_reader(levels, leaves.shape[0])
    for ahead in range(leaves.shape[2]):
        # in single precision as `draw_days`: sums of whole units tie, and the last bits decide their order
        day = np.ascontiguousarray(leaves[:, :, ahead].T, dtype=np.float32)
        out[:, :, ahead] = coherent_day(parts, day, quantiles[:, ahead], read).T
    return out


def node_paths(hierarchy: Hierarchy, leaves: Array, count: int) -> Array:
    """Sum the first `count` leaf paths (B, m, h) into paths of all nodes: (n, count, h)."""
    B, m, h = leaves[:count].shape
    flat = leaves[:count].transpose(1, 0, 2).reshape(m, B * h)
    return np.asarray(hierarchy.S @ flat).reshape(hierarchy.n_nodes, B, h)


def template_order(found: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose the template of each path, all as equally often as can be; empty where there are none."""
    if found == 0:
        return np.zeros(0, dtype=np.int64)
    return np.tile(rng.permutation(found), -(-count // found))[:count]


def rank_reader(levels: Sequence[float], count: int) -> Array:
    """Return the weights (q, B) that read a quantile function at B even ranks: linear, and on beyond the last."""
    known = np.asarray(levels, dtype=np.float64)
    u = (np.arange(count) + 0.5) / count
    at = np.clip(np.searchsorted(known, u, side="right") - 1, 0, known.size - 2)
    share = (u - known[at]) / (known[at + 1] - known[at])
    weights = np.zeros((known.size, count))
    weights[at, np.arange(count)] = 1.0 - share
    weights[at + 1, np.arange(count)] = share
    return weights


def leaf_day(
    quantiles: Array,
    read: Array,
    missed: Array,
    order: NDArray[np.int64],
    rng: np.random.Generator,
) -> Single:
    """Draw one period of the leaves. quantiles: (m, q); read: (q, B); missed: (m, O). Returns (m, B), >= 0."""
    shape = (quantiles.shape[0], read.shape[1])
    seen: Single = rng.random(shape, dtype=np.float32) - np.float32(0.5)
    if order.size:
        size = np.maximum(np.abs(missed).mean(axis=1, keepdims=True), 1e-12)
        seen *= (2 * JITTER * size).astype(np.float32)
        seen += missed.astype(np.float32)[:, order]
    return _in_order_of(seen, quantiles, read)


def upper_levels(hierarchy: Hierarchy) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """List the upper levels, finest first: rows of S (k,) and each leaf's node in them (m,)."""
    found = [(hierarchy.rows(p), hierarchy.groups(p)) for p in range(len(hierarchy.levels) - 1)]
    return sorted(found, key=lambda level: -level[0].size)


def coherent_day(
    parts: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
    leaves: Single,
    quantiles: Array,
    read: Array,
) -> Single:
    """Move one period of leaf paths (m, B) to the nodes' quantiles (n, q), level by level; leaves stay unchanged."""
    out = leaves.copy()
    for rows, group in parts:
        total = _sums(group, rows.size, out)
        wanted = _in_order_of(total, quantiles[rows], read)
        factor = np.divide(wanted, total, out=np.ones_like(total), where=total > 0)
        out *= np.clip(factor, FACTOR_MIN, FACTOR_MAX)[group]
    return out


def _sums(group: NDArray[np.int64], nodes: int, leaves: Single) -> Single:
    """Sum leaves (m, B) by node: (nodes, B)."""
    ones = np.ones(group.size, dtype=leaves.dtype)
    of_node = sparse.csr_matrix((ones, (group, np.arange(group.size))), (nodes, group.size))
    return np.asarray(of_node @ leaves)


def _in_order_of(seen: Single, quantiles: Array, read: Array) -> Single:
    """Return for each path the value that its rank in `seen` (k, B) has in the node's own quantiles (k, q)."""
    return by_rows(partial(_ordered, read=read), seen, quantiles)


def _ordered(seen: Single, quantiles: Array, *, read: Array) -> Single:
    values = np.maximum(quantiles @ read, 0.0).astype(seen.dtype)
    out = np.empty_like(seen)
    np.put_along_axis(out, np.argsort(seen, axis=1), values, axis=1)
    return out
