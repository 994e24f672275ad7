"""Types of the simulator's arrays, and its sizes.

Symbols used in every shape of this package:
N pairs (product x shop; pair = product * S + shop), P products, S shops, D days, L order lines
that customers wanted, E events. Quantities are thousandths of the product's unit (int64), prices
millionths of a euro (int64), times of day seconds since local midnight, instants epoch seconds.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

IntArray: TypeAlias = NDArray[np.int64]
FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]
DayArray: TypeAlias = NDArray[np.datetime64]
Row: TypeAlias = dict[str, Any]

MILLI = 1000
CENT_MICROS = 10_000
HOUR_S = 3600


def rank_within(groups: IntArray) -> IntArray:
    """Compute each member's rank in its run of equal neighbours: 0, 1, 2 …; shape kept."""
    if groups.size == 0:
        return np.zeros(0, np.int64)
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    lengths = np.diff(np.r_[starts, groups.size])
    return np.arange(groups.size) - np.repeat(starts, lengths)


def sum_before(values: IntArray, groups: IntArray) -> IntArray:
    """Sum of what stands before each value in its run of equal neighbours; shape kept."""
    if groups.size == 0:
        return np.zeros(0, np.int64)
    before = np.cumsum(values) - values
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    lengths = np.diff(np.r_[starts, groups.size])
    return before - np.repeat(before[starts], lengths)
