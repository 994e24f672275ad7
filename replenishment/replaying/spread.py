"""Joint paths at the level and the spread that sales have now, without the noise of their own number.

The paths say how days and lines go together. How far a total lies from its mean, and how far the mean itself will be
wrong, a line's own last weeks say as well: errors come in spells. So the variance of the demand over lead time and
review is the mean of two: that of the paths as they were made, and that of the line's recent errors. Recent errors are
those of an exponentially weighted mean, squared and exponentially weighted, each over the whole interval and not a
period's times its length (Silver, Pyke & Thomas, 4th ed. 2017, section 3.5).

The 195th of 200 paths is itself a matter of chance. A level that moves with it orders a little more each time it is
high, and nothing is ever sent back. So the totals of the paths keep their order and get the scores of a normal
distribution with that mean and variance: a share of futures is then a safety factor, the same for all lines.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from replenishment.formulas.conditions import Array

# Seasons of sales that are looked at: the oldest count next to nothing.
SPREAD_SEASONS = 26
# Half-lives, in seasons: of the mean that recent errors are those of, and of their squares.
MEAN_HALF_LIFE = 5.0
ERRORS_HALF_LIFE = 3.0
# Share of the variance that is of recent errors.
RECENT = 0.5
# A path that sells next to nothing has no shape of its own.
SHAPE_UNITS_MIN = 0.5


def recent_variance(sold: Array, span: int, *, season: int) -> Array:
    """Return the variance of the demand over `span` periods by a line's own recent errors: (n,) units².

    sold: (T, n) units, oldest first. 0 where a season and a span are not there yet.
    """
    T, n = sold.shape
    if season + span > T:
        return np.zeros(n)
    upto = np.concatenate([np.zeros((1, n)), np.cumsum(sold, axis=0)])
    starts = np.arange(season, T - span + 1)
    means = _means(sold, MEAN_HALF_LIFE * season)
    errors = upto[starts + span] - upto[starts] - span * means[starts]
    weights = 0.5 ** ((starts[-1] - starts) / (ERRORS_HALF_LIFE * season))
    return np.asarray(weights @ errors**2 / weights.sum())


def _means(sold: Array, half_life: float) -> Array:
    """Return the exponentially weighted mean before each period: (T + 1, n), at first 0."""
    kept = 0.5 ** (1 / half_life)
    means = np.zeros((sold.shape[0] + 1, sold.shape[1]))
    total, weight = np.zeros(sold.shape[1]), 0.0
    for t, units in enumerate(sold):
        total, weight = kept * total + units, kept * weight + 1
        means[t + 1] = total / weight
    return means


def spread_paths(
    paths: NDArray[Any], factor: Array, variance: Array, span: int
) -> NDArray[np.float32]:
    """Return paths (n, B, T) whose totals of the first `span` periods have normal scores, not whole.

    factor: (n,) that their mean is moved by. variance: (n,) units² of recent errors. What would lie below 0 is 0.
    """
    by_period = np.asarray(paths).transpose(2, 0, 1)
    B = by_period.shape[2]
    totals = by_period[:span].sum(axis=0, dtype=np.float32)
    own = totals.var(axis=1, dtype=np.float64)
    sd = np.sqrt(RECENT * variance + (1 - RECENT) * own)
    scores = ndtri((np.arange(B) + 0.5) / B)
    mean = factor * totals.mean(axis=1, dtype=np.float64)
    ranked = np.maximum(mean[:, None] + sd[:, None] * scores, 0).astype(np.float32)
    wanted = np.empty_like(totals)
    np.put_along_axis(wanted, np.argsort(totals, axis=1, kind="stable"), ranked, axis=1)
    shaped = totals >= SHAPE_UNITS_MIN
    made = by_period * np.where(shaped, wanted / np.maximum(totals, SHAPE_UNITS_MIN), 0)
    made += _usual(by_period, span)[:, :, None] * np.where(shaped, 0, wanted)
    return np.asarray(made).transpose(1, 2, 0)


def _usual(by_period: NDArray[Any], span: int) -> NDArray[np.float32]:
    """Return the shape of a line's mean, (T, n): the first `span` periods sum to 1."""
    mean = by_period.mean(axis=2, dtype=np.float32)
    total = mean[:span].sum(axis=0)
    return np.where(total > 0, mean / np.maximum(total, 1e-9), np.float32(1 / span))
