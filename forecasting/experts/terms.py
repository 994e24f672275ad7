"""Calendar terms of a rhythm as columns, built once and shared by every model, level and origin of a run.

T dates, history and horizon alike; K columns. A column belongs to a kind, and each kind has a prior scale: relative
to a target of mean 1 or to a logarithm, so 0.03 is three per cent whatever is sold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.experts.cycles import Cycles
from forecasting.experts.shopping_days import EASTER, shopping_days
from forecasting.prophet.columns import Columns, day_numbers, fourier

Array = NDArray[np.float64]

WEEK_ORDER, MONTH_ORDER = 3, 15
YEAR_DAYS, WEEK_DAYS = 365.25, 7.0
# Shopping moves to the days before a holiday and is made good on the day after.
HOLIDAY_OFFSETS = (-2, -1, 0, 1)
# People look at all public holidays together, and at each event of their own.
HOLIDAYS = "holidays"
# Weekdays of a month beyond its four whole weeks, on average over the Gregorian calendar's 400 years.
WEEKDAYS_A_MONTH = 365.2425 / 12 / 7


@dataclass(frozen=True)
class Priors:
    """Prior standard deviations by kind. year: of the first harmonic; of days and weeks the i-th has 1 / i."""

    week: float = 10.0
    year: float = 0.03
    month: float = 0.03
    trading: float = 0.1
    holiday: float = 1.0
    holiday_share: float = 0.1


KINDS = tuple(part.name for part in fields(Priors))


@dataclass(frozen=True)
class Terms:
    """values: (T, K). component, key, kind: (K,). divisor: (K,) of the kind's prior scale."""

    values: Array
    component: tuple[str, ...]
    key: tuple[str, ...]
    kind: tuple[str, ...]
    divisor: Array

    def part(self, first: int, periods: int) -> "Terms":
        """Return the terms over some of the dates."""
        return replace(self, values=self.values[first : first + periods])

    def columns(self, priors: Priors, kinds: Sequence[str] = KINDS) -> Columns:
        """Return the columns of some kinds with their prior scales, as `fit_series` takes them."""
        at = [k for k, kind in enumerate(self.kind) if kind in kinds]
        scale = np.array([getattr(priors, self.kind[k]) / self.divisor[k] for k in at])
        no = np.zeros(len(at), dtype=np.bool_)
        return Columns(
            values=self.values[:, at],
            component=tuple(self.component[k] for k in at),
            key=tuple(self.key[k] for k in at),
            scale=scale,
            multiplicative=no,
            given=no,
            own=(),
        )


_Column = tuple[str, str, str, Array, float]


def build_terms(
    cycles: Cycles,
    dates: pd.DatetimeIndex,
    *,
    countries: Sequence[str] = (),
    events: pd.DataFrame | None = None,
) -> Terms:
    """Build every term that the rhythm can carry over `dates` (T,).

    countries: ISO codes whose holidays count. events: name, day, days_before, days_after (`KnownAhead`), those in
    force for the nodes at hand. Raises Invalid (`country_unknown`).
    """
    columns: list[_Column] = []
    days = day_numbers(dates)
    if cycles.season == WEEK_DAYS:
        columns += _waves("weekly", "week", fourier(days, WEEK_DAYS, WEEK_ORDER), falling=False)
    falling = cycles.frequency in ("D", "W")
    columns += _waves("yearly", "year", fourier(days, YEAR_DAYS, cycles.harmonics), falling=falling)
    if cycles.frequency == "D":
        phase = np.asarray((dates.day - 1) / dates.days_in_month, dtype=np.float64)
        columns += _waves("monthly", "month", fourier(phase, 1.0, MONTH_ORDER), falling=False)
    if cycles.frequency == "M":
        columns += _trading_days(dates)
    columns += _special_days(cycles, dates, _special(dates, countries, events))
    return Terms(
        values=np.stack([column[3] for column in columns], axis=1),
        component=tuple(column[0] for column in columns),
        key=tuple(column[1] for column in columns),
        kind=tuple(column[2] for column in columns),
        divisor=np.array([column[4] for column in columns]),
    )


def _waves(component: str, kind: str, values: Array, *, falling: bool) -> list[_Column]:
    return [
        (component, f"{component}{k}", kind, values[:, k], k // 2 + 1.0 if falling else 1.0)
        for k in range(values.shape[1])
    ]


def _trading_days(dates: pd.DatetimeIndex) -> list[_Column]:
    """Count how many Mondays … Sundays each month has beyond the average."""
    first = dates.to_period("M").start_time
    of_month = first.days_in_month.to_numpy()
    columns: list[_Column] = []
    for weekday in range(7):
        earliest = (weekday - first.dayofweek.to_numpy()) % 7 + 1
        count = 4.0 + (earliest + 28 <= of_month).astype(np.float64)
        name = f"trading days{weekday}"
        columns.append(("trading days", name, "trading", count - WEEKDAYS_A_MONTH, 1.0))
    return columns


def _special(
    dates: pd.DatetimeIndex, countries: Sequence[str], events: pd.DataFrame | None
) -> pd.DataFrame:
    """List name, day, days_before, days_after, part of all holidays (with the usual days around) and events."""
    years = range(dates[0].year - 1, dates[-1].year + 2)
    frames = []
    for country in countries:
        table = shopping_days(country, years).rename(columns={"holiday": "name", "ds": "day"})
        if len(countries) > 1:
            table = table.assign(name=country + " " + table["name"])
        around = {"days_before": -HOLIDAY_OFFSETS[0], "days_after": HOLIDAY_OFFSETS[-1]}
        frames.append(table.assign(part=HOLIDAYS, **around))
    columns = ["name", "day", "days_before", "days_after", "part"]
    if events is not None and len(events):
        frames.append(events.assign(part=events["name"])[columns])
    if not frames:
        return pd.DataFrame(columns=columns)
    return pd.concat(frames, ignore_index=True)


def _special_days(cycles: Cycles, dates: pd.DatetimeIndex, special: pd.DataFrame) -> list[_Column]:
    columns: list[_Column] = []
    for (part, name), rows in special.groupby(["part", "name"], sort=True):
        if cycles.frequency == "D":
            made = _by_day(str(name), dates, rows)
        elif cycles.frequency == "W":
            made = _by_week(str(name), dates, rows)
        elif part != HOLIDAYS or _moves(str(name), rows):
            made = _by_month(str(name), dates.to_period(cycles.frequency), rows)
        else:
            continue
        columns += [(str(part), *column[1:]) for column in made]
    return [column for column in columns if np.ptp(column[3]) > 0]


def _by_day(name: str, dates: pd.DatetimeIndex, rows: pd.DataFrame) -> list[_Column]:
    """Return a column for each day of the window around the event."""
    before, after = int(rows["days_before"].max()), int(rows["days_after"].max())
    at = pd.DatetimeIndex(rows["day"])
    columns: list[_Column] = []
    for offset in range(-before, after + 1):
        inside = (rows["days_before"] >= -offset) & (rows["days_after"] >= offset)
        on = dates.isin(at[inside.to_numpy()] + pd.Timedelta(days=offset)).astype(np.float64)
        columns.append((name, f"{name}|{offset:+d}", "holiday", on, 1.0))
    return columns


def _by_week(name: str, dates: pd.DatetimeIndex, rows: pd.DataFrame) -> list[_Column]:
    """Return two columns, for a week is labelled by its first or its last day, and the fit finds out which."""
    columns: list[_Column] = []
    for label, first in (("from", 0), ("to", -6)):
        starts = dates + pd.Timedelta(days=first)
        on = _days_within(starts, starts + pd.Timedelta(days=6), rows["day"])
        columns.append((name, f"{name}|{label}", "holiday_share", on, 1.0))
    return columns


def _by_month(name: str, period: pd.PeriodIndex, rows: pd.DataFrame) -> list[_Column]:
    on = _days_within(period.start_time, period.end_time.normalize(), rows["day"])
    return [(name, f"{name}|in", "holiday_share", on, 1.0)]


def _moves(name: str, rows: pd.DataFrame) -> bool:
    """Return True if an event falls into different months, which the year's own season cannot describe."""
    return name.endswith(EASTER) or pd.DatetimeIndex(rows["day"]).month.nunique() > 1


def _days_within(
    starts: pd.DatetimeIndex, ends: pd.DatetimeIndex, days: "pd.Series[pd.Timestamp]"
) -> Array:
    """Count the days that lie in each period (T,), both ends counted."""
    ordered = np.sort(pd.DatetimeIndex(days).to_numpy())
    below = np.searchsorted(ordered, starts.to_numpy(), side="left")
    upto = np.searchsorted(ordered, ends.to_numpy(), side="right")
    return np.asarray(upto - below, dtype=np.float64)
