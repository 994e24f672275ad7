"""Widen what few draws told: a quantile of a handful of past errors is itself uncertain."""

from collections.abc import Sequence

import numpy as np
import scipy  # its stats take a second to load, and load when first named
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Student's t of fewer degrees of freedom has no variance to widen to.
FREEDOM_MIN = 2.0
CENTRE = 1e-9


def student_ratio(levels: Sequence[float], draws: float) -> Array:
    """Return by how much the next draw's quantiles are wider than a normal's after `draws` of them, (q,), 1 at 0.5.

    Student's t for the size of error that was estimated, and the error of the mean itself.
    """
    p = np.asarray(levels)
    off = np.abs(p - 0.5) > CENTRE
    ratio = np.ones(p.size)
    freedom = max(draws, FREEDOM_MIN)
    ratio[off] = scipy.stats.t.ppf(p[off], freedom) / scipy.stats.norm.ppf(p[off])
    ratio[off] *= np.sqrt(1.0 + 1.0 / max(draws, 1.0))
    return ratio


def widened_levels(levels: Sequence[float], draws: float) -> Array:
    """Move probabilities outwards as far as `student_ratio` moves their normal quantiles, (q,)."""
    p = np.asarray(levels)
    return np.asarray(scipy.stats.norm.cdf(scipy.stats.norm.ppf(p) * student_ratio(levels, draws)))
