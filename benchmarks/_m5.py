"""M5 as a caller of the library sees it: sales up to a day, and what is known ahead. No benchmark itself.

Everything here is known on the day of the forecast: sales up to N, the calendar with its events and SNAP days, which
is published ahead, and on request the prices, which are set weeks ahead. The official scale and weights are read by
the scoring alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting import Demand, Hierarchy, KnownAhead, PlannedRegressor, build_hierarchy

Array = NDArray[np.float64]
Longer = dict[tuple[str, ...], tuple[pd.DataFrame, Array]]

FIRST_DATE = pd.Timestamp("2011-01-29")
FIRST_DETAIL = 1762
# Four years before the forecast; earlier ones lie before some shops opened.
HISTORY_DAYS = 1460
HORIZON_DAYS = 28
NO_LAKE_VERSION = -1
LEVELS: tuple[tuple[str, ...], ...] = (
    (),
    ("state_id",),
    ("store_id",),
    ("cat_id",),
    ("dept_id",),
    ("state_id", "cat_id"),
    ("state_id", "dept_id"),
    ("store_id", "cat_id"),
    ("store_id", "dept_id"),
    ("item_id",),
    ("item_id", "state_id"),
    ("item_id", "store_id"),
)
UPPER = LEVELS[:9]
STATES = ("CA", "TX", "WI")
# Days before and after the big events on which people shop otherwise.
WINDOWS = {
    "Thanksgiving": (3, 2),
    "Christmas": (5, 3),
    "Easter": (3, 1),
    "SuperBowl": (2, 1),
    "LaborDay": (3, 1),
    "MemorialDay": (3, 1),
    "IndependenceDay": (3, 1),
    "Mother's day": (3, 1),
    "Father's day": (3, 1),
    "NewYear": (2, 2),
    "Halloween": (2, 1),
    "ValentinesDay": (2, 1),
}


def date_of(day: int) -> pd.Timestamp:
    """Return the date of day d_N."""
    return FIRST_DATE + pd.Timedelta(days=day - 1)


def read_upper(folder: Path, first: int, last: int) -> tuple[pd.DataFrame, Array]:
    """Read stores x departments: a row of keys each (70), and units of days first to last, (70, T)."""
    told = pd.read_parquet(
        folder / "level9_store_dept_daily_d16_d1941.parquet",
        filters=[
            ("date", ">=", date_of(first).strftime("%Y-%m-%d")),
            ("date", "<=", date_of(last).strftime("%Y-%m-%d")),
        ],
    )
    wide = told.assign(day=told["d"].str[2:].astype(int)).pivot(
        index=["state_id", "store_id", "cat_id", "dept_id"], columns="day", values="sales"
    )
    return wide.index.to_frame(index=False), wide.to_numpy(np.float64)


def read_lower(folder: Path, first: int, last: int) -> tuple[pd.DataFrame, Array]:
    """Read items x stores: a row of keys each (30,490), and units of days first to last, (30490, T)."""
    told = pd.read_parquet(
        folder / "sales_d1762_d1941_all30490.parquet",
        columns=["id", *(f"d_{day}" for day in range(first, last + 1))],
    )
    return _keys(told["id"]), told.drop(columns="id").to_numpy(np.float64)


def _keys(ids: pd.Series) -> pd.DataFrame:
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


def hierarchy_of(levels: Sequence[tuple[str, ...]], leaves: pd.DataFrame) -> Hierarchy:
    """Build the hierarchy of some levels."""
    return build_hierarchy([list(keys) for keys in levels], leaves, known=list(leaves.columns))


def upper_demand(folder: Path, last: int) -> Demand:
    """Return the demand of stores x departments, the leaves of levels 1 to 9."""
    keys, units = read_upper(folder, last - HISTORY_DAYS + 1, last)
    return _demand(folder, keys, units, np.zeros(units.shape, dtype=np.bool_), last)


def whole_demand(folder: Path, last: int, *, prices: bool = False) -> Demand:
    """Return the demand of items x stores, known since day 1762, with the longer histories of levels 1 to 9.

    prices: give the weekly prices too, which are known 28 days ahead.
    """
    keys, detail = read_lower(folder, FIRST_DETAIL, last)
    units = np.zeros((len(keys), HISTORY_DAYS))
    units[:, -detail.shape[1] :] = detail
    empty = np.ones(units.shape, dtype=np.bool_)
    empty[:, -detail.shape[1] :] = False
    demand = _demand(folder, keys, units, empty, last, _longer(folder, last))
    if not prices:
        return demand
    told = {"price": PlannedRegressor(relative_prices(folder, keys, units.shape[1], last))}
    return replace(demand, ahead=replace(demand.ahead, regressors=told))


def relative_prices(folder: Path, keys: pd.DataFrame, days: int, last: int) -> Array:
    """Read log(price / median of the known prices) of items x stores, 0 where none is asked, (n, days + 28)."""
    calendar = pd.read_csv(folder / "calendar.csv", usecols=["wm_yr_wk"])["wm_yr_wk"]
    weeks = calendar.iloc[last - days : last + HORIZON_DAYS].to_numpy()
    asked = pd.read_parquet(folder / "sell_prices.parquet")
    by_week = asked.pivot(index=["store_id", "item_id"], columns="wm_yr_wk", values="sell_price")
    leaves = pd.MultiIndex.from_frame(keys[["store_id", "item_id"]])
    by_day = by_week.reindex(index=leaves, columns=np.unique(weeks))
    usual = by_day[np.unique(weeks[:days])].median(axis=1)
    ratio = np.nan_to_num(np.log(by_day.div(usual, axis=0).to_numpy(np.float64)))
    return np.asarray(ratio[:, np.searchsorted(by_day.columns, weeks)])


def _longer(folder: Path, last: int) -> Longer:
    """Sum stores x departments up to the nodes of levels 1 to 9."""
    keys, units = read_upper(folder, last - HISTORY_DAYS + 1, last)
    hierarchy = hierarchy_of(UPPER, keys)
    summed = hierarchy.sum_leaves(units[hierarchy.leaf_rows])
    of = {level: hierarchy.rows(number) for number, level in enumerate(UPPER)}
    return {
        level: (hierarchy.nodes.iloc[rows][list(level)].reset_index(drop=True), summed[rows])
        for level, rows in of.items()
    }


def _demand(
    folder: Path,
    keys: pd.DataFrame,
    units: Array,
    empty: NDArray[np.bool_],
    last: int,
    longer: Longer | None = None,
) -> Demand:
    days = pd.date_range(end=date_of(last), periods=units.shape[1])
    return Demand(
        leaves=keys,
        names={},
        days=days,
        units=units,
        empty=empty,
        started=np.argmax(units > 0, axis=1).astype(np.int64),
        lake_version=NO_LAKE_VERSION,
        ahead=KnownAhead(events=events(folder), closed=_christmas(days, len(keys))),
        longer=longer or {},
    )


def _christmas(days: pd.DatetimeIndex, leaves: int) -> NDArray[np.bool_]:
    """Mark the one day on which all shops are closed, in the history and ahead, (leaves, T + 28)."""
    dates = pd.date_range(days[0], periods=days.size + HORIZON_DAYS)
    closed = np.asarray((dates.month == 12) & (dates.day == 25))
    return np.broadcast_to(closed, (leaves, dates.size))


def events(folder: Path) -> pd.DataFrame:
    """Make the table of events: those of the calendar with their windows, and the SNAP days of each state."""
    calendar = pd.read_csv(folder / "calendar.csv", parse_dates=["date"])
    rows = [*_named_days(calendar), *(row for state in STATES for row in _snap(calendar, state))]
    columns = ["name", "day", "days_before", "days_after", "state_id"]
    table = pd.DataFrame(rows, columns=columns)
    # the calendar is published years ahead
    table["recorded"] = pd.NaT
    return table


_Event = tuple[str, pd.Timestamp, int, int, str | None]


def _named_days(calendar: pd.DataFrame) -> Iterator[_Event]:
    for column in ("event_name_1", "event_name_2"):
        for day, name in calendar[["date", column]].dropna().itertuples(index=False):
            yield (name, day, *WINDOWS.get(name, (0, 0)), None)


def _snap(calendar: pd.DataFrame, state: str) -> Iterator[_Event]:
    """List food-stamp days: each as one, as the how manyth of its month, and by its weekday."""
    days = calendar.loc[calendar[f"snap_{state}"] == 1, "date"]
    number = days.groupby(days.dt.to_period("M")).cumcount() + 1
    for day, count in zip(days, number, strict=True):
        for name in ("", f" day {count}", f" on {day.day_name()}"):
            yield (f"SNAP {state}{name}", day, 0, 0, state)


def series_names(hierarchy: Hierarchy) -> pd.Series:
    """Name nodes as the official table of weights does."""
    names = hierarchy.nodes["unique_id"].str.replace("/", "|")
    return names.where(hierarchy.nodes["level"] > 0, "Total")


def scale_and_weight(folder: Path, hierarchy: Hierarchy) -> tuple[Array, Array]:
    """Read each node's official scale (mean squared change) and its weight in its level, (n,) each."""
    table = pd.read_csv(folder / "m5_eval_scale_weights.csv.gz").set_index(["level", "series"])
    level = hierarchy.nodes["level"].to_numpy() + 1
    of = table.loc[list(zip(level, series_names(hierarchy), strict=True))]
    return of["scale_mse"].to_numpy(np.float64), of["weight_in_level"].to_numpy(np.float64)
