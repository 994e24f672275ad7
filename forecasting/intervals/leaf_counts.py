"""Quantiles of a leaf's units a period, read from what leaves alike really sold after earlier origins.

A cell is one leaf in one period after an earlier origin: its mean forecast then, its class then, and the units sold.
Cells are put in bins of the mean within each class; a bin's quantiles are those of the units sold in it. Stock-outs,
leaves that wake and errors of the mean are all in the pool, so that no family of distributions has to be right.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]

# Twice as many bins of the mean score the same, and half as many lose a third of a percent (30,490 leaves of M5).
BINS_MAX = 80
# Fewer cells ask for fewer bins: a bin's outer quantiles need some hundred cells in each of its classes.
CELLS_A_BIN = 2_000
# A bin of a class with fewer cells takes the quantiles of all classes: five of them lie beyond the outer quantile.
CELLS_MIN = 200
# The fastest leaves differ most: more cuts at the upper end, as far as they leave enough cells.
TOP_CUTS = (0.98, 0.99, 0.995, 0.998, 0.9995)
# Above this mean a bin holds ratios to the mean: a count of 6 is as good a scale as its bin is narrow.
RATIO_FROM = 6.0
# A leaf whose mean was next to nothing and that sold would make a ratio of any size: a mean counts as this part of its
# bin's at least.
LEAST_PART = 0.5
# Beyond any value: keeps the bins apart in one sorted array.
FAR = 1e6
TINY = 1e-9


@dataclass(frozen=True)
class CountTable:
    """edges: (B - 1,) of the mean. least: (B,) of `_scale`. values: (C * B, q), in units of a cell's scale.

    lowest, highest: the means that were seen. whole: quantiles are rounded to whole units.
    """

    edges: Array
    least: Array
    values: Array
    lowest: float
    highest: float
    whole: bool


def bins_affordable(cells: int) -> int:
    """Return how many bins of the mean so many cells fill."""
    return int(np.clip(cells // CELLS_A_BIN, 1, BINS_MAX))


def count_table(
    mean: Array, sold: Array, code: Codes, levels: Sequence[float], *, classes: int, whole: bool
) -> CountTable:
    """Learn the table from cells. mean, sold: (c,) units, finite; code: (c,), 0 .. classes - 1. levels: (q,)."""
    assert mean.shape == sold.shape == code.shape
    assert mean.size > 0
    edges = _edges(mean)
    at, bins = np.searchsorted(edges, mean), edges.size + 1
    centre = np.bincount(at, weights=mean, minlength=bins) / np.maximum(
        np.bincount(at, minlength=bins), 1
    )
    is_ratio = (centre > RATIO_FROM) | ((not whole) & (centre > 0))
    least = np.where(is_ratio, centre * LEAST_PART, 0.0)
    value = np.clip(sold / _scale(mean, least[at]), 0.0, FAR - 1.0)
    values = _class_quantiles(value, code, at, (classes, bins), np.asarray(levels))
    return CountTable(edges, least, values, float(mean.min()), float(mean.max()), whole)


def table_quantiles(table: CountTable, mean: Array, code: Codes) -> Array:
    """Look up quantiles (m, h, q), rising in q and >= 0, for means (m, h) and classes (m,)."""
    assert code.shape == mean.shape[:1]
    bins = table.edges.size + 1
    at = np.searchsorted(table.edges, mean)
    # counts seen at other means than this one's are scaled as the mean is
    seen = np.clip(mean, table.lowest, table.highest)
    beyond = np.divide(mean, seen, out=np.ones_like(mean), where=seen > 0)
    scale = _scale(seen, table.least[at]) * beyond
    placed = table.values[code[:, None] * bins + at]
    placed *= scale[:, :, None]
    return np.asarray(np.round(placed) if table.whole else placed)


def _scale(mean: Array, least: Array) -> Array:
    """Return the units that a cell's value is counted in: its mean, in a bin of ratios; 1 in a bin of counts."""
    return np.where(least > 0, np.maximum(mean, least), 1.0)


def _edges(mean: Array) -> Array:
    bins = bins_affordable(mean.size)
    even = np.linspace(0, 1, bins + 1)[1:-1]
    top = [cut for cut in TOP_CUTS if cut > 1 - 1 / bins and (1 - cut) * mean.size >= CELLS_MIN]
    # means that are there, the highest left out: no bin is empty
    edges = np.unique(np.quantile(mean, [*even, *top], method="lower"))
    return np.asarray(edges[edges < mean.max()])


def _class_quantiles(
    value: Array, code: Codes, at: Codes, shape: tuple[int, int], levels: Array
) -> Array:
    """Return the quantiles of each class and bin, (C * B, q); of all classes where one has too few cells."""
    classes, bins = shape
    own, count = _quantiles(value, code * bins + at, classes * bins, levels)
    few = count < CELLS_MIN
    lacking: Mask = np.asarray(few.reshape(classes, bins).any(axis=0))
    if lacking.any():
        rows = lacking[at]
        pooled, _ = _quantiles(value[rows], at[rows], bins, levels)
        own[few] = np.tile(pooled, (classes, 1))[few]
    return own


def _quantiles(value: Array, code: Codes, size: int, levels: Array) -> tuple[Array, Codes]:
    """Return the smallest value that a share p of a code's cells reach: (size, q), and the count of cells (size,)."""
    ordered = np.sort(code * FAR + value)
    count = np.bincount(code, minlength=size)
    start = np.cumsum(count) - count
    # a share that is a whole number of cells but for rounding is that number
    rank = np.ceil(count[:, None] * levels - TINY).astype(np.int64) - 1
    index = np.minimum(start[:, None] + np.maximum(rank, 0), max(value.size - 1, 0))
    return ordered[index] - np.arange(size)[:, None] * FAR, count
