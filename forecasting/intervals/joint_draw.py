"""Joint paths a period at a time: a chain of any size needs memory for one period, never for all of them.

m leaves, n nodes, B paths, h periods ahead, q quantile levels. All that joins the periods is the template of each path.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.intervals.paths import (
    Templates,
    coherent_day,
    leaf_day,
    rank_reader,
    template_order,
    upper_levels,
)
from forecasting.structure.hierarchy import Hierarchy

Array = NDArray[np.float64]
Single = NDArray[np.float32]

# Rounding draws from a stream of its own, so that whole units change nothing else of a seed's paths.
ROUNDING_STREAM = 1


@dataclass(frozen=True)
class PathPlan:
    """All that joint paths are drawn from; drawing again gives the same paths.

    quantiles: (n, h, q) units a period of all nodes. levels: (q,) shares in (0, 1), ascending. templates: None draws
    leaves and periods independently. whole: (m,) leaves that sell whole units only.
    """

    hierarchy: Hierarchy
    quantiles: Array
    levels: Sequence[float]
    templates: Templates | None
    whole: NDArray[np.bool_]
    count: int
    seed: int = 0

    @property
    def horizon(self) -> int:
        """Return the number of periods ahead."""
        return int(self.quantiles.shape[1])


@dataclass(frozen=True)
class Paths:
    """Joint sample paths of k leaves over h periods: each of the B is one future of all of them at once.

    leaves: (k,) rows, a column per key. days: (h,). values: (B, k, h) float32, units a period, >= 0.
    A sum over leaves or days of one path is one draw of that sum: sum within each path first, then take a quantile or
    a mean over the B. Quantiles must not be added up; path 7 of one location belongs to path 7 of every other.
    """

    leaves: pd.DataFrame
    days: pd.DatetimeIndex
    values: Single


def draw_days(plan: PathPlan) -> Iterator[Single]:
    """Draw the paths of all leaves, one period after the other: h arrays (m, B), units, >= 0.

    The same numbers as `leaf_paths` and `coherent_paths` draw at once, up to float32; whole units are rounded after.
    """
    m = plan.hierarchy.n_leaves
    assert plan.quantiles.shape[2] == len(plan.levels)
    assert plan.whole.shape == (m,)
    rng = np.random.default_rng(plan.seed)
    rounding = np.random.default_rng([plan.seed, ROUNDING_STREAM])
    found = 0 if plan.templates is None else plan.templates.starts.size
    order = template_order(found, plan.count, rng)
    read, parts = rank_reader(plan.levels, plan.count), upper_levels(plan.hierarchy)
    for ahead in range(plan.horizon):
        missed = np.zeros((m, 0))
        if plan.templates is not None and found:
            missed = plan.templates.day(ahead)
        quantiles = plan.quantiles[:, ahead]
        drawn = leaf_day(quantiles[-m:], read, missed, order, rng)
        coherent = coherent_day(parts, drawn, quantiles, read)
        yield round_whole(coherent, plan.whole, rounding)


def whole_leaves(units: Array) -> NDArray[np.bool_]:
    """Return which leaves have only ever sold whole units. units: (m, T), NaN where unknown. Returns (m,)."""
    known = np.nan_to_num(units)
    return np.asarray((known == np.rint(known)).all(axis=1))


def round_whole(paths: Single, whole: NDArray[np.bool_], rng: np.random.Generator) -> Single:
    """Round one period's paths (m, B) of leaves that sell whole units, up or down, by chance and without bias.

    Neighbours are rounded together (systematic sampling): the sum of any neighbouring whole leaves, such as those of
    one location, moves by less than a unit, however many there are. Whole numbers stay what they are.
    """
    if not whole.any():
        return paths
    summed = np.cumsum(paths[whole], axis=0, dtype=np.float64)
    # a float32 that was scaled and back is whole but for its last bits: these must not be worth a unit
    steps = np.floor(np.round(summed, 3) + rng.random(paths.shape[1]))
    out = paths.copy()
    out[whole] = np.diff(steps, axis=0, prepend=0.0)
    return out


def sum_days(plan: PathPlan, count: int) -> Array:
    """Sum the first `count` paths of the leaves into paths of all nodes, (n, count, h), units."""
    S = plan.hierarchy.S
    days = [S @ drawn[:, :count].astype(np.float64) for drawn in draw_days(plan)]
    return np.ascontiguousarray(np.stack(days, axis=2))


def take_paths(plan: PathPlan, days: pd.DatetimeIndex, leaves: NDArray[np.int64]) -> Paths:
    """Draw the paths of the whole chain and keep those of some leaves (k,), rows of the hierarchy's leaves."""
    assert len(days) == plan.horizon
    kept = np.stack([drawn[leaves] for drawn in draw_days(plan)])
    return Paths(
        leaf_keys(plan.hierarchy).iloc[leaves].reset_index(drop=True),
        days,
        np.ascontiguousarray(kept.transpose(2, 1, 0)),
    )


def leaf_keys(hierarchy: Hierarchy) -> pd.DataFrame:
    """List the leaves in the order of the hierarchy, (m,) rows, a column per key of the last level."""
    nodes = hierarchy.nodes.iloc[-hierarchy.n_leaves :]
    return nodes[list(hierarchy.levels[-1])].reset_index(drop=True)
