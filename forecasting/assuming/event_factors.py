"""Effects on leaves of events that are assumed, or no longer planned: factors learnt from their past days.

m leaves, T periods of history, h periods ahead, J columns. A column is one day of the window around an event of one
name; in weeks, months and quarters it is the event itself, for only its own day counts there. Effects are learnt as
those of prices and promotions are: on the leaves that events of the name were planned for, pooled by siblings.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.experts.cycles import Cycles
from forecasting.frames.frequency import Grid
from forecasting.nodes.effects import Effects, learn_effects
from forecasting.nodes.origin import Origin
from forecasting.nodes.plan_leaves import SCOPE, match_plans
from forecasting.structure.siblings import sibling_group

Array = NDArray[np.float64]
Index = NDArray[np.int64]

# An event lasts days, so its days are compared with those of the four weeks around it, not with the whole season.
SEASONS_COMPARED = 4
COLUMN, CELL = ["name", "offset"], ["name", "offset", "leaf", "at"]


@dataclass(frozen=True)
class EventFactors:
    """planned, assumed: (m, h) factor of the events that differ. unknown: names of those that no past day tells of."""

    planned: Array
    assumed: Array
    unknown: tuple[str, ...]


def event_factors(
    origin: Origin, leaf_keys: pd.DataFrame, planned: pd.DataFrame, assumed: pd.DataFrame
) -> EventFactors:
    """Learn the factors of events that are planned and not assumed, or the other way round.

    leaf_keys: (m rows) in the hierarchy's order, columns SCOPE. planned, assumed: events as `KnownAhead` has them; past
    days of either teach.
    """
    dates = pd.DatetimeIndex(origin.days.append(origin.future))
    T, m, h = origin.days.size, origin.hierarchy.n_leaves, origin.horizon
    before, after = (
        event_cells(events, leaf_keys, dates, origin.grid) for events in (planned, assumed)
    )
    columns = _changed_columns(before, after, T)
    factors = np.ones((2, m, h))
    if columns.empty:
        return EventFactors(factors[0], factors[1], ())
    before, after = before.merge(columns, on=COLUMN), after.merge(columns, on=COLUMN)
    both = pd.concat([before, after]).sort_values("count")
    leaves = np.unique(both["leaf"].to_numpy())
    X, *ahead = (_laid(of, len(columns), leaves, T + h) for of in (both, before, after))
    effects, told = _learnt(origin, leaves, X[:, :, :T], columns)
    for factor, of in zip(factors, ahead, strict=True):
        factor[leaves] = effects.uplift(of[:, :, T:])
    names = columns["name"].to_numpy(dtype=object)
    unknown = sorted(set(names) - set(names[told]))
    return EventFactors(factors[0], factors[1], tuple(unknown))


def event_cells(
    events: pd.DataFrame, leaf_keys: pd.DataFrame, dates: pd.DatetimeIndex, grid: Grid
) -> pd.DataFrame:
    """Lay events out: columns CELL (offset: days from the event, at: position of the date) and count, how many there.

    events: name, day, days_before, days_after, and a column per key that limits them.
    """
    limits = events.reindex(columns=[*SCOPE]).astype(object)
    plan, leaf = match_plans(limits.where(limits.notna(), None), leaf_keys)
    around = grid.frequency == "D"
    first = -events["days_before"].to_numpy(dtype=np.int64)[plan] * around
    count = events["days_after"].to_numpy(dtype=np.int64)[plan] * around - first + 1
    row = np.repeat(np.arange(plan.size), count)
    offset = np.arange(row.size) - np.repeat(np.cumsum(count) - count, count) + first[row]
    days = pd.DatetimeIndex(events["day"])[plan[row]] + pd.to_timedelta(offset, unit="D")
    at = grid.containing(days) - int(grid.steps(dates[:1])[0])
    name = events["name"].to_numpy(dtype=object)[plan[row]]
    laid = pd.DataFrame({"name": name, "offset": offset, "leaf": leaf[row], "at": at})
    laid = laid[(at >= 0) & (at < len(dates))]
    counted = laid.groupby(CELL).size().rename("count").astype(np.float64).reset_index()
    return counted.assign(count=counted["count"].clip(upper=1.0)) if around else counted


def _changed_columns(planned: pd.DataFrame, assumed: pd.DataFrame, n_history: int) -> pd.DataFrame:
    """Find the columns that differ ahead: name, offset and number, column."""
    ahead = [cells[cells["at"] >= n_history] for cells in (planned, assumed)]
    joined = ahead[0].merge(ahead[1], on=CELL, how="outer", suffixes=("", "_assumed"))
    counts = joined[["count", "count_assumed"]].fillna(0.0).to_numpy()
    found = joined.loc[counts[:, 0] != counts[:, 1], COLUMN].drop_duplicates()
    found = pd.DataFrame(found.sort_values(COLUMN).reset_index(drop=True))
    return found.assign(column=np.arange(len(found)))


def _laid(cells: pd.DataFrame, n_columns: int, leaves: Index, periods: int) -> Array:
    """Place cells in an array (J, leaves, periods); of two in one cell the later one counts."""
    X = np.zeros((n_columns, leaves.size, periods))
    leaf = np.searchsorted(leaves, cells["leaf"].to_numpy())
    X[cells["column"].to_numpy(), leaf, cells["at"].to_numpy()] = cells["count"].to_numpy()
    return X


def _learnt(
    origin: Origin, leaves: Index, X: Array, columns: pd.DataFrame
) -> tuple[Effects, NDArray[np.bool_]]:
    """Learn the effects of columns X (J, leaves, T), and whether a past day shows each, (J,)."""
    known = origin.observed_leaves[leaves]
    units = origin.units[leaves]
    if origin.uplift is not None:
        units = units / origin.uplift[leaves, : origin.days.size]
    group = np.unique(sibling_group(origin.hierarchy)[leaves], return_inverse=True)[1]
    effects = learn_effects(
        units,
        known,
        X,
        tuple(f"{of.name}|{of.offset:+d}" for of in columns.itertuples()),
        group.astype(np.int64),
        block=_block(origin.cycles),
        season=origin.cycles.season,
    )
    told = np.asarray(((X > 0) & known).any(axis=(1, 2)))
    return effects, told


def _block(cycles: Cycles) -> int:
    """Return the periods over which a leaf's rate without the event is taken as one."""
    return SEASONS_COMPARED * cycles.season if cycles.season > 1 else cycles.effect_block
