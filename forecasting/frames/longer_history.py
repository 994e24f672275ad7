"""Histories of upper levels that begin before those of the leaves: what was only known as a sum still says much.

m leaves, T periods of the demand, E periods before its first one.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.frames.cells import read_dates, read_numbers
from forecasting.frames.frequency import Grid
from forecasting.nodes.demand import Demand
from forecasting.nodes.hand_over import hand_over
from forecasting.nodes.known_ahead import KnownAhead, PlannedRegressor
from forecasting.nodes.successions import link_rows, period_share
from stocktide.foundation.errors import Invalid

Array = NDArray[np.float64]
Longer = Mapping[tuple[str, ...], pd.DataFrame]


def with_longer(demand: Demand, longer: Longer) -> Demand:
    """Extend demand by histories of upper levels that begin before the leaves.

    longer: keys of a level -> a long frame with a column per key, ds and y; rows from the first period of the leaves on
    are not looked at, for a node is the sum of its leaves there. Periods without a row are unknown. What is known ahead
    stays where it is. Raises Invalid: `column_missing`, `ds_off_grid`, `value_negative`, `node_unknown`,
    `ds_duplicate`, `plans_dated`, and those of `from_long` for dates and numbers.
    """
    grid = demand.regular
    told = {keys: _told(frame, keys, grid, demand.days[0]) for keys, frame in longer.items()}
    firsts = [rows["ds"].min() for rows in told.values() if len(rows)]
    if not firsts:
        return demand
    begin, start = grid.steps(pd.DatetimeIndex([min(firsts), demand.days[0]]))
    earlier = grid.dates(np.arange(begin, start))
    front = ((0, 0), (len(earlier), 0))
    return replace(
        demand,
        days=pd.DatetimeIndex(earlier.append(demand.days)),
        units=np.pad(demand.units, front),
        empty=np.pad(demand.empty, front, constant_values=True),
        started=demand.started + len(earlier),
        grid=demand.grid,
        ahead=_later(demand.ahead, len(earlier)),
        longer={keys: _history(demand, keys, rows, earlier) for keys, rows in told.items()},
    )


def _told(
    frame: pd.DataFrame, keys: tuple[str, ...], grid: Grid, first: pd.Timestamp
) -> pd.DataFrame:
    """Check the rows of a level and keep those before the leaves' first period: keys as text, ds, y."""
    for name in (*keys, "ds", "y"):
        if name not in frame.columns:
            raise Invalid(
                "column_missing", f"longer of {list(keys)} has no column {name!r}.", column=name
            )
    names = _names(frame, keys)
    ds = read_dates(frame["ds"], names)
    rows = frame[[*keys]].astype(str).assign(ds=ds, y=read_numbers(frame["y"], "y", names))
    wrong = {
        "ds_off_grid": (~grid.holds(ds), "is not a date of the leaves' periods"),
        "value_negative": (rows["y"].to_numpy() < 0, "has a demand below 0"),
        "ds_duplicate": (rows.duplicated([*keys, "ds"]).to_numpy(), "comes a second time"),
    }
    for code, (rule, why) in wrong.items():
        if rule.any():
            row = int(np.argmax(rule))
            raise Invalid(
                code, f"longer of {list(keys)}, row {row}: {ds[row].date()} {why}.", row=row
            )
    earlier: pd.DataFrame = rows[(ds < first) & np.isfinite(rows["y"].to_numpy())]
    return earlier


def _names(frame: pd.DataFrame, keys: tuple[str, ...]) -> NDArray[np.object_]:
    if not keys:
        return np.full(len(frame), "total", dtype=object)
    return frame[[*keys]].astype(str).agg(" / ".join, axis=1).to_numpy(dtype=object)


def _history(
    demand: Demand,
    keys: tuple[str, ...],
    rows: pd.DataFrame,
    earlier: pd.DatetimeIndex,
) -> tuple[pd.DataFrame, Array]:
    """Lay out a level's nodes and their units, (nodes, E + T). earlier: the E dates before."""
    code, nodes = _nodes(demand.leaves, keys)
    index = pd.MultiIndex.from_frame(nodes) if keys else None
    row = np.zeros(len(rows), np.int64)
    if index is not None:
        row = index.get_indexer(pd.MultiIndex.from_frame(rows[[*keys]]))
    if (row < 0).any():
        unknown = rows[[*keys]].iloc[int(np.argmax(row < 0))].tolist()
        raise Invalid("node_unknown", f"longer of {list(keys)} names {unknown}, which no leaf has.")
    before = np.full((len(nodes), len(earlier)), np.nan)
    before[row, earlier.get_indexer(pd.DatetimeIndex(rows["ds"]))] = rows["y"]
    before = _succeeded(demand, nodes, before, earlier)
    sold, known = np.zeros((2, len(nodes), demand.days.size))
    np.add.at(sold, code, demand.units)
    np.add.at(known, code, ~demand.empty | (demand.units > 0))
    return nodes, np.concatenate([before, np.where(known > 0, sold, np.nan)], axis=1)


def _succeeded(
    demand: Demand, nodes: pd.DataFrame, before: Array, earlier: pd.DatetimeIndex
) -> Array:
    """Move the history of replaced products, where a level has products. before: (nodes, E), NaN where unknown."""
    if demand.successions is None:
        return before
    links = link_rows(nodes, demand.successions.table).begun(np.datetime64(demand.cutoff, "D"))
    part = 1.0 - period_share(links, earlier, demand.grid)
    known = hand_over(np.isfinite(before).astype(np.float64), links, part) > 0
    return np.where(known, hand_over(np.nan_to_num(before), links, part), np.nan)


def _nodes(leaves: pd.DataFrame, keys: tuple[str, ...]) -> tuple[NDArray[np.int64], pd.DataFrame]:
    if not keys:
        return np.zeros(len(leaves), np.int64), pd.DataFrame(index=[0])
    for key in keys:
        if key not in leaves.columns:
            raise Invalid("column_missing", f"longer names the key {key!r}, which no leaf has.")
    texts = leaves[[*keys]].astype(str)
    code = texts.groupby([*keys], sort=True).ngroup().to_numpy().astype(np.int64)
    return code, texts.drop_duplicates().sort_values([*keys], ignore_index=True)


def _later(ahead: KnownAhead, periods: int) -> KnownAhead:
    """Shift what is known of the periods behind so many new first ones, of which nothing is known."""
    return replace(
        ahead,
        regressors={name: _moved(one, periods) for name, one in ahead.regressors.items()},
        closed=None if ahead.closed is None else np.pad(ahead.closed, ((0, 0), (periods, 0))),
        closures=None if ahead.closures is None else _moved(ahead.closures, periods),
    )


def _moved(regressor: PlannedRegressor, periods: int) -> PlannedRegressor:
    if regressor.plans is not None:
        raise Invalid("plans_dated", "longer needs regressors of values, not of dated plans.")
    recorded = regressor.recorded
    if recorded is not None:
        recorded = np.pad(recorded + periods, ((0, 0), (periods, 0)))
    return PlannedRegressor(np.pad(regressor.values, ((0, 0), (periods, 0))), recorded)
