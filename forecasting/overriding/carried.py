"""Uncertainty carried from the published forecast to the one with overrides: paths and quantiles move with the means.

A path is scaled by the factor of its mean, so what is sure stays as sure, and what is doubtful as doubtful. A factor
has a limit: of a leaf that sells once in a hundred days, paths times 500 are either 0 or absurd. What is beyond the
limit, or where nothing was forecast, is demand that no path knows: it is drawn from a Poisson distribution, which is
that of customers who come one by one.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

Array = NDArray[np.float64]
Paths = NDArray[np.float32]

FACTOR_MAX = 10.0
# An addition this small beside its mean is rounding of the factor's division.
ROUNDING = 1e-9


def factor_and_rest(published: Array, adjusted: Array) -> tuple[Array, Array]:
    """Split adjusted means into a factor of the published ones and units beside; both of the means' shape.

    Where both are the same, the factor is 1 and nothing is beside, exactly.
    """
    assert published.shape == adjusted.shape
    there = published > 0
    ratio = np.divide(adjusted, published, out=np.ones_like(adjusted), where=there)
    factor = np.minimum(ratio, FACTOR_MAX)
    rest = np.where(ratio > factor, adjusted - published * factor, 0.0)
    rest = np.where(there, rest, adjusted)
    return factor, np.where(rest > ROUNDING * adjusted, rest, 0.0)


def adjusted_paths(
    paths: Paths, published: Array, adjusted: Array, seeds: Sequence[Sequence[int]]
) -> Paths:
    """Return paths (B, m, h) with the overrides; those that no override changes are the same to the last bit.

    published, adjusted: means (m, h). seeds: of each leaf, the same wherever it is read, so that path 7 stays one
    future.
    """
    assert paths.shape[1:] == published.shape == adjusted.shape
    assert len(seeds) == published.shape[0]
    changed = np.flatnonzero((published != adjusted).any(axis=1))
    if not changed.size:
        return paths
    factor, rest = factor_and_rest(published, adjusted)
    out = paths.copy()
    for leaf in changed.tolist():
        rng = np.random.default_rng(list(seeds[leaf]))
        at = np.flatnonzero(published[leaf] != adjusted[leaf])
        was = paths[:, leaf, at]
        moved = was * factor[leaf, at]
        if (was == np.rint(was)).all():
            # what sells in whole units still does, and as much on average
            moved = np.floor(moved + rng.random(moved.shape))
        if rest[leaf].any():
            moved += rng.poisson(rest[leaf, at], moved.shape)
        out[:, leaf, at] = moved
    return out


def adjusted_quantiles(
    published: Array, quantiles: Array, adjusted: Array, levels: Sequence[float]
) -> Array:
    """Return quantiles (n, h, q) at some levels with the overrides, in order and at least 0.

    published, adjusted: means (n, h). Units beside add their own quantiles: as if both were high together, which is
    never too narrow.
    """
    assert quantiles.shape == (*published.shape, len(levels))
    factor, rest = factor_and_rest(published, adjusted)
    return np.asarray(quantiles * factor[:, :, None] + quantiles_beside(rest, levels))


def quantiles_beside(rest: Array, levels: Sequence[float]) -> Array:
    """Return the quantiles of units beside the paths, (…, q), 0 where there are none. rest: their means."""
    found = np.zeros((*rest.shape, len(levels)))
    where = rest > 0
    found[where] = poisson.ppf(np.asarray(levels)[None, :], rest[where][:, None])
    return found
