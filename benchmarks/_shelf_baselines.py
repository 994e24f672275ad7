"""The simple forecasts that the shelf compares with: all nodes at once, each from its own summed series.

n nodes, T periods, h ahead. Y: (n, T), NaN where unknown; every forecast is (n, h), finite and at least 0.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting import Hierarchy, baseline, fit_frame

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Whole weeks in a year of days, so that a weekday meets its like.
YEAR = {"D": 364, "W": 52, "M": 12, "Q": 4}
WEEK_DAYS = 7
# Periods whose mean stands in where a lag is missing.
LEVEL = {"D": 28, "W": 8, "M": 12, "Q": 4}
# Windows of moving means by frequency, and of the level that last year's values are raised to.
WINDOWS = {"D": (7, 14, 28, 56), "W": (4, 8, 13, 26), "M": (3, 6, 12), "Q": (2, 4, 8)}
GROWTH = {"D": (28, 91), "W": (8, 13), "M": (3, 12), "Q": (2, 4)}
# Cycles of a seasonal mean: weeks of days, years of the others.
CYCLES = {"D": (4, 8, 12), "W": (2,), "M": (2, 3, 5), "Q": (2, 3, 5)}
# Periods over which a mean by weekday and plan looks back.
PLAN_WINDOW = {"D": 84, "W": 26, "M": 24, "Q": 12}
# The one baseline that knows the plans.
BY_PLAN = "means by plan"
SMOOTHING = 0.1
# ETS and Theta take tens of milliseconds a node; larger levels go without.
SLOW_NODES_MAX = 60
# Season that statsforecast's models can hold; a year of weeks is too long for them.
SLOW_SEASON = {"D": 7, "W": 1, "M": 12, "Q": 4}
DECILES = np.arange(1, 10) / 10


@dataclass(frozen=True)
class Past:
    """What a baseline may look at. planned: (m, T + h) promotion periods and open: (m, T + h) of leaves, or None."""

    hierarchy: Hierarchy
    Y: Array
    frequency: str
    horizon: int
    planned: Mask | None = None
    closed: Mask | None = None

    @property
    def year(self) -> int:
        """Periods in a year."""
        return YEAR[self.frequency]


def quick_baselines(past: Past) -> dict[str, Array]:
    """Make every vectorised baseline by name."""
    Y, h, year = past.Y, past.horizon, past.year
    level = recent_mean(Y, LEVEL[past.frequency])
    found = {"last value": _flat(_last_known(Y), h), "seasonal naive, year": lag(Y, h, year, level)}
    if past.frequency == "D":
        found["seasonal naive, week"] = lag(Y, h, WEEK_DAYS, level)
    for window in GROWTH[past.frequency]:
        found[f"last year, growth of {window}"] = last_year_with_growth(Y, h, year, window)
    for window in WINDOWS[past.frequency]:
        found[f"mean of last {window}"] = _flat(recent_mean(Y, window), h)
    found["mean of all history"] = _flat(recent_mean(Y, Y.shape[1]), h)
    season = WEEK_DAYS if past.frequency == "D" else year
    for cycles in CYCLES[past.frequency]:
        found[f"seasonal mean of {cycles}"] = seasonal_mean(Y, h, season, cycles)
    found["SBA"], found["TSB"] = _flat(croston_sba(Y), h), _flat(tsb(Y), h)
    if past.planned is not None:
        found[BY_PLAN] = plan_means(past)
    return {name: np.maximum(made, 0.0) for name, made in found.items()}


def slow_baselines(past: Past, level: NDArray[np.int64]) -> dict[str, Array]:
    """Make ETS and Theta for levels of at most SLOW_NODES_MAX nodes, or a set's only one; NaN in other rows."""
    sizes = np.bincount(level)
    rows = (sizes[level] <= SLOW_NODES_MAX) | (sizes.size == 1)
    season = SLOW_SEASON[past.frequency]
    return {
        "ETS": baseline("ETS", past.Y, past.horizon, season=season, rows=rows).mean,
        "Theta": baseline("Theta", past.Y, past.horizon, season=season, rows=rows).mean,
    }


def prophet_baselines(past: Past, days: pd.DatetimeIndex) -> dict[str, Array]:
    """Fit Prophet's defaults by `fit_frame` to every node, and sum the leaves' forecasts. days: (T,)."""
    direct = prophet_default(past.Y, days, past.horizon, past.frequency)
    bottom_up = past.hierarchy.sum_leaves(direct[-past.hierarchy.n_leaves :])
    return {"Prophet, every node": direct, "Prophet, bottom-up": bottom_up}


def prophet_default(Y: Array, days: pd.DatetimeIndex, horizon: int, frequency: str) -> Array:
    """Forecast each row by Prophet's defaults, at least 0."""
    fitted = fit_frame(long_frame(Y, days), frequency=frequency)  # type: ignore[arg-type]
    yhat = fitted.forecast(horizon, level=())["yhat"].to_numpy(np.float64)
    return np.asarray(np.maximum(yhat.reshape(Y.shape[0], horizon), 0.0))


def long_frame(Y: Array, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Write rows as a long frame, named so that they sort in their order; unknown values stay as missing y."""
    n, T = Y.shape
    names = np.array([f"{row:06d}" for row in range(n)], dtype=object)
    return pd.DataFrame({"unique_id": np.repeat(names, T), "ds": np.tile(days, n), "y": Y.ravel()})


def recent_mean(Y: Array, window: int) -> Array:
    """Average the last `window` periods, (n,); of as many known values where none of these is known."""
    of = _mean(Y[:, -window:])
    late = np.flatnonzero(_count(Y[:, -window:]) == 0)
    known = np.isfinite(Y[late])
    from_end = np.cumsum(known[:, ::-1], axis=1)[:, ::-1]
    of[late] = _mean(np.where(from_end <= window, Y[late], np.nan))
    return of


def lag(Y: Array, horizon: int, season: int, level: Array) -> Array:
    """Repeat the last season; `level` (n,) where the value is missing or before the history."""
    T = Y.shape[1]
    padded = np.concatenate([np.full((Y.shape[0], max(season - T, 0)), np.nan), Y], axis=1)
    ahead = np.arange(horizon) % season
    found = padded[:, padded.shape[1] - season + ahead]
    return np.where(np.isnan(found), level[:, None], found)


def last_year_with_growth(Y: Array, horizon: int, year: int, window: int) -> Array:
    """Raise last year's values by the growth of the last `window` periods over the same a year before."""
    now = recent_mean(Y, window)
    before = Y[:, : max(Y.shape[1] - year, 0)][:, -window:]
    then = _mean(before)
    usable = (_count(before) > 0) & (then > 0)
    growth = np.divide(now, then, out=np.ones_like(now), where=usable)
    unraised = np.divide(now, growth, out=now.copy(), where=growth > 0)
    raised: Array = lag(Y, horizon, year, unraised) * growth[:, None]
    return raised


def seasonal_mean(Y: Array, horizon: int, season: int, cycles: int) -> Array:
    """Average each phase of the season over the last cycles; the recent mean where a phase was never known."""
    n, T = Y.shape
    span = season * cycles
    padded = np.concatenate([np.full((n, max(span - T, 0)), np.nan), Y[:, -span:]], axis=1)
    by_phase = padded.reshape(n, cycles, season).transpose(0, 2, 1).reshape(n * season, cycles)
    phase = np.where(_count(by_phase) > 0, _mean(by_phase), np.nan).reshape(n, season)
    found = phase[:, np.arange(horizon) % season]
    return np.where(np.isnan(found), recent_mean(Y, span)[:, None], found)


def croston_sba(Y: Array) -> Array:
    """Forecast by Croston's method in Syntetos and Boylan's form, (n,): unknown periods pass by."""
    n = Y.shape[0]
    size, interval, waited = np.zeros(n), np.zeros(n), np.ones(n)
    for value in Y.T:
        sold, known = value > 0, np.isfinite(value)
        first = sold & (size == 0)
        step = np.where(first, 1.0, SMOOTHING)
        size = np.where(sold, size + step * (value - size), size)
        interval = np.where(sold, interval + step * (waited - interval), interval)
        waited = np.where(sold, 1.0, waited + known)
    rate = np.divide(size, interval, out=np.zeros(n), where=interval > 0)
    return np.asarray((1 - SMOOTHING / 2) * rate)


def tsb(Y: Array) -> Array:
    """Forecast by Teunter, Syntetos and Babai's method, (n,): the chance of a sale fades where none comes."""
    n = Y.shape[0]
    size, chance = np.zeros(n), np.full(n, np.nan)
    for value in Y.T:
        sold, known = value > 0, np.isfinite(value)
        start = np.where(np.isnan(chance), sold.astype(np.float64), chance)
        chance = np.where(known, start + SMOOTHING * (sold - start), chance)
        step = np.where(size == 0, 1.0, SMOOTHING)
        size = np.where(sold, size + step * (value - size), size)
    return np.asarray(size * np.nan_to_num(chance))


def plan_means(past: Past) -> Array:
    """Average each leaf by weekday (of days) and promotion over PLAN_WINDOW periods, 0 when closed, summed up.

    It knows the plans, so it is no bar for a forecast that was not given them.
    """
    assert past.planned is not None
    m, h = past.hierarchy.n_leaves, past.horizon
    T = past.Y.shape[1]
    window = min(PLAN_WINDOW[past.frequency], T)
    season = WEEK_DAYS if past.frequency == "D" else 1
    shut = np.zeros((m, T + h), dtype=np.bool_) if past.closed is None else past.closed
    units = np.where(shut[:, T - window : T], np.nan, past.Y[-m:, T - window :])
    kind = past.planned * season + np.arange(T + h)[None, :] % season
    made = np.broadcast_to(_mean(units)[:, None], (m, h)).copy()
    for number in range(2 * season):
        of = np.where(kind[:, T - window : T] == number, units, np.nan)
        wanted = (kind[:, T:] == number) & (_count(of) > 0)[:, None]
        made = np.where(wanted, _mean(of)[:, None], made)
    return past.hierarchy.sum_leaves(np.where(shut[:, T:], 0.0, made))


def deciles_of(name: str, made: Array, past: Past) -> Array:
    """Spread a baseline, (n, h, 9): a moving mean by its window's deciles, others by those of last year around them."""
    window = {"mean of all history": past.Y.shape[1]}.get(name)
    if name.startswith("mean of last "):
        window = int(name.rsplit(" ", 1)[1])
    recent = past.Y[:, -(window or past.year) :]
    placed = np.nan_to_num(_row_deciles(recent))
    if window is not None:
        return np.repeat(placed[:, None, :], past.horizon, axis=1)
    around = placed - _mean(recent)[:, None]
    return np.maximum(made[:, :, None] + around[:, None, :], 0.0)


def _row_deciles(Y: Array) -> Array:
    """Return the deciles of each row's known values, (n, 9); rows with gaps one way, whole rows the fast one."""
    placed = np.zeros((Y.shape[0], DECILES.size))
    whole = np.isfinite(Y).all(axis=1)
    placed[whole] = np.quantile(Y[whole], DECILES, axis=1).T
    gappy = ~whole & np.isfinite(Y).any(axis=1)
    if gappy.any():
        placed[gappy] = np.nanquantile(Y[gappy], DECILES, axis=1).T
    return placed


def _flat(level: Array, horizon: int) -> Array:
    return np.repeat(level[:, None], horizon, axis=1)


def _count(Y: Array) -> Array:
    return np.asarray(np.isfinite(Y).sum(axis=1).astype(np.float64))


def _mean(Y: Array) -> Array:
    """Average each row's known values, 0 where there is none."""
    of: Array = np.nansum(Y, axis=1) / np.maximum(_count(Y), 1.0)
    return of


def _last_known(Y: Array) -> Array:
    """Return each row's last known value, 0 where there is none."""
    known = np.isfinite(Y)
    back = np.argmax(known[:, ::-1], axis=1)
    last = Y[np.arange(Y.shape[0]), Y.shape[1] - 1 - back]
    return np.where(known.any(axis=1), last, 0.0)
