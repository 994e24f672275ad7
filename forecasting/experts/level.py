"""The recent level: a forecast times what was sold over what was fitted, in windows of whole cycles.

n nodes, T periods, h ahead, W windows. Which window holds, or none, is learnt: each is an expert of its own.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FACTOR_MIN, FACTOR_MAX = 0.1, 10.0
# As it is: no window.
AS_FITTED = 0


def level_factors(Y: Array, fitted: Array, windows: Sequence[int]) -> Array:
    """Return sum(Y) / sum(fitted) over the last periods of each window, (1 + W, n), the first row 1.

    Y, fitted: (n, T), NaN in Y where unknown. windows: ascending. A window in which less than one usual sale was
    expected does not show the level: the next longer one is used. 1 where nothing was expected.
    """
    known = np.isfinite(Y)
    back = max(windows, default=0)
    sold = np.where(known, Y, 0.0)[:, Y.shape[1] - back :]
    expected = np.where(known, fitted, 0.0)[:, Y.shape[1] - back :]
    sale = _usual_sale(sold)
    factors = np.ones((1 + len(windows), Y.shape[0]))
    longer = None
    for row, window in reversed([*enumerate(windows, 1)]):
        above, below = sold[:, -window:].sum(axis=1), expected[:, -window:].sum(axis=1)
        ratio = np.divide(above, below, out=np.ones_like(above), where=below > 0)
        ratio = np.clip(ratio, FACTOR_MIN, FACTOR_MAX)
        factors[row] = longer = ratio if longer is None else np.where(below < sale, longer, ratio)
    return factors


def _usual_sale(sold: Array) -> Array:
    """Return the mean of the periods that sold something, (n,), 0 for none."""
    return np.asarray(sold.sum(axis=1) / np.maximum((sold > 0).sum(axis=1), 1))


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
