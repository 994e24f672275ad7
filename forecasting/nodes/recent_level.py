"""The recent level: what Prophet's slow trend has not followed yet, made good before reconciling."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Three windows, averaged: no single one is best everywhere (measured on M5: worth 5 to 8 % of error on upper levels).
WINDOWS_DAYS = (14, 28, 42)
FACTOR_MIN, FACTOR_MAX = 0.4, 2.5
# A window with so many selling days is believed by half; a shelf that sold twice hardly moves.
HALF_TRUST_DAYS = 3


def recent_level(Y: Array, fitted: Array) -> Array:
    """Compute each node's factor, sum of demand / sum of fitted values over the last weeks, shrunk towards 1.

    Y, fitted: (n, T), NaN where unknown. Returns (n,), 1 for a node that is not told anything by its last weeks.
    """
    assert Y.shape == fitted.shape
    factors = [_factor(Y[:, -days:], fitted[:, -days:]) for days in WINDOWS_DAYS]
    factor: Array = np.mean(factors, axis=0)
    return factor


def _factor(Y: Array, fitted: Array) -> Array:
    known = np.isfinite(Y) & np.isfinite(fitted)
    sold = np.where(known, Y, 0.0).sum(axis=1)
    expected = np.where(known, np.maximum(fitted, 0.0), 0.0).sum(axis=1)
    ratio = np.divide(sold, expected, out=np.ones_like(sold), where=expected > 0)
    selling_days = (known & (Y > 0)).sum(axis=1)
    # Expected and not sold is told by the days that were expected to sell, so a dead product sinks too.
    told = np.maximum(selling_days, np.minimum(expected, known.sum(axis=1)) / 2)
    trust = told / (told + HALF_TRUST_DAYS)
    return np.asarray(np.clip(1.0 + trust * (ratio - 1.0), FACTOR_MIN, FACTOR_MAX))


def window_ratio(Y: Array, fitted: Array, windows_days: Sequence[int]) -> Array:
    """Compute sum(Y) / sum(fitted) over each of the last windows, averaged. Y, fitted: (n, T), NaN where unknown.

    For nodes that sell every day, where nothing needs to be shrunk. Returns (n,), 1 where nothing was expected.
    """
    known = np.isfinite(Y) & np.isfinite(fitted)
    sold, expected = np.where(known, Y, 0.0), np.where(known, fitted, 0.0)
    ratios = [_ratio(sold[:, -days:], expected[:, -days:]) for days in windows_days]
    averaged: Array = np.mean(ratios, axis=0)
    return averaged


def _ratio(sold: Array, expected: Array) -> Array:
    above, below = sold.sum(axis=1), expected.sum(axis=1)
    return np.asarray(np.divide(above, below, out=np.ones_like(above), where=below > 0))
