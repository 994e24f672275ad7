"""Quantiles of a leaf's units where a chain is too small for tables of counts: a negative binomial, put right by ranks.

A leaf's own variance gives a shape around its mean. Where in their shapes earlier outcomes lay (probability integral
transform) says which of its quantiles to take (recalibration: Kuleshov et al. 2018); for counts an outcome covers the
whole stretch of its own chance. Units are counted in steps: 1 for pieces, a fine one where units are fractional.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Sequence

import numpy as np
import scipy  # its stats take a second to load, and load when first named
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]

# The shape itself counts as much as so many cells: with fewer outcomes than these their ranks are chance.
SHAPE_CELLS = 100.0
# Ranks are counted on this grid: finer than the outer quantile's 0.025.
RANKS = np.linspace(0.0, 1.0, 401)
# Nothing beyond one outcome in two thousand is read off a shape: its tails are not reliable.
RANK_MIN = 0.0005
# A Poisson count is a negative binomial of no excess; the smallest that can be computed.
EXCESS_MIN, MEAN_MIN = 1e-6, 1e-9
# Cells that are put on the grid at a time: (cells, 401) of them.
CELLS_AT_ONCE = 4_096


def shape_ranks(mean: Array, excess: Array, outcome: Array) -> tuple[Array, Array]:
    """Return the chance below each outcome and that at or below it, (c,) each. All arguments: (c,), in steps."""
    assert mean.shape == excess.shape == outcome.shape
    r, p = _parameters(mean, excess)
    at = np.floor(np.maximum(outcome, 0.0) + 0.5)
    # betainc is the distribution function itself, without the checks of scipy.stats
    below = np.where(at > 0, special.betainc(r, np.maximum(at, 1.0), p), 0.0)
    return np.asarray(below), np.asarray(special.betainc(r, at + 1.0, p))


def rank_levels(low: Array, high: Array, levels: Sequence[float]) -> Array:
    """Find which levels of the shape to take, (q,), so that earlier outcomes were below as often as `levels` say.

    low, high: (c,) of `shape_ranks`; none: the levels themselves.
    """
    held = SHAPE_CELLS * RANKS
    for start in range(0, low.size, CELLS_AT_ONCE):
        part = slice(start, start + CELLS_AT_ONCE)
        width = np.maximum(high[part] - low[part], MEAN_MIN)
        share = (RANKS[None, :] - low[part, None]) / width[:, None]
        held = held + np.clip(share, 0.0, 1.0).sum(axis=0)
    taken = np.interp(levels, held / (SHAPE_CELLS + low.size), RANKS)
    return np.asarray(np.clip(taken, RANK_MIN, 1.0 - RANK_MIN))


def shape_quantiles(mean: Array, excess: Array, levels: Array) -> Array:
    """Place quantiles, (m, h, q), in steps: whole, rising, >= 0. mean: (m, h) in steps; excess: (m,)."""
    r, p = _parameters(mean, np.broadcast_to(excess[:, None], mean.shape))
    placed = scipy.stats.nbinom.ppf(levels[None, None, :], r[:, :, None], p[:, :, None])
    return np.maximum.accumulate(np.where(mean[:, :, None] > 0, placed, 0.0), axis=2)


def _parameters(mean: Array, excess: Array) -> tuple[Array, Array]:
    """Return size and probability of negative binomials of variance mean + excess * mean^2."""
    r = 1.0 / np.maximum(excess, EXCESS_MIN)
    return r, r / (r + np.maximum(mean, MEAN_MIN))
