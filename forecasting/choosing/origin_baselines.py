"""Baselines of an origin: of its leaves, or of every node where sums of them are not a baseline of the sum."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from forecasting.baselines.baseline import Baseline, baseline
from forecasting.choosing.candidates import OF_ALL_NODES
from forecasting.nodes.origin import Origin
from forecasting.row_blocks import ROWS_AT_ONCE, by_rows

Array = NDArray[np.float64]

# They repeat what was sold, closed days and all.
OF_HISTORY: tuple[Baseline, ...] = ("naive", "seasonal_naive", "last_year", "seasonal_mean")
# Rows at once: of those that look at all periods together few, of those that go through periods one by one many.
BLOCKS: Mapping[Baseline, int] = {
    **dict.fromkeys((*OF_HISTORY, "last_year_growth", "moving_average"), ROWS_AT_ONCE),
    **dict.fromkeys(("Croston", "TSB"), 8 * ROWS_AT_ONCE),
}


def baselines_of(origin: Origin, names: Sequence[Baseline]) -> dict[str, Array]:
    """Return baselines of an origin by name, (n, h), 0 in rows that a baseline of leaves leaves out."""
    n, m = origin.hierarchy.n_nodes, origin.hierarchy.n_leaves
    found: dict[str, Array] = {}
    for name in names:
        rows = slice(0 if name in OF_ALL_NODES else n - m, n)
        Y = (origin.comparable if name in OF_HISTORY else origin.Y)[rows]
        made = np.zeros((n, origin.horizon))
        made[rows] = by_rows(partial(_mean, name, origin), Y, at_once=BLOCKS.get(name, Y.shape[0]))
        found[name] = made
    return found


def _mean(name: Baseline, origin: Origin, Y: Array) -> Array:
    cycles = origin.cycles
    return baseline(name, Y, origin.horizon, season=cycles.season, year=cycles.year).mean
