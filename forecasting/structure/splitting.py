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
# So many leaves' days stay in a core's cache.
LEAVES_AT_ONCE = 256


def membership(codes: Codes, size: int | None = None) -> sparse.csr_matrix:
    """Build the 0/1 matrix (k, m) that sums leaves into groups."""
    k = int(codes.max()) + 1 if size is None else size
    m = codes.size
    return sparse.csr_matrix((np.ones(m), (codes, np.arange(m))), shape=(k, m))


def weighted_shares(units: Array, group: Codes, observed: Mask, half_life: float) -> Array:
    """Compute each leaf's share of its group, late periods counting more, (m,), summing to 1 in each group.

    units: (m, T). group: (m,) codes. observed: (m, T), False on periods that are unknown.
    """
    sold, beside = _sums(units, group, observed, decay(units.shape[1], half_life)[:, None])
    return normalised(_share(sold[:, 0], beside[:, 0]), group, int(group.max()) + 1)


def trending_shares(
    units: Array,
    group: Codes,
    product: Codes,
    observed: Mask,
    own_half_life: float = OWN_HALF_LIFE_DAYS,
    product_half_life: float = PRODUCT_HALF_LIFE_DAYS,
) -> Array:
    """Compute each leaf's share of its group: its own slow share times what its product lately does beyond it.

    units: (m, T). group, product: (m,) codes. observed: (m, T), False on unknown days. Returns (m,), summing
    to 1 in each group.
    """
    half_lives = (own_half_life, product_half_life)
    u = np.stack([decay(units.shape[1], of) for of in half_lives], axis=1)
    sold, beside = _sums(units, group, observed, u)
    own = _share(sold[:, 0], beside[:, 0])
    P = membership(product)
    lately, expected = P @ sold[:, 1], P @ (beside[:, 1] * own)
    trend = (lately + PRODUCT_PRIOR_UNITS) / (expected + PRODUCT_PRIOR_UNITS)
    return normalised(own * trend[product], group, int(group.max()) + 1)


def weekday_profiles(units: Array, group: Codes, observed: Mask, weekday: Codes) -> Array:
    """Compute how a leaf's week differs from its group's, (m, 7) around 1, shrunk to 1. weekday: (T,) 0..6."""
    u = decay(units.shape[1], PROFILE_HALF_LIFE_DAYS)
    on = u[:, None] * (weekday[:, None] == np.arange(7))
    sold, beside = _sums(units, group, observed, on)
    expected = _share(sold.sum(axis=1), beside.sum(axis=1))[:, None] * beside
    return np.asarray((sold + PROFILE_PRIOR_UNITS) / (expected + PROFILE_PRIOR_UNITS))


def split_groups(forecast: Array, group: Codes, share: Array, profile: Array) -> Array:
    """Split group forecasts (k, h) over leaves by share (m,) and profile (m, h); returns (m, h), summing to them."""
    leaves = share[:, None] * profile * forecast[group]
    total = membership(group, forecast.shape[0]) @ leaves
    scale = np.divide(forecast, total, out=np.zeros_like(total), where=total > TINY)
    return np.asarray(leaves * scale[group])


def _share(sold: Array, beside: Array) -> Array:
    return np.divide(sold, beside, out=np.zeros_like(sold), where=beside > TINY)


def _sums(units: Array, group: Codes, observed: Mask, U: Array) -> tuple[Array, Array]:
    """Sum what each leaf sold, and what its group sold beside it, on the days on which the leaf was observed.

    U: (T, K) weights of the days. Returns two (m, K).
    """
    assert units.shape == observed.shape
    assert U.shape[0] == units.shape[1]
    first = int(np.argmax(observed.any(axis=0)))  # before it no leaf says anything
    units, observed, U = units[:, first:], observed[:, first:], U[first:]
    total = np.asarray(membership(group) @ units)
    sold, beside = np.empty((2, group.size, U.shape[1]))
    for start in range(0, group.size, LEAVES_AT_ONCE):
        rows = slice(start, start + LEAVES_AT_ONCE)
        sold[rows] = np.where(observed[rows], units[rows], 0.0) @ U
        beside[rows] = np.where(observed[rows], total[group[rows]], 0.0) @ U
    return sold, beside
