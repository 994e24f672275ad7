"""Prediction intervals: each node's own errors give the shape, held-out errors of its level give the width.

Prophet's own intervals assume normal noise, which is wrong for a shelf that sells two a week. Here a node's in-sample
error quantiles are stretched, per level and quantile, until held-out forecasts are covered as often as they
claim (split conformal prediction: Vovk et al. 2005, scaled by node).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Deciles, and the edges of the bands that people see.
QUANTILES = (0.025, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.975)
# Errors older than a year tell about another business.
ERROR_DAYS = 365
# With fewer held-out errors than this a level's stretch is guesswork: it may widen the intervals, never narrow them.
ERRORS_TRUSTED = 1_000
STRETCH_MIN, STRETCH_MAX = 0.5, 5.0
_LOW, _HIGH = np.array(QUANTILES) < 0.5, np.array(QUANTILES) > 0.5


@dataclass(frozen=True)
class HeldOut:
    """Forecasts of an earlier origin beside what came: actual, mean (n, h), and shape (n, q) as of that origin."""

    actual: Array
    mean: Array
    shape: Array


def error_shape(Y: Array, fitted: Array) -> Array:
    """Take each node's in-sample error quantiles. Y, fitted: (n, T) with NaN; returns (n, q), 0 where none is known."""
    errors = (Y - fitted)[:, -ERROR_DAYS:]
    shape = _row_quantiles(errors)
    # An interval lies around its mean: a node whose every error is on one side still gets both sides.
    shape[:, _LOW] = np.minimum(shape[:, _LOW], 0.0)
    shape[:, _HIGH] = np.maximum(shape[:, _HIGH], 0.0)
    return shape


def _row_quantiles(errors: Array) -> Array:
    """Take the quantiles of each row's known values, (n, q), 0 for a row of none; all rows at once."""
    count = np.isfinite(errors).sum(axis=1)
    # Unknown values are sorted to the end.
    ordered = np.sort(errors, axis=1)
    if ordered.shape[1] == 0:
        return np.zeros((errors.shape[0], len(QUANTILES)))
    at = np.array(QUANTILES)[None, :] * np.maximum(count - 1, 0)[:, None]
    below = np.floor(at).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(count - 1, 0)[:, None])
    low, high = (np.take_along_axis(ordered, column, axis=1) for column in (below, above))
    quantiles = low + (at - below) * (high - low)
    return np.where(count[:, None] > 0, quantiles, 0.0)


def stretch(held_out: Sequence[HeldOut], level: NDArray[np.int64]) -> Array:
    """Learn the factor per node's level and quantile, shape (n, q), that makes held-out coverage true.

    level: (n,). Pools the errors of all nodes, days and origins of a level. 1 everywhere without held-out forecasts.
    """
    factors = np.ones((level.size, len(QUANTILES)))
    if not held_out:
        return factors
    for number in np.unique(level):
        rows = level == number
        for q, p in enumerate(QUANTILES):
            if p != 0.5:
                ratios = np.concatenate([_ratios(origin, rows, q) for origin in held_out])
                factors[rows, q] = _factor(ratios, p)
    return factors


def _ratios(origin: HeldOut, rows: NDArray[np.bool_], q: int) -> Array:
    """Errors in multiples of the node's own quantile, which is > 0 on the side that q looks at."""
    shape = origin.shape[rows, q]
    usable = np.abs(shape) > 0
    # Where the lower edge is 0 whatever the factor, the node says nothing about the factor.
    error = (origin.actual - origin.mean)[rows][usable]
    ratios: Array = (error / shape[usable, None]).ravel()
    return ratios


def _factor(ratios: Array, p: float) -> float:
    if ratios.size == 0:
        return 1.0
    learned = float(np.quantile(ratios, p if p > 0.5 else 1.0 - p))
    lowest = STRETCH_MIN if ratios.size >= ERRORS_TRUSTED else 1.0
    return min(max(learned, lowest), STRETCH_MAX)


def quantiles_of(mean: Array, shape: Array, factors: Array) -> Array:
    """Place quantiles (n, h, q) around `mean` (n, h): >= 0, rising in q, and 0 where the mean of a closed day is 0."""
    placed = mean[:, :, None] + (shape * factors)[:, None, :]
    placed = np.maximum.accumulate(np.maximum(placed, 0.0), axis=2)
    return placed
