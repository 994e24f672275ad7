"""From a group's forecast to its leaves: shares that trend with the product, profiles over the week, one scaling.

m leaves, k groups, T days of history, h days ahead. Every step keeps the group's forecast: the leaves sum to it.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from forecasting.structure.shares import decay, normalised

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Codes = NDArray[np.int64]

# A leaf's own share is slow; what all leaves of its product do at once (a promotion, a season) is seen in their sum,
# which is steadier, so it may be quick. Chosen on M5: 14 to 28 and 5 to 10 days score alike within 0.2 %.
OWN_HALF_LIFE_DAYS, PRODUCT_HALF_LIFE_DAYS = 20.0, 7.0
# A product that was expected to sell as many units is believed by half.
PRODUCT_PRIOR_UNITS = 1.0
# A leaf's week is its group's week until it has sold about so many units a weekday.
PROFILE_PRIOR_UNITS, PROFILE_HALF_LIFE_DAYS = 60.0, 100.0
TINY = 1e-9


def membership(codes: Codes, size: int | None = None) -> sparse.csr_matrix:
    """Build the 0/1 matrix (k, m) that sums leaves into groups."""
    k = int(codes.max()) + 1 if size is None else size
    m = codes.size
    return sparse.csr_matrix((np.ones(m), (codes, np.arange(m))), shape=(k, m))


def weighted_shares(units: Array, group: Codes, observed: Mask, half_life: float) -> Array:
    """Compute each leaf's share of its group, late periods counting more, (m,), summing to 1 in each group.

    units: (m, T). group: (m,) codes. observed: (m, T), False on periods that say nothing.
    """
    total = membership(group) @ units
    sold = np.where(observed, units, 0.0)
    own = _weighted_share(sold, total, group, observed, half_life)
    return normalised(own, group, int(group.max()) + 1)


def trending_shares(
    units: Array,
    group: Codes,
    product: Codes,
    observed: Mask,
    own_half_life: float = OWN_HALF_LIFE_DAYS,
    product_half_life: float = PRODUCT_HALF_LIFE_DAYS,
) -> Array:
    """Compute each leaf's share of its group: its own slow share times what its product lately does beyond it.

    units: (m, T). group, product: (m,) codes. observed: (m, T), False on days that say nothing. Returns (m,), summing
    to 1 in each group.
    """
    assert units.shape == observed.shape
    total = membership(group) @ units
    sold = np.where(observed, units, 0.0)
    own = _weighted_share(sold, total, group, observed, own_half_life)
    u = decay(units.shape[1], product_half_life)
    beside = _beside(total, group, observed, u)
    P = membership(product)
    lately, expected = P @ (sold @ u), P @ (beside * own)
    trend = (lately + PRODUCT_PRIOR_UNITS) / (expected + PRODUCT_PRIOR_UNITS)
    return normalised(own * trend[product], group, int(group.max()) + 1)


def weekday_profiles(units: Array, group: Codes, observed: Mask, weekday: Codes) -> Array:
    """Compute how a leaf's week differs from its group's, (m, 7) around 1, shrunk to 1. weekday: (T,) 0..6."""
    total = membership(group) @ units
    sold = np.where(observed, units, 0.0)
    u = decay(units.shape[1], PROFILE_HALF_LIFE_DAYS)
    share = _weighted_share(sold, total, group, observed, PROFILE_HALF_LIFE_DAYS)
    profile = np.ones((units.shape[0], 7))
    for day in range(7):
        on = np.where(weekday == day, u, 0.0)
        expected = share * _beside(total, group, observed, on)
        profile[:, day] = (sold @ on + PROFILE_PRIOR_UNITS) / (expected + PROFILE_PRIOR_UNITS)
    return profile


def split_groups(forecast: Array, group: Codes, share: Array, profile: Array) -> Array:
    """Split group forecasts (k, h) over leaves by share (m,) and profile (m, h); returns (m, h), summing to them."""
    leaves = share[:, None] * profile * forecast[group]
    total = membership(group, forecast.shape[0]) @ leaves
    scale = np.divide(forecast, total, out=np.zeros_like(total), where=total > TINY)
    return np.asarray(leaves * scale[group])


def _weighted_share(
    sold: Array, total: Array, group: Codes, observed: Mask, half_life_days: float
) -> Array:
    u = decay(sold.shape[1], half_life_days)
    beside = _beside(total, group, observed, u)
    return np.divide(sold @ u, beside, out=np.zeros(sold.shape[0]), where=beside > TINY)


def _beside(total: Array, group: Codes, observed: Mask, u: Array) -> Array:
    """Sum what each leaf's group sold on the days on which the leaf was observed, weighted by u (T,). (m,)."""
    # days on which no leaf says anything, as before all detail begins, count for none of them
    told = observed.any(axis=0)
    weighted, observed = (total * u)[:, told], observed[:, told]
    # what a group sold on all days, less the days on which the leaf says nothing, which are few
    beside = weighted.sum(axis=1)[group]
    leaf, day = np.nonzero(~observed)
    return np.asarray(
        beside - np.bincount(leaf, weights=weighted[group[leaf], day], minlength=group.size)
    )
