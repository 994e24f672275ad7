"""M5 as the product sees it: leaves, hierarchy, calendar columns and the members that are fitted. No benchmark itself.

Everything here is known on the day of the forecast: sales up to N, and the calendar with its events and SNAP days,
which is published ahead. The official scale and weights are read by the scoring alone.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from forecasting.nodes.members import Member, Part
from numpy.typing import NDArray

from forecasting.prophet.model import ProphetModel, Regressor, Seasonality
from forecasting.structure.hierarchy import Hierarchy, build_hierarchy

Array = NDArray[np.float64]

FIRST_DATE = pd.Timestamp("2011-01-29")
HORIZON_DAYS = 28
LEVELS = [
    [],
    ["state_id"],
    ["store_id"],
    ["cat_id"],
    ["dept_id"],
    ["state_id", "cat_id"],
    ["state_id", "dept_id"],
    ["store_id", "cat_id"],
    ["store_id", "dept_id"],
    ["item_id"],
    ["item_id", "state_id"],
    ["item_id", "store_id"],
]
UPPER = LEVELS[:9]
STATES = ("CA", "TX", "WI")
# Days around the big events on which people shop otherwise: first and last day of each window.
WINDOWS = {
    "Thanksgiving": (-3, 2),
    "Christmas": (-5, 3),
    "Easter": (-3, 1),
    "SuperBowl": (-2, 1),
    "LaborDay": (-3, 1),
    "MemorialDay": (-3, 1),
    "IndependenceDay": (-3, 1),
    "Mother's day": (-3, 1),
    "Father's day": (-3, 1),
    "NewYear": (-2, 2),
    "Halloween": (-2, 1),
    "ValentinesDay": (-2, 1),
}
# Prior sd in units of the response: of the logarithm, or of the mean of the last year.
EVENT_SD, YEAR_SD, MONTH_SD = 0.24, 0.024, 0.024
SNAP_SD, SNAP_DAY_SD, SNAP_WEEKDAY_SD = 10.0, 0.08, 0.2
WEEK_YEAR_SD = 0.05
CHANGE_SCALE = 0.16
HALF_LIFE_DAYS = 365.0
LEVEL_WINDOWS_DAYS = (7, 14, 28, 56)
SNAP_DAYS, WEEK_ORDER, YEAR_ORDER = 10, 3, 2


@dataclass(frozen=True)
class Sales:
    """Sales up to day N. upper: (70, T) stores x departments from day 16; lower: (30490, T) items x stores, 180 days.

    Both end on `last`; rows follow `upper_leaves` and `lower_leaves`.
    """

    upper: Array
    upper_leaves: pd.DataFrame
    lower: Array
    lower_leaves: pd.DataFrame
    last: int

    def dates(self, days: int) -> pd.DatetimeIndex:
        """Date the last `days` days."""
        return pd.date_range(end=date_of(self.last), periods=days)

    def until(self, last: int) -> "Sales":
        """Forget everything after day `last`."""
        cut = self.last - last
        return replace(
            self,
            upper=self.upper[:, : self.upper.shape[1] - cut],
            lower=self.lower[:, : self.lower.shape[1] - cut],
            last=last,
        )


def date_of(day: int) -> pd.Timestamp:
    """Date day d_N."""
    return FIRST_DATE + pd.Timedelta(days=day - 1)


def read_sales(folder: Path, last: int) -> Sales:
    """Read the columns up to day `last` and no further."""
    upper = pd.read_parquet(
        folder / "level9_store_dept_daily_d16_d1941.parquet",
        filters=[("date", "<=", date_of(last).strftime("%Y-%m-%d"))],
    )
    upper["day"] = upper["d"].str[2:].astype(int)
    wide = upper[upper["day"] <= last].pivot(
        index=["state_id", "store_id", "cat_id", "dept_id"], columns="day", values="sales"
    )
    lower = pd.read_parquet(
        folder / "sales_d1762_d1941_all30490.parquet",
        columns=["id", *(f"d_{day}" for day in range(1762, last + 1))],
    )
    return Sales(
        upper=wide.to_numpy(np.float64),
        upper_leaves=wide.index.to_frame(index=False),
        lower=lower.drop(columns="id").to_numpy(np.float64),
        lower_leaves=_leaves(lower["id"]),
        last=last,
    )


def _leaves(ids: pd.Series) -> pd.DataFrame:
    parts = ids.str.extract(r"^(?P<item>(?P<dept>(?P<cat>[A-Z]+)_\d)_\d+)_(?P<store>([A-Z]+)_\d)")
    return pd.DataFrame(
        {
            "state_id": parts["store"].str[:2],
            "store_id": parts["store"],
            "cat_id": parts["cat"],
            "dept_id": parts["dept"],
            "item_id": parts["item"],
        }
    )


def hierarchies(sales: Sales) -> tuple[Hierarchy, Hierarchy]:
    """Build the whole hierarchy (42,840 nodes), and that of its levels 1 to 9 (154)."""
    keys = list(sales.lower_leaves.columns)
    whole = build_hierarchy(LEVELS, sales.lower_leaves, known=keys)
    return whole, build_hierarchy(UPPER, sales.upper_leaves, known=keys)


def series_names(hierarchy: Hierarchy) -> pd.Series:
    """Name nodes as the official table of weights does."""
    names = hierarchy.nodes["unique_id"].str.replace("/", "|")
    return names.where(hierarchy.nodes["level"] > 0, "Total")


def calendar_columns(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make the regressor columns by date, and the table of events."""
    calendar = pd.read_csv(folder / "calendar.csv", parse_dates=["date"])
    dates = pd.DatetimeIndex(calendar["date"])
    columns = {**_month(dates), **_week_by_year(dates)}
    for state in STATES:
        columns |= _snap(dates, calendar[f"snap_{state}"].to_numpy(np.float64), state)
    events = [
        calendar[["date", name]].rename(columns={"date": "ds", name: "holiday"})
        for name in ("event_name_1", "event_name_2")
    ]
    table = pd.concat(events).dropna()
    window = table["holiday"].map(lambda name: WINDOWS.get(name, (0, 0)))
    table = table.assign(
        lower_window=window.str[0], upper_window=window.str[1], prior_scale=EVENT_SD
    )
    return pd.DataFrame(columns, index=dates), table


def _month(dates: pd.DatetimeIndex) -> dict[str, Array]:
    turn = 2 * np.pi * (dates.day.to_numpy() - 1) / dates.days_in_month.to_numpy()
    waves = {"sin": np.sin, "cos": np.cos}
    return {f"month_{n}{i}": wave(i * turn) for i in (1, 2, 3) for n, wave in waves.items()}


def _week_by_year(dates: pd.DatetimeIndex) -> dict[str, Array]:
    day = (dates - pd.Timestamp("1970-01-01")).days.to_numpy()
    waves = {"sin": np.sin, "cos": np.cos}
    return {
        f"week_year_{a}{i}{b}{j}": wa(2 * np.pi * i * day / 7) * wb(2 * np.pi * j * day / 365.25)
        for i in range(1, WEEK_ORDER + 1)
        for j in range(1, YEAR_ORDER + 1)
        for a, wa in waves.items()
        for b, wb in waves.items()
    }


def _snap(dates: pd.DatetimeIndex, on: Array, state: str) -> dict[str, Array]:
    """Food-stamp days: whether, the how manyth of the month, and on which weekday."""
    count = pd.Series(on).groupby(dates.to_period("M").astype(str)).cumsum().to_numpy() * on
    weekday = dates.dayofweek.to_numpy()
    return {
        f"snap_{state}": on,
        **{f"snap_{state}_day{k}": (count == k) * 1.0 for k in range(1, SNAP_DAYS + 1)},
        **{f"snap_{state}_weekday{k}": on * (weekday == k) for k in range(7)},
    }


def members(
    hierarchy: Hierarchy, columns: pd.DataFrame, events: pd.DataFrame
) -> list[tuple[int, Member]]:
    """List the members and how many days of history each sees: logarithmic and additive, poorer and richer years."""
    log = ProphetModel(target="log1p", scaling="none")
    add = ProphetModel(scaling="mean")
    forms = [
        (1460, log, 3, YEAR_SD, False),
        (1460, log, 1, YEAR_SD, False),
        (1460, log, 10, 0.01, False),
        (1460, log, 3, YEAR_SD, True),
        (1095, log, 3, YEAR_SD, True),
        (1460, log, 1, YEAR_SD, True),
        (1460, add, 3, YEAR_SD, True),
        (1095, add, 3, YEAR_SD, False),
    ]
    return [
        (days, _member(hierarchy, columns, events, base, order, sd, interacting=interacting))
        for days, base, order, sd, interacting in forms
    ]


def _member(
    hierarchy: Hierarchy,
    columns: pd.DataFrame,
    events: pd.DataFrame,
    base: ProphetModel,
    order: int,
    year_sd: float,
    *,
    interacting: bool,
) -> Member:
    state = hierarchy.nodes["state_id"].fillna(hierarchy.nodes["store_id"].str[:2]).fillna("")
    parts = []
    for name in sorted(set(state)):
        wanted = STATES if name == "" else (name,)
        model = replace(
            base,
            yearly_seasonality=False,
            weekly_seasonality=WEEK_ORDER,
            daily_seasonality=False,
            holidays=events,
            changepoint_prior_scale=CHANGE_SCALE,
            seasonalities=(Seasonality("yearly_tight", 365.25, order, year_sd),),
            regressors=_regressors(columns, wanted, interacting=interacting),
            recency_half_life_days=HALF_LIFE_DAYS,
            level_windows_days=LEVEL_WINDOWS_DAYS,
        )
        parts.append(Part(np.flatnonzero(state == name), model))
    return parts


def _regressors(
    columns: pd.DataFrame, states: tuple[str, ...], *, interacting: bool
) -> tuple[Regressor, ...]:
    found = []
    for name in map(str, columns):
        if name.startswith("month_"):
            found.append((name, MONTH_SD))
        elif name.startswith("week_year_") and interacting:
            found.append((name, WEEK_YEAR_SD))
        elif name.startswith("snap_") and name[5:7] in states:
            tight = SNAP_DAY_SD if "_day" in name else SNAP_WEEKDAY_SD
            found.append((name, tight if len(name) > 7 else SNAP_SD))
    return tuple(Regressor(name, sd, standardize=False) for name, sd in found)
