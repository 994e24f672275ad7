"""The rhythm of a chain, found in the days on which it sold: a weekly or monthly export dates all sales on one day.

A date at the beginning of a calendar period (a Monday, the first of a month) stands for the period that begins there,
any other date for the period that it ends or lies in. Periods are named by their last days.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forecasting.frames.frequency import FREQUENCIES, Frequency, Grid
from stocktide.domain.rhythm import rhythm_of

# Dates that must agree before a rhythm is found. A shop that sold on so many random days would have them all on one
# weekday, or one day of the month or quarter, with a chance below 1 in 10,000: (1/7)^5, (1/30)^3, (1/91)^3.
PERIODS_MIN: dict[Frequency, int] = {"W": 6, "M": 4, "Q": 4}
# Of the periods between the first and the last sale, the share that has one: yearly dates are not quarters.
FILLED_MIN = 0.5
NAMED_MAX = 5
# A Sunday, and the end of a calendar quarter: where calendar weeks (from Monday on), months and quarters end.
CALENDAR_ENDS: dict[Frequency, pd.Timestamp] = {
    "D": pd.Timestamp("2024-12-31"),
    "W": pd.Timestamp("2024-12-29"),
    "M": pd.Timestamp("2024-12-31"),
    "Q": pd.Timestamp("2024-12-31"),
}


@dataclass(frozen=True)
class RhythmFound:
    """grid: its dates are the last days of the periods. one_day: all sales of a period are dated on one day of it.

    reason: why, in a sentence. warning: sources that sell in another rhythm, None if there are none.
    """

    grid: Grid
    one_day: bool
    reason: str
    warning: str | None = None

    @property
    def frequency(self) -> Frequency:
        """Return the rhythm: D, W, M or Q."""
        return self.grid.frequency


def calendar_grid(frequency: Frequency) -> Grid:
    """Build the grid of calendar days, weeks from Monday to Sunday, months or quarters, named by their last days."""
    return Grid(frequency, CALENDAR_ENDS[frequency], at_end=frequency != "D")


def recognise_rhythm(sold: Mapping[str, pd.DatetimeIndex]) -> RhythmFound:
    """Find the rhythm of a chain: the finest one of its sources.

    sold: by source (a location), its days with sales. A source with too few days is left out. Sources that are slower
    than the finest are named in the warning, and counted on their dates.
    """
    own = {name: own_rhythm(days) for name, days in sold.items()}
    known = {name: grid for name, grid in own.items() if grid is not None}
    if not known:
        return RhythmFound(
            calendar_grid("D"), False, "daily: too few days with sales to find another rhythm"
        )
    frequency = min((grid.frequency for grid in known.values()), key=FREQUENCIES.index)
    slower = {name: grid for name, grid in known.items() if grid.frequency != frequency}
    warning = _warning(frequency, slower) if slower else None
    if frequency == "D":
        return RhythmFound(
            calendar_grid("D"), False, "daily: days with sales keep no slower rhythm", warning
        )
    grids = {name: grid for name, grid in known.items() if grid.frequency == frequency}
    shared = len({_phase(grid) for grid in grids.values()}) == 1
    grid = next(iter(grids.values())) if shared else calendar_grid(frequency)
    days = pd.DatetimeIndex(np.unique(np.concatenate([sold[name].to_numpy() for name in grids])))
    return RhythmFound(grid, True, _reason(frequency, days, shared=shared), warning)


def rhythm_by_hand(frequency: Frequency, found: RhythmFound) -> RhythmFound:
    """Return the rhythm that the settings name; where it was found too, its own dates, else calendar periods."""
    rhythm = rhythm_of(frequency)
    reason = f"set by hand to {rhythm.many}; found was {found.reason}"
    if frequency == found.frequency:
        return replace(found, reason=reason)
    warning = found.warning
    if FREQUENCIES.index(frequency) < FREQUENCIES.index(found.frequency):
        slow = rhythm_of(found.frequency).one
        warning = (
            f"Sales are dated on one day a {slow}, so most {rhythm.many} count as {rhythm.many} without sales; "
            'set frequency = "auto" in [forecast].'
        )
    return RhythmFound(calendar_grid(frequency), False, reason, warning)


def own_rhythm(days: pd.DatetimeIndex) -> Grid | None:
    """Find one source's rhythm, the coarsest that holds all its days with sales; None where they are too few."""
    days = pd.DatetimeIndex(np.unique(days.to_numpy()))
    for grid in (_months(days), _weeks(days)):
        if grid is not None and len(days) >= PERIODS_MIN[grid.frequency] and _is_filled(days, grid):
            return grid
    return None if len(days) < PERIODS_MIN["W"] else calendar_grid("D")


def _weeks(days: pd.DatetimeIndex) -> Grid | None:
    if len(days) == 0 or (days.dayofweek != days[0].dayofweek).any():
        return None
    ends = 6 if days[0].dayofweek == 0 else 0
    return Grid("W", days[0] + pd.Timedelta(days=ends), at_end=True)


def _months(days: pd.DatetimeIndex) -> Grid | None:
    """Find months, if all days have one number (or end a shorter month); quarters, if they step by three months."""
    if len(days) < 2 or (days.day != np.minimum(days.day.max(), days.days_in_month)).any():
        return None
    month = days.year * 12 + days.month
    if (np.diff(month) % 3 == 0).all():
        starts = days[0].day == 1
        return Grid("Q", days[0] + pd.offsets.MonthEnd(3 if starts else 0), at_end=True)
    return Grid("M", days[0] + pd.offsets.MonthEnd(0), at_end=True)


def _is_filled(days: pd.DatetimeIndex, grid: Grid) -> bool:
    at = grid.containing(days)
    return bool(len(days) >= FILLED_MIN * (at.max() - at.min() + 1))


def _phase(grid: Grid) -> int:
    """Return a number of where periods end: the weekday of weeks, the month within quarters; same number, same grid."""
    if grid.frequency == "W":
        return int(grid.origin.dayofweek)
    return grid.origin.month % 3 if grid.frequency == "Q" else 0


def _reason(frequency: Frequency, days: pd.DatetimeIndex, *, shared: bool) -> str:
    word = {"W": "weekly", "M": "monthly", "Q": "quarterly"}[frequency]
    if not shared:
        return f"{word}: each location sells on one day a {rhythm_of(frequency).one}, not all on the same"
    if frequency == "W":
        begins = "begin on" if days[0].dayofweek == 0 else "end with"
        return f"{word}: all sales are on {days[0].day_name()}s, which their weeks {begins}"
    if days.day.max() == days.day.min() == 1:
        return f"{word}: all sales are on the first day of a {rhythm_of(frequency).one}"
    if days.is_month_end.all():
        return f"{word}: all sales are on the last day of a {rhythm_of(frequency).one}"
    return f"{word}: all sales are on day {days.day.max()} of a month"


def _warning(frequency: Frequency, slower: Mapping[str, Grid]) -> str:
    named = [
        f"{name} (by {rhythm_of(grid.frequency).one})" for name, grid in sorted(slower.items())
    ]
    more = f" and {len(named) - NAMED_MAX} more" if len(named) > NAMED_MAX else ""
    coarsest = max((grid.frequency for grid in slower.values()), key=FREQUENCIES.index)
    return (
        f"These locations sell in another rhythm than the chain, which is counted by {rhythm_of(frequency).one}: "
        f"{', '.join(named[:NAMED_MAX])}{more}. Their sales count on their dates; to forecast all of them alike set "
        f'frequency = "{coarsest}" in [forecast].'
    )
