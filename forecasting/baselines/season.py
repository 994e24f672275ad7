"""The season of many series at once: gaps filled, the test for a season, and its phases by classical decomposition.

Arrays here run over time first, (T, n), so that a loop over time takes whole rows. m: periods in a season. A series
starts at its first known value; NaN after it is a gap.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Shorter seasons cannot be told from noise by the autocorrelations below them.
TESTED_SEASON_MIN = 4
SEASONS_MIN = 2
# One-sided 5 % point of the normal distribution, the usual one of the Theta method.
SEASONAL_ABOVE = 1.6448536269514722
# A smaller share of the level is next to nothing, and dividing by it explodes.
SHARE_MIN = 0.01


def filled(Y: Array, m: int) -> Array:
    """Fill gaps with the value a season before, else with the one before; NaN stays before the start. Y: (T, n)."""
    F = Y.copy()
    for t in np.flatnonzero(np.isnan(Y).any(axis=1)):
        if t == 0:
            continue
        before = np.where(np.isnan(F[t - m]), F[t - 1], F[t - m]) if t >= m else F[t - 1]
        F[t] = np.where(np.isnan(F[t]), before, F[t])
    return F


def is_seasonal(F: Array, m: int) -> Mask:
    """Test the autocorrelation at lag m against Bartlett's limit. F: (T, n), filled; returns (n,).

    A series shorter than SEASONS_MIN seasons has none, nor has any where m is below TESTED_SEASON_MIN.
    """
    if m < TESTED_SEASON_MIN or F.shape[0] < SEASONS_MIN * m:
        return np.zeros(F.shape[1], dtype=np.bool_)
    seen = np.isfinite(F)
    periods = seen.sum(axis=0)
    x = np.where(seen, F, 0.0)
    x = np.where(seen, x - x.sum(axis=0) / np.maximum(periods, 1), 0.0)
    total = (x * x).sum(axis=0)
    r = np.stack([(x[k:] * x[:-k]).sum(axis=0) for k in range(1, m + 1)])
    r = np.divide(r, total, out=np.zeros_like(r), where=total > 0)
    limit = np.sqrt((1.0 + 2.0 * (r[:-1] ** 2).sum(axis=0)) / np.maximum(periods, 1))
    seasonal: Mask = (periods >= SEASONS_MIN * m) & (np.abs(r[-1]) > SEASONAL_ABOVE * limit)
    return seasonal


def phases(F: Array, m: int, *, multiplicative: bool = False) -> Array:
    """Average what is left of a centred moving average, by phase. F: (T, n), filled, T >= SEASONS_MIN m.

    Returns (m, n), row t % m for period t: differences of mean 0, or ratios of mean 1 (for F > 0).
    """
    T = F.shape[0]
    assert SEASONS_MIN * m <= T
    half = m // 2
    trend = _moving_average(F, m)
    middle = F[half : T - half]
    rest = middle / trend if multiplicative else middle - trend
    # A window that reaches before the start has no mean.
    said = np.isfinite(F[: T - 2 * half]) & np.isfinite(rest)
    rest = np.where(said, rest, 0.0)
    S = np.zeros((m, F.shape[1]))
    for phase in range(m):
        at = slice((phase - half) % m, None, m)
        S[phase] = rest[at].sum(axis=0) / np.maximum(said[at].sum(axis=0), 1)
    mean = S.mean(axis=0)
    return S / np.where(mean > 0, mean, 1.0) if multiplicative else S - mean


def _moving_average(F: Array, m: int) -> Array:
    """Compute the centred average over a season; both ends of an even one count half. Returns (T - 2 (m // 2), n)."""
    half = m // 2
    total = np.cumsum(np.nan_to_num(F), axis=0)
    total = np.concatenate([np.zeros((1, F.shape[1])), total])
    window = total[2 * half + 1 :] - total[: -2 * half - 1]
    if m % 2 == 0:
        known = np.nan_to_num(F)
        window = window - (known[: -2 * half or None] + known[2 * half :]) / 2.0
    average: Array = window / m
    return average


def seasonal_parts(F: Array, m: int) -> tuple[Array, Array]:
    """Find added and factor of each phase, (m, n) both: season = added + factor * rest; 0 and 1 where there is none.

    F: (T, n), filled. A series above 0 throughout whose phases are not too small gets factors, another one differences.
    """
    added, factor = np.zeros((m, F.shape[1])), np.ones((m, F.shape[1]))
    seasonal = is_seasonal(F, m)
    if not seasonal.any():
        return added, factor
    ratios = np.ones_like(factor)
    positive = seasonal & (np.nan_to_num(F, nan=1.0) > 0).all(axis=0)
    if positive.any():
        ratios[:, positive] = phases(F[:, positive], m, multiplicative=True)
    by_ratio = positive & (ratios >= SHARE_MIN).all(axis=0)
    factor[:, by_ratio] = ratios[:, by_ratio]
    by_difference = seasonal & ~by_ratio
    if by_difference.any():
        added[:, by_difference] = phases(F[:, by_difference], m)
    return added, factor
