"""Daily demand summed to weeks, months or quarters, and which of these are whole."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.frames.frequency import Grid
from forecasting.nodes.demand import Demand

# A period counts as one with an empty shelf if at least this share of its days was: two days of a week, eight of a
# month. One empty day takes less from a week than weeks differ by chance; leaving the week out would cost more.
EMPTY_SHARE_MIN = 0.25


def whole_periods(grid: Grid, first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    """Return the dates of the periods that lie within the days from `first` to `last`, both known; may be empty."""
    at = grid.containing(pd.DatetimeIndex([first, last]))
    dates = grid.dates(np.arange(at[0], at[1] + 1))
    whole = (grid.first_days(dates) >= first) & (grid.last_days(dates) <= last)
    return dates[whole]


def in_periods(daily: Demand, grid: Grid, *, dated: NDArray[np.bool_]) -> Demand:
    """Sum daily demand to the periods of a grid.

    daily: m leaves over T days, whole periods from the first to the last. dated: (T,) days that say whether the shelf
    was empty: all of them, or those that sales are dated on. Of these, EMPTY_SHARE_MIN make a period an empty one.
    """
    assert dated.shape == (daily.days.size,)
    at = grid.containing(daily.days)
    starts = np.flatnonzero(np.diff(at, prepend=at[0] - 1))
    units = np.add.reduceat(daily.units, starts, axis=1)
    empty = np.add.reduceat(daily.empty & dated, starts, axis=1, dtype=np.int64)
    asked = np.maximum(np.add.reduceat(dated, starts, dtype=np.int64), 1)
    return replace(
        daily,
        days=grid.dates(at[starts]),
        units=units,
        empty=empty >= EMPTY_SHARE_MIN * asked,
        started=np.argmax(units > 0, axis=1).astype(np.int64),
        grid=grid,
    )
