"""Periods as dates: the last days of days, weeks, months or quarters, counted from one of them."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stocktide.domain.rhythm import Rhythm


def periods_from(first: date, count: int, rhythm: Rhythm) -> pd.DatetimeIndex:
    """Return `count` last days of periods, beginning with `first`, itself the last day of a period."""
    return _counted(first, np.arange(count), rhythm)


def periods_up_to(last: date, count: int, rhythm: Rhythm) -> pd.DatetimeIndex:
    """Return `count` last days of periods up to `last`, itself the last day of a period."""
    return _counted(last, np.arange(1 - count, 1), rhythm)


def last_days(days: "pd.Series[pd.Timestamp]", known: date, rhythm: Rhythm) -> pd.DatetimeIndex:
    """Return for each day the last day of its period. known: any last day of a period, such as a cutoff."""
    day = pd.to_datetime(days).to_numpy().astype("datetime64[D]")
    if rhythm.frequency in ("D", "W"):
        ahead = (np.datetime64(known, "D") - day).astype(np.int64) % rhythm.days_max
        return pd.DatetimeIndex(day + ahead)
    month = day.astype("datetime64[M]")
    ahead = (np.datetime64(known, "M") - month).astype(np.int64) % _months(rhythm)
    return _ends(month + ahead)


def sum_by_period(frame: pd.DataFrame, column: str, known: date, rhythm: Rhythm) -> pd.DataFrame:
    """Sum the numbers of a daily frame by period; its column of days becomes their last days. Days stay as they are.

    Columns of truth values are true where one of the days is.
    """
    if rhythm.is_daily:
        return frame
    dated = frame.assign(**{column: last_days(frame[column], known, rhythm)})
    how = {name: "any" if dated[name].dtype == bool else "sum" for name in dated if name != column}
    return dated.groupby(column, as_index=False).agg(how)


def _counted(known: date, steps: NDArray[np.int64], rhythm: Rhythm) -> pd.DatetimeIndex:
    if rhythm.frequency in ("D", "W"):
        return pd.DatetimeIndex(np.datetime64(known, "D") + steps * rhythm.days_max)
    return _ends(np.datetime64(known, "M") + steps * _months(rhythm))


def _months(rhythm: Rhythm) -> int:
    return 1 if rhythm.frequency == "M" else 3


def _ends(months: NDArray[Any]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex((months + 1).astype("datetime64[D]") - 1)
