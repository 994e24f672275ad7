"""Demand classes: how often a series sells, and how evenly when it does (Syntetos, Boylan & Croston 2005)."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from forecasting.row_blocks import by_rows

Array = NDArray[np.float64]
DemandClass = Literal["smooth", "erratic", "intermittent", "lumpy"]
DEMAND_CLASSES: tuple[DemandClass, ...] = get_args(DemandClass)

# The published borders: mean interval between sales in periods, and squared coefficient of variation of their sizes.
ADI_BORDER = 1.32
CV2_BORDER = 0.49


def intervals_and_spread(Y: Array) -> tuple[Array, Array]:
    """Compute ADI and CV2 of each series from its first sale on.

    Y: (n, T), >= 0, NaN where unknown. Returns two (n,): known periods per selling period, inf for a series that never
    sold; and variance of the sold sizes / squared mean, 0 for a series that sold at most once.
    """
    assert Y.ndim == 2
    return by_rows(_intervals_and_spread, Y)


def _intervals_and_spread(Y: Array) -> tuple[Array, Array]:
    sold = np.nan_to_num(Y) > 0
    known = np.isfinite(Y) & np.maximum.accumulate(sold, axis=1)
    times = sold.sum(axis=1)
    interval = np.divide(known.sum(axis=1), times, out=np.full(times.size, np.inf), where=times > 0)
    sizes = np.where(sold, Y, 0.0)
    # In multiples of the largest, so that the squares of tiny and of huge sizes are numbers.
    sizes = sizes / np.maximum(sizes.max(axis=1, initial=0.0), np.finfo(np.float64).tiny)[:, None]
    mean = sizes.sum(axis=1) / np.maximum(times, 1)
    squared = (np.where(sold, sizes - mean[:, None], 0.0) ** 2).sum(axis=1)
    variance = squared / np.maximum(times, 1)
    spread = np.divide(variance, mean**2, out=np.zeros_like(mean), where=mean > 0)
    return interval, spread


def demand_classes(Y: Array) -> NDArray[np.str_]:
    """Classify each series, (n,) of DEMAND_CLASSES. Y: (n, T), NaN where unknown; never sold: intermittent."""
    interval, spread = intervals_and_spread(Y)
    rare, uneven = interval >= ADI_BORDER, spread >= CV2_BORDER
    names = np.array(DEMAND_CLASSES)
    named: NDArray[np.str_] = names[2 * rare.astype(np.int64) + uneven.astype(np.int64)]
    return named
