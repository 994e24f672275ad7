"""Demand of a history whose shelves were empty at times: what would have been asked for, by the past alone."""

import numpy as np
from numpy.typing import NDArray

from replenishment.formulas.conditions import Array

Mask = NDArray[np.bool_]
# Periods of the same place in the season that tell what an empty shelf missed.
LIKE = 4


def completed_demand(sold: Array, empty: Mask, *, season: int = 7) -> Array:
    """Return demand (T, n): what was sold, and where a shelf was empty at least what such periods asked for before.

    sold: (T, n) units; empty: (T, n), periods in which demand may have been more. Such periods: the LIKE ones before at
    the same place in the season, those with an empty shelf left out. Without any, what was sold stays.
    """
    made = np.asarray(sold, dtype=np.float64).copy()
    for t in np.flatnonzero(empty.any(axis=1)).tolist():
        before = np.arange(t - season, -1, -season)
        known = ~empty[before]
        counted = known & (np.cumsum(known, axis=0) <= LIKE)
        total = np.where(counted, made[before], 0.0).sum(axis=0)
        count = counted.sum(axis=0)
        usual = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
        made[t] = np.where(empty[t], np.maximum(made[t], usual), made[t])
    return made
