"""Errors of the shelf by level, and coverage. n nodes, h ahead; unknown values (NaN) are not scored.

A cell is a level with a metric: "total", "location / product RMSSE".
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks._shelf_baselines import DECILES
from benchmarks._shelf_panel import ShelfSet
from forecasting import QUANTILES, Hierarchy

Array = NDArray[np.float64]
# Probabilities of `Forecast.quantiles`.
COVERAGE = {
    str(width): (
        QUANTILES.index(round(0.5 - width / 200, 3)),
        QUANTILES.index(round(0.5 + width / 200, 3)),
    )
    for width in (50, 80, 95)
}


@dataclass(frozen=True)
class Test:
    """One hold-out of a set: the nodes' past (n, T) and what came (n, h)."""

    shelf: ShelfSet
    hierarchy: Hierarchy
    past: Array
    came: Array

    def levels(self) -> dict[str, NDArray[np.int64]]:
        """List the rows of each level by its name."""
        return self.hierarchy.tags


def test_at(shelf: ShelfSet, hierarchy: Hierarchy, periods: int) -> Test:
    """Make the hold-out after so many periods."""
    nodes = node_values(shelf, hierarchy)
    return Test(shelf, hierarchy, nodes[:, :periods], nodes[:, periods : periods + shelf.horizon])


def node_values(shelf: ShelfSet, hierarchy: Hierarchy) -> Array:
    """Sum the leaves, (n, N): known where some leaf is, and as the set says where none is."""
    leaves = shelf.Y[hierarchy.leaf_rows]
    nodes = hierarchy.sum_leaves(np.nan_to_num(leaves))
    known = hierarchy.sum_leaves(np.isfinite(leaves).astype(np.float64)) > 0
    nodes = np.where(known, nodes, shelf.gap_above)
    nodes[-hierarchy.n_leaves :] = leaves
    return nodes


def errors(test: Test, made: Array, deciles: Callable[[], Array]) -> dict[str, float]:
    """Score a forecast (n, h) in each cell; deciles (n, h, 9) are asked for where the metric wants them.

    A level with a row of NaN is not forecast, and has no cell.
    """
    levels = {name: rows for name, rows in test.levels().items() if np.isfinite(made[rows]).all()}
    if test.shelf.metric == "WAPE":
        return {name: wape(test.came[rows], made[rows]) for name, rows in levels.items()}
    if test.shelf.metric == "sMAPE":
        return {name: smape(test.came[rows], made[rows]) for name, rows in levels.items()}
    spread = deciles()
    found = {}
    for name, rows in levels.items():
        found[f"{name} RMSSE"] = rmsse(test.came[rows], made[rows], test.past[rows])
        found[f"{name} WQL"] = wql(test.came[rows], spread[rows])
    return found


def wape(came: Array, made: Array) -> float:
    """Divide the sum of absolute errors by the sum of actuals."""
    known = np.isfinite(came)
    return float(np.abs(came - made)[known].sum() / np.abs(came[known]).sum())


def smape(came: Array, made: Array) -> float:
    """Average 2 |error| / (|actual| + |forecast|), as the M3 competition scored."""
    known = np.isfinite(came)
    return float((2 * np.abs(came - made) / (np.abs(came) + np.abs(made)))[known].mean())


def rmsse(came: Array, made: Array, past: Array) -> float:
    """Average over nodes the RMSE by that of the naive forecast since the first sale, as M5 scales it.

    Nodes that never moved since are left out.
    """
    started = np.maximum.accumulate(past > 0, axis=1)[:, :-1]
    steps = np.where(started, np.diff(past, axis=1) ** 2, 0.0)
    scale = steps.sum(axis=1) / np.maximum(started.sum(axis=1), 1)
    error = ((came - made) ** 2).mean(axis=1)
    moved = scale > 0
    return float(np.sqrt(error[moved] / scale[moved]).mean())


def wql(came: Array, deciles: Array) -> float:
    """Average over deciles 2 x pinball loss by the sum of actuals. deciles: (n, h, 9)."""
    missed = came[:, :, None] - deciles
    pinball = np.maximum(DECILES * missed, (DECILES - 1) * missed)
    return float(2 * np.nansum(pinball) / DECILES.size / np.nansum(came))


def deciles_between(quantiles: Array) -> Array:
    """Interpolate deciles (n, h, 9) from `Forecast.quantiles` (n, h, q), on the line between neighbours."""
    above = np.clip(np.searchsorted(QUANTILES, DECILES), 1, len(QUANTILES) - 1)
    low, high = np.array(QUANTILES)[above - 1], np.array(QUANTILES)[above]
    share = (DECILES - low) / (high - low)
    between: Array = quantiles[:, :, above - 1] * (1 - share) + quantiles[:, :, above] * share
    return between


def coverage(test: Test, quantiles: Array) -> dict[str, dict[str, float]]:
    """Compute the share of known cells inside the interval, by level and width, pooled over nodes and periods."""
    known = np.isfinite(test.came)
    found: dict[str, dict[str, float]] = {}
    for name, rows in test.levels().items():
        inside = {
            width: (test.came[rows] >= quantiles[rows, :, low])
            & (test.came[rows] <= quantiles[rows, :, high])
            for width, (low, high) in COVERAGE.items()
        }
        found[name] = {width: float(of[known[rows]].mean()) for width, of in inside.items()}
    return found
