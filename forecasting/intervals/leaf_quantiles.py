"""A predictive distribution of leaves around their means, from what leaves alike really sold after earlier origins."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.intervals.few_draws import widened_levels
from forecasting.intervals.leaf_counts import count_table, table_quantiles
from forecasting.intervals.leaf_shape import rank_levels, shape_quantiles, shape_ranks
from forecasting.intervals.leaf_state import RUN_CLASSES, SPREAD_CLASSES, LeafState

Array = NDArray[np.float64]

# From so many cells on, twenty bins of the mean hold enough of them for tables; below, a shape is surer (tables and
# shapes score alike at 30,000 to 100,000 cells of M5, of monthly spare parts and of fresh goods by weight).
TABLE_CELLS = 40_000


@dataclass(frozen=True)
class LeafOrigin:
    """One earlier origin of m leaves: mean forecast then and units sold, (m, h), NaN where unknown, and state then."""

    mean: Array
    sold: Array
    state: LeafState


def leaf_quantiles(
    earlier: Sequence[LeafOrigin],
    mean: Array,
    state: LeafState,
    step: Array,
    levels: Sequence[float],
) -> Array:
    """Place quantiles (m, h, q), rising in q, >= 0, whole where a leaf's step is 1.

    mean: (m, h) units >= 0. step: (m,) units, of `unit_steps`: of leaves of one kind, all 1 or none. levels: (q,).
    """
    assert mean.shape[:1] == step.shape == state.code.shape
    known = [np.isfinite(origin.mean) & np.isfinite(origin.sold) for origin in earlier]
    cells = sum(int(here.sum()) for here in known)
    # leaves of one origin share its level's error: they are fewer draws than they are many
    draws = sum(here.any(axis=1).sum() ** 0.5 for here in known)
    wide = widened_levels(levels, draws) if draws else np.asarray(levels)
    if cells >= TABLE_CELLS:
        return _by_counts(earlier, known, mean, state, wide, whole=bool((step == 1.0).all()))
    return _by_shape(earlier, known, mean, state, step, wide)


def _by_counts(
    earlier: Sequence[LeafOrigin],
    known: Sequence[NDArray[np.bool_]],
    mean: Array,
    state: LeafState,
    levels: Array,
    *,
    whole: bool,
) -> Array:
    pairs = list(zip(earlier, known, strict=True))
    codes = [np.broadcast_to(one.state.code[:, None], here.shape)[here] for one, here in pairs]
    table = count_table(
        np.concatenate([one.mean[here] for one, here in pairs]),
        np.concatenate([one.sold[here] for one, here in pairs]),
        np.concatenate(codes),
        levels.tolist(),
        classes=SPREAD_CLASSES * RUN_CLASSES,
        whole=whole,
    )
    return table_quantiles(table, mean, state.code)


def _by_shape(
    earlier: Sequence[LeafOrigin],
    known: Sequence[NDArray[np.bool_]],
    mean: Array,
    state: LeafState,
    step: Array,
    levels: Array,
) -> Array:
    ranks = [
        shape_ranks(
            (one.mean / step[:, None])[here],
            np.broadcast_to(one.state.excess[:, None], here.shape)[here],
            (one.sold / step[:, None])[here],
        )
        for one, here in zip(earlier, known, strict=True)
    ]
    low, high = (np.concatenate([rank[side] for rank in ranks] or [np.zeros(0)]) for side in (0, 1))
    taken = rank_levels(low, high, levels.tolist())
    return shape_quantiles(mean / step[:, None], state.excess, taken) * step[:, None, None]
