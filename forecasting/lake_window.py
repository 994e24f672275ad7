"""Days of the lake that a forecast is made from: the rhythm of the chain, and its whole periods."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

import duckdb
import numpy as np
import pandas as pd

from forecasting.frames.frequency import Frequency
from forecasting.frames.period_demand import whole_periods
from forecasting.frames.rhythm_found import RhythmFound, recognise_rhythm, rhythm_by_hand
from stocktide.domain.rhythm import rhythm_of
from stocktide.foundation.database import sql
from stocktide.foundation.errors import NotFound
from stocktide.foundation.telemetry import log

# Older days no longer help (measured on M5: two, three, four years and all of five score alike) and cost time. Months
# and quarters are few in four years: what is longer ago still says what a year is like.
HISTORY_DAYS_MAX: dict[Frequency, int] = {"D": 1_460, "W": 1_460, "M": 3_650, "Q": 3_650}
# A rhythm is that of the last two years: a chain that has changed its tills is judged by how it sells now.
RHYTHM_DAYS = 730


@dataclass(frozen=True)
class Window:
    """Days that are read: after `since`, through `through`. first: where the demand begins (None: at the first sale).

    dated: days with sales anywhere, which are all that a rhythm of one day a period tells of.
    """

    since: date
    first: date | None
    through: date
    rhythm: RhythmFound
    dated: pd.DatetimeIndex


def read_window(
    connection: duckdb.DuckDBPyConnection, now: datetime, frequency: Literal["auto"] | Frequency
) -> Window:
    """Find the rhythm, and the whole periods of it that the lake holds up to `now` (aware).

    connection: with the lake's tables daily_demand and locations. Raises NotFound (`lake_empty`).
    """
    over = _last_whole_day(connection, now)
    through = _last_day(connection, over)
    sold = _days_sold(connection, through, RHYTHM_DAYS)
    found = recognise_rhythm(
        {str(location): pd.DatetimeIndex(of["day"]) for location, of in sold.groupby("location")}
    )
    rhythm = found if frequency == "auto" else rhythm_by_hand(frequency, found)
    log("rhythm_found", frequency=rhythm.frequency, reason=rhythm.reason, warning=rhythm.warning)
    if rhythm.frequency == "D":
        since = through - timedelta(days=HISTORY_DAYS_MAX["D"])
        return Window(since, None, through, rhythm, pd.DatetimeIndex([]))
    days = _days_sold(connection, through, HISTORY_DAYS_MAX[rhythm.frequency])["day"]
    dates = pd.DatetimeIndex(days.unique()).sort_values()
    return _whole_window(dates, rhythm, found, over)


def _whole_window(
    dates: pd.DatetimeIndex, rhythm: RhythmFound, found: RhythmFound, over: date
) -> Window:
    if dates.empty:
        raise NotFound("lake_empty", f"Nothing was sold up to {over}.")
    whole = whole_periods(rhythm.grid, *_covered(dates, found, pd.Timestamp(over)))
    if whole.empty:
        raise NotFound(
            "lake_empty",
            f"No whole {rhythm_of(rhythm.frequency).one} lies between the first sale on {dates[0].date()} and the "
            f"last on {dates[-1].date()}; set frequency in [forecast], or wait.",
        )
    first = rhythm.grid.first_days(whole[:1])[0].date()
    last = rhythm.grid.last_days(whole[-1:])[0].date()
    return Window(first - timedelta(days=1), first, last, rhythm, dates)


def _days_sold(connection: duckdb.DuckDBPyConnection, through: date, days: int) -> pd.DataFrame:
    window = {"since": through - timedelta(days=days), "through": through}
    found: pd.DataFrame = connection.execute(sql("forecasting/days_sold"), window).df()
    return found


def _covered(
    sold: pd.DatetimeIndex, found: RhythmFound, over: pd.Timestamp
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the first and the last day that sales tell of: a date of a monthly export tells of all its month."""
    if not found.one_day:
        return sold[0], sold[-1]
    ends = found.grid.dates(np.unique(found.grid.containing(sold)))
    known = ends[ends <= over]
    last = known[-1] if len(known) else ends[0] - pd.Timedelta(days=1)
    return found.grid.first_days(ends[:1])[0], last


def _last_whole_day(connection: duckdb.DuckDBPyConnection, now: datetime) -> date:
    """Return the last day that is over in every location's time zone; one that nobody knows has no say."""
    assert now.tzinfo is not None
    zones = connection.execute("SELECT DISTINCT timezone FROM locations").fetchall()
    known = available_timezones()
    local = [now.astimezone(ZoneInfo(zone)).date() for (zone,) in zones if zone in known]
    return min(local, default=now.date()) - timedelta(days=1)


def _last_day(connection: duckdb.DuckDBPyConnection, over: date) -> date:
    found = connection.execute(sql("forecasting/last_day"), {"last_whole_day": over}).fetchone()
    if found is None or found[0] is None:
        raise NotFound("lake_empty", f"The lake has no demand up to {over}.")
    day: date = found[0]
    return day
