"""Baselines that repeat or average what was: last value, season, year, their growth and means.

Y: (n, T), NaN where unknown; forecasts (n, h), 0 for a series without values. season: periods in the short season (1:
none). year: periods in a year (0: unknown), 364 for days, 52, 12 or 4.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Periods that show the level of a series, by periods in a year: about two months of weeks, half a year of months, a
# year of quarters. Days, and what has no year, take four weeks.
RECENT_PERIODS = {52: 8, 12: 6, 4: 4}
RECENT_DAYS = 28
# Weeks change slowly; of years, two calm an odd one, and more lie far below a series that grows.
SEASONS_AVERAGED, YEARS_AVERAGED = 8, 2
# A year's growth beyond this is a series that opens, closes or was out of stock, not growth.
GROWTH = (0.5, 2.0)


def recent_periods(season: int, year: int) -> int:
    """Return how many of the last periods show the level of a series of this rhythm."""
    return RECENT_PERIODS.get(year or season, RECENT_DAYS)


def last_value(Y: Array) -> Array:
    """Return the last known value of each series, (n,); 0 where there is none. Y: (n, T), T > 0."""
    known = np.isfinite(Y)
    at = Y.shape[1] - 1 - known[:, ::-1].argmax(axis=1)
    return np.where(known.any(axis=1), Y[np.arange(Y.shape[0]), at], 0.0)


def naive(Y: Array, horizon: int) -> Array:
    """Repeat the last known value."""
    return np.repeat(last_value(Y)[:, None], horizon, axis=1)


def seasonal_naive(Y: Array, horizon: int, season: int) -> Array:
    """Repeat the last known value of each phase of the season; the last known value where a phase has none."""
    T = Y.shape[1]
    last = last_value(Y)
    phases = np.repeat(last[:, None], season, axis=1)
    for step in range(season):
        # From the end, so that the phase of step 0 is that of the first period ahead.
        of = Y[:, (T + step) % season :: season]
        if of.shape[1]:
            known = np.isfinite(of).any(axis=1)
            phases[:, step] = np.where(known, last_value(of), last)
    return _repeated(phases, horizon)


def last_year(Y: Array, horizon: int, season: int, year: int) -> Array:
    """Repeat the same period of a year ago, in whole seasons; as `seasonal_naive` where it is unknown."""
    ago, short = _year_ago(Y, horizon, season, year), seasonal_naive(Y, horizon, season)
    return np.where(np.isnan(ago), short, ago)


def last_year_growth(Y: Array, horizon: int, season: int, year: int) -> Array:
    """Multiply the same period of a year ago by the growth since; as `seasonal_naive` where it is unknown.

    Growth: the last periods over the same ones a year before, as far as both are known, within GROWTH.
    """
    ago, short = _year_ago(Y, horizon, season, year), seasonal_naive(Y, horizon, season)
    lag, recent = _lag(season, year), recent_periods(season, year)
    now, before = Y[:, lag:][:, -recent:], Y[:, :-lag][:, -recent:]
    both = np.isfinite(now) & np.isfinite(before)
    sold, sold_before = (np.where(both, of, 0.0).sum(axis=1) for of in (now, before))
    growth = np.divide(sold, sold_before, out=np.ones(Y.shape[0]), where=sold_before > 0)
    grown = ago * np.clip(growth, *GROWTH)[:, None]
    return np.where(np.isnan(ago), short, grown)


def moving_average(Y: Array, horizon: int, periods: int) -> Array:
    """Average the last so many known values."""
    known = np.isfinite(Y)
    counted = known & (np.cumsum(known[:, ::-1], axis=1)[:, ::-1] <= periods)
    mean = np.where(counted, Y, 0.0).sum(axis=1) / np.maximum(counted.sum(axis=1), 1)
    return np.repeat(mean[:, None], horizon, axis=1)


def seasonal_mean(Y: Array, horizon: int, season: int, year: int) -> Array:
    """Average each phase over the last SEASONS_AVERAGED seasons, or YEARS_AVERAGED where the season is the year.

    A phase without known values is forecast as `moving_average`.
    """
    seasons = YEARS_AVERAGED if season == year else SEASONS_AVERAGED
    seasons = min(seasons, -(-Y.shape[1] // season))
    short = max(seasons * season - Y.shape[1], 0)
    recent = np.pad(Y, ((0, 0), (short, 0)), constant_values=np.nan)[:, -seasons * season :]
    by_phase = recent.reshape(Y.shape[0], seasons, season)
    known = np.isfinite(by_phase)
    count = known.sum(axis=1)
    phases = np.where(known, by_phase, 0.0).sum(axis=1) / np.maximum(count, 1)
    level = moving_average(Y, season, recent_periods(season, year))
    return _repeated(np.where(count > 0, phases, level), horizon)


def _lag(season: int, year: int) -> int:
    """Return the periods of a year in whole seasons; of one season where no year is known."""
    return max(year - year % season, season)


def _year_ago(Y: Array, horizon: int, season: int, year: int) -> Array:
    """Return the values of the same periods a year before, NaN where unknown."""
    lag = _lag(season, year)
    missing = max(lag - Y.shape[1], 0)
    latest = np.pad(Y, ((0, 0), (missing, 0)), constant_values=np.nan)[:, -lag:]
    return _repeated(latest, horizon)


def _repeated(phases: Array, horizon: int) -> Array:
    """Repeat (n, periods) up to the horizon."""
    repeated: Array = np.tile(phases, -(-horizon // phases.shape[1]))[:, :horizon]
    return repeated
