"""Frequencies: which regular grid of days, weeks, months or quarters a set of dates lies on."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Frequency = Literal["D", "W", "M", "Q"]
FREQUENCIES: tuple[Frequency, ...] = get_args(Frequency)
Steps = NDArray[np.int64]

_DAYS = {"D": 1, "W": 7}
_MONTHS = {"M": 1, "Q": 3}
# A series on so many neighbouring points of a coarser grid, and on no others, is not on it by chance.
MIXED_POINTS_MIN = 8


@dataclass(frozen=True)
class Grid:
    """A regular grid of dates, one a period. origin: a date on it.

    at_end: a date is the last day of its period (months and quarters then end on their last day), else its first day.
    """

    frequency: Frequency
    origin: pd.Timestamp
    at_end: bool = False

    def steps(self, ds: pd.DatetimeIndex) -> Steps:
        """Count steps from the origin, (len(ds),); exact for dates on the grid."""
        if self.frequency in _DAYS:
            days = (ds - self.origin).days.to_numpy()
            return np.asarray(days // _DAYS[self.frequency], dtype=np.int64)
        months = (ds.year - self.origin.year) * 12 + ds.month - self.origin.month
        return np.asarray(months.to_numpy() // _MONTHS[self.frequency], dtype=np.int64)

    def dates(self, steps: Steps) -> pd.DatetimeIndex:
        """Return the dates of steps from the origin."""
        if self.frequency in _DAYS:
            days = steps * _DAYS[self.frequency]
            return pd.DatetimeIndex(self.origin + pd.to_timedelta(days, unit="D"))
        month = self.origin.year * 12 + self.origin.month - 1 + steps * _MONTHS[self.frequency]
        starts = pd.to_datetime({"year": month // 12, "month": month % 12 + 1, "day": 1})
        index = pd.DatetimeIndex(starts)
        return index + pd.offsets.MonthEnd(0) if self.at_end else index

    def holds(self, ds: pd.DatetimeIndex) -> NDArray[np.bool_]:
        """Return which dates lie on the grid."""
        held: NDArray[np.bool_] = (self.dates(self.steps(ds)) == ds).astype(np.bool_)
        return held

    def containing(self, days: pd.DatetimeIndex) -> Steps:
        """Count steps from the origin to the periods that any days lie in, (len(days),)."""
        if not self.at_end:
            return self.steps(days)
        if self.frequency in _DAYS:
            back = (self.origin - days).days.to_numpy() // _DAYS[self.frequency]
        else:
            months = (self.origin.year - days.year) * 12 + self.origin.month - days.month
            back = months.to_numpy() // _MONTHS[self.frequency]
        return np.asarray(-back, dtype=np.int64)

    def first_days(self, ds: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return the first day of each date's period; dates on the grid."""
        if not self.at_end:
            return ds
        return self.dates(self.steps(ds) - 1) + pd.Timedelta(days=1)

    def last_days(self, ds: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return the last day of each date's period; dates on the grid."""
        return ds if self.at_end else self.dates(self.steps(ds) + 1) - pd.Timedelta(days=1)

    def following(self, last: pd.Timestamp, horizon: int) -> pd.DatetimeIndex:
        """Return the `horizon` dates after `last`, which lies on the grid."""
        at = int(self.steps(pd.DatetimeIndex([last]))[0])
        return self.dates(np.arange(at + 1, at + 1 + horizon))


def grid_of(ds: pd.DatetimeIndex, frequency: Frequency) -> Grid:
    """Build the grid of a frequency that goes through the first of the dates, at its day of the month."""
    assert len(ds)
    first = ds.min()
    at_end = frequency in _MONTHS and bool(first.is_month_end) and not bool(first.is_month_start)
    return Grid(frequency, first, at_end)


def coarsest_grid(ds: pd.DatetimeIndex) -> Grid:
    """Find the coarsest grid that holds all dates (midnights, any order); days for a single date."""
    if ds.nunique() > 1:
        for frequency in ("Q", "M", "W"):
            grid = grid_of(ds, "Q" if frequency == "Q" else "M" if frequency == "M" else "W")
            if grid.holds(ds).all() and _on_month_edge(grid):
                return grid
    return grid_of(ds, "D")


def _on_month_edge(grid: Grid) -> bool:
    """Return True if a grid of months begins on a first day or ends on a last one; other days agree by chance."""
    return grid.frequency in _DAYS or grid.at_end or grid.origin.day == 1


def is_regular(ds: pd.DatetimeIndex, grid: Grid) -> bool:
    """Return True if the dates are neighbouring points of the grid, and enough to be sure."""
    steps = grid.steps(ds)
    return len(ds) >= MIXED_POINTS_MIN and bool(
        grid.holds(ds).all() and steps.max() - steps.min() + 1 == len(ds)
    )
