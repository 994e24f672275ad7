"""Baselines of an origin: of its leaves, or of every node where sums of them are no baseline of a sum."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forecasting.baselines.baseline import Baseline, baseline
from forecasting.choosing.candidates import OF_ALL_NODES
from forecasting.nodes.origin import Origin

Array = NDArray[np.float64]

# They repeat what was sold, closed days and all.
OF_HISTORY: tuple[Baseline, ...] = ("naive", "seasonal_naive", "last_year", "seasonal_mean")


def baselines_of(origin: Origin, names: Sequence[Baseline]) -> dict[str, Array]:
    """Return baselines of an origin by name, (n, h), 0 in rows that a baseline of leaves leaves out."""
    n, m = origin.hierarchy.n_nodes, origin.hierarchy.n_leaves
    found: dict[str, Array] = {}
    for name in names:
        rows = slice(0 if name in OF_ALL_NODES else n - m, n)
        Y = (origin.history if name in OF_HISTORY else origin.Y)[rows]
        made = np.zeros((n, origin.horizon))
        cycles = origin.cycles
        of = baseline(name, Y, origin.horizon, season=cycles.season, year=cycles.year)
        made[rows] = of.mean
        found[name] = made
    return found
