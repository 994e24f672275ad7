"""Paths of a product that never sold: those of products alike, at the level that is planned for it."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from replenishment.formulas.conditions import Array, finite, not_negative, positive
from replenishment.lines.walk import Single


def paths_of_alike(
    paths: NDArray[Any],
    mean: float,
    *,
    weights: ArrayLike | None = None,
    level_sd: float = 0.5,
    rng: np.random.Generator,
) -> Single:
    """Return paths (B, T) of a new product: shapes of the products alike, and a level that nobody knows yet.

    paths: (k, B, T) of products alike; mean: units a period planned for the new one; weights: (k,), how alike.
    level_sd: standard deviation of the logarithm of the true level by the planned one, the same in all periods of a
    path: launches miss their plan by half. Whole units, rounded at random.
    """
    not_negative(mean=mean, level_sd=level_sd)
    k, B, T = paths.shape
    w = np.ones(k) if weights is None else finite("weights", weights)
    positive(weight=w.sum())
    not_negative(weights=w)
    each = paths.mean(axis=(1, 2), dtype=np.float64)
    usable = np.flatnonzero((w > 0) & (each > 0))
    if not usable.size:
        return np.zeros((B, T), dtype=np.float32)
    like = rng.choice(usable, size=B, p=w[usable] / w[usable].sum())
    shapes = paths[like, np.arange(B)] / each[like][:, None]
    # its mean is 1
    level = np.exp(rng.normal(-(level_sd**2) / 2, level_sd, B)) if level_sd > 0 else np.ones(B)
    return whole_units(shapes * level[:, None] * mean, rng)


def whole_units(paths: Array, rng: np.random.Generator) -> Single:
    """Round demand at random to whole units, the mean kept: a tenth of a unit a day is a unit on one of ten days.

    To round the mean instead would lose all that sells seldom.
    """
    return np.floor(paths + rng.random(paths.shape)).astype(np.float32)
