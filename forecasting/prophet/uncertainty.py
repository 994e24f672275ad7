"""Prophet's own uncertainty, for many series at once: noise, and a trend that keeps changing as it did.

Future slopes change with probability p = S dt a step, by a Laplace amount whose scale is the mean |delta|. At unit
scale the resulting drift U_h depends on p and the step h alone, so it is simulated once; a series' quantile is then a
lookup in r = mean |delta| dt / sigma, the size of that drift in units of its noise
(Taylor & Letham 2018, section 3.1.4).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.prophet.columns import day_numbers
from forecasting.prophet.fits import Fits
from forecasting.prophet.model import ProphetModel

Array = NDArray[np.float64]

# Half of them: U_h and the noise are symmetric, so the quantiles of |.| are counted once for both sides.
PATHS = 10_000
# Between two neighbours of these grids the normalised quantile is all but linear.
RATIOS = np.concatenate([[0.0], np.geomspace(1e-3, 1e2, 24)])
PROBABILITIES_MAX = 8
# What Prophet adds to the mean |delta| so that a trend without changes is not certain forever.
DELTA_FLOOR = 1e-8


def quantiles(
    model: ProphetModel,
    fits: Fits,
    ds: pd.DatetimeIndex,
    yhat: Array,
    levels: Sequence[float],
    *,
    rng: np.random.Generator,
) -> Array:
    """Place quantiles around forecasts of future dates. ds: (h,) evenly spaced, after the history; yhat: (n, h).

    Returns (n, h, q) in the units of y, float64, rising in q.
    """
    h = yhat.shape[1]
    sigma, ratio, chance = _trend_risk(model, fits, ds)
    grid = _chance_grid(chance)
    # only the neighbours of ratios that occur: most trends are calm, and a table of all costs a second
    at, _ = _between(RATIOS, ratio)
    used = RATIOS[np.unique(np.concatenate([at, at + 1]))]
    table = np.stack([quantile_table(p, h, used, levels, rng) for p in grid])
    spread = _look_up(table, grid, used, chance, ratio)
    with np.errstate(over="ignore"):
        drift_sd = np.sqrt(1.0 + (ratio[:, None] ** 2) * _unit_variance(chance, h))
    scaled = (sigma[:, None] * drift_sd)[:, :, None] * spread
    return _around(model, fits, yhat, scaled)


def sample_drift(p: float, h: int, paths: int, rng: np.random.Generator) -> Array:
    """Simulate the drift of the trend at unit Laplace scale and unit step, which is symmetric around 0. (paths, h)."""
    jumps = rng.laplace(size=(paths, h)) * (rng.random((paths, h)) < p)
    # a change falls within its step: half of it counts there, as in Prophet's vectorised sampler
    slopes = np.cumsum(jumps, axis=1) - 0.5 * jumps
    return np.cumsum(slopes, axis=1)


def quantile_table(
    p: float, h: int, ratios: Array, levels: Sequence[float], rng: np.random.Generator
) -> Array:
    """Tabulate quantiles of (r U_h + e) / sd over the ratios r: (R, h, q)."""
    drift = sample_drift(p, h, PATHS, rng)
    noise = rng.standard_normal((PATHS, h))
    sd = np.sqrt(1.0 + ratios[:, None] ** 2 * _unit_variance(np.array([p]), h))
    away = 2.0 * np.abs(np.asarray(levels) - 0.5)
    side = np.sign(np.asarray(levels) - 0.5)
    table = [np.quantile(np.abs(r * drift + noise), away, axis=0).T for r in ratios]
    return np.asarray(np.stack(table) * side / sd[:, :, None])


def _trend_risk(
    model: ProphetModel, fits: Fits, ds: pd.DatetimeIndex
) -> tuple[Array, Array, Array]:
    """Return sigma, the ratio r and the chance p of a change a step, each (n,)."""
    days = day_numbers(ds)
    gap = float(np.diff(days).mean()) if days.size > 1 else 1.0
    step = gap / fits.span
    sigma = np.sqrt(fits.variance)
    changes = np.maximum(fits.changes, 1.0)
    size = np.abs(fits.delta).sum(axis=1) / changes + DELTA_FLOOR
    if model.growth == "flat":
        size = np.zeros_like(size)
    ratio = np.divide(size * step, sigma, out=np.zeros_like(sigma), where=sigma > 0)
    return sigma, np.minimum(ratio, RATIOS[-1]), np.minimum(changes * step, 1.0)


def _unit_variance(chance: Array, h: int) -> Array:
    """Compute the variance of U_h: 2 p sum of squared weights i - 1/2, i = 1..h. Returns (n, h)."""
    return np.asarray(2.0 * chance[:, None] * np.cumsum((np.arange(1, h + 1) - 0.5) ** 2)[None, :])


def _chance_grid(chance: Array) -> Array:
    exact = np.unique(chance)
    if exact.size <= PROBABILITIES_MAX:
        return exact
    return np.geomspace(exact[0], exact[-1], PROBABILITIES_MAX)


def _look_up(table: Array, grid: Array, ratios: Array, chance: Array, ratio: Array) -> Array:
    """Interpolate between the neighbours in log p and in r. table: (P, R, h, q); returns (n, h, q)."""
    row, across = _between(np.log(np.maximum(grid, 1e-300)), np.log(np.maximum(chance, 1e-300)))
    column, along = _between(ratios, ratio)
    next_row = np.minimum(row + 1, grid.size - 1)
    out = np.zeros((chance.size, *table.shape[2:]))
    for at, weight in ((row, 1.0 - across), (next_row, across)):
        out += (weight * (1.0 - along))[:, None, None] * table[at, column]
        out += (weight * along)[:, None, None] * table[at, column + 1]
    return out


def _between(grid: Array, values: Array) -> tuple[NDArray[np.intp], Array]:
    if grid.size == 1:
        return np.zeros(values.size, dtype=np.intp), np.zeros(values.size)
    at = np.clip(np.searchsorted(grid, values, side="right") - 1, 0, grid.size - 2)
    return at, np.clip((values - grid[at]) / (grid[at + 1] - grid[at]), 0.0, 1.0)


def _around(model: ProphetModel, fits: Fits, yhat: Array, scaled: Array) -> Array:
    spread = scaled * fits.scale[:, None, None]
    if model.target == "log1p":
        centre = np.log1p(np.maximum(yhat, 0.0))
        return np.asarray(np.expm1(centre[:, :, None] + spread))
    return np.asarray(yhat[:, :, None] + spread)
