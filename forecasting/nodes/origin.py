"""One origin: everything that is known at one cutoff, and nothing that came later."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.choosing.scores import recent_weight
from forecasting.experts.cycles import CYCLES, Cycles
from forecasting.experts.hidden_demand import expected_demand
from forecasting.frames.frequency import Grid
from forecasting.nodes.closures import closed_days, country_holidays
from forecasting.nodes.demand import Demand
from forecasting.nodes.demand_class import demand_classes
from forecasting.nodes.lifecycle import discontinued, like_for_like, unusual_starts, young
from forecasting.nodes.rivals import PlanEffects, learn_plan_effects, pools
from forecasting.nodes.with_successions import blended, replaced_leaves, waiting_leaves
from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.shares import probable_stockouts
from forecasting.structure.siblings import sibling_group
from stocktide.foundation.errors import Invalid

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Origin:
    """Everything known after T periods about n nodes and m leaves, and the h periods that are asked for.

    days: (T,) dates of the periods, on `grid`. units: (m, T) sold. empty: (m, T), shelf empty for a time. open_leaves:
    (m, T + h), False where a leaf's location is closed. effects: of prices and promotions as learnt then, plans: (J,
    m, h) of them ahead, uplift: (m, T + h) factor by which they move each leaf; None without any. longer: histories
    of coarse levels that reach further back, as known then. replaced: (m,) leaves whose successors sell in their place,
    waiting: (m,) leaves that have never sold and begin by a succession ahead.
    """

    hierarchy: Hierarchy
    days: pd.DatetimeIndex
    horizon: int
    units: Array
    empty: Mask
    open_leaves: Mask
    grid: Grid
    effects: PlanEffects | None = None
    plans: Array = field(default_factory=lambda: np.zeros((0, 0, 0)))
    uplift: Array | None = None
    longer: Mapping[int, Array] = field(default_factory=dict)
    replaced: Mask | None = None
    waiting: Mask | None = None

    @property
    def cutoff(self) -> date:
        """Return the date of the last period that is known."""
        cutoff: date = self.days[-1].date()
        return cutoff

    @property
    def future(self) -> pd.DatetimeIndex:
        """Return the dates of the periods to forecast, (h,)."""
        return self.grid.following(self.days[-1], self.horizon)

    @property
    def cycles(self) -> Cycles:
        """Return the cycles of the periods."""
        return CYCLES[self.grid.frequency]

    @cached_property
    def history(self) -> Array:
        """Return the units that each node sold, (n, T); 0 where a coarse level's longer history is unknown too."""
        summed = self.hierarchy.sum_leaves(self.units)
        for level, units in self.longer.items():
            summed[self.hierarchy.rows(level)] = np.nan_to_num(units)
        return summed

    @cached_property
    def young(self) -> Mask:
        """Return which leaves have just started beside others of their kind, (m,); among days alone."""
        if self.cycles.frequency != "D":
            return np.zeros(self.hierarchy.n_leaves, dtype=np.bool_)
        return young(self.units, sibling_group(self.hierarchy))

    @cached_property
    def apart(self) -> Mask:
        """Return which leaves the sums are forecast without, (m,): the young ones, where more start than is usual."""
        return self.young & unusual_starts(self.units, self.young)

    @cached_property
    def comparable(self) -> Array:
        """Return the units that each node sold without the leaves `apart`, if it has others, (n, T)."""
        return like_for_like(self.hierarchy, self.history, self.units, self.apart)

    @cached_property
    def is_open(self) -> Mask:
        """Return on which days some leaf of each node is open, (n, T + h)."""
        return any_below(self.hierarchy, self.open_leaves)

    @cached_property
    def observed_leaves(self) -> Mask:
        """Return the days on which the sales of a leaf tell its demand, (m, T).

        Started, open, and not without a sale on an empty shelf.
        """
        started = np.maximum.accumulate(self.units > 0, axis=1)
        hidden = self.empty & (self.units == 0)
        observed: Mask = started & self.open_leaves[:, : self.days.size] & ~hidden
        return observed

    @cached_property
    def cut_leaves(self) -> Mask:
        """Return the days on which a leaf sold until its shelf was empty, (m, T): demand was at least the sales."""
        return self.empty & (self.units > 0)

    @cached_property
    def observed_shares(self) -> Mask:
        """Return `observed_leaves` without probable stock-outs that no shelf count recorded, (m, T): for shares."""
        return self.observed_leaves & ~probable_stockouts(self.units)

    @cached_property
    def Y(self) -> Array:
        """Return the base demand of each node, (n, T) units; NaN on days that are unknown for all of its leaves.

        What prices and promotions moved is taken out (`uplift`); a leaf that sold until its shelf was empty counts
        as what was then to be expected. A sum is without the leaves `apart`, as `comparable` is.
        """
        known = np.maximum.accumulate(self.comparable > 0, axis=1)
        known &= self.is_open[:, : self.days.size]
        known &= any_below(self.hierarchy, ~self.empty | (self.units > 0))
        known[-self.hierarchy.n_leaves :] = self.observed_leaves
        for level, units in self.longer.items():
            rows = self.hierarchy.rows(level)
            known[rows] = np.isfinite(units) & np.maximum.accumulate(units > 0, axis=1)
            known[rows] &= self.is_open[rows, : self.days.size]
        Y = np.where(known, self._base, np.nan)
        m = self.hierarchy.n_leaves
        Y[-m:] = expected_demand(Y[-m:], self.cut_leaves, self.days, self.cycles)
        return Y

    @cached_property
    def _base(self) -> Array:
        if self.uplift is None:
            return self.comparable
        base_leaves = self.units / self.uplift[:, : self.days.size]
        base = self.hierarchy.sum_leaves(base_leaves)
        for level, units in self.longer.items():
            rows = self.hierarchy.rows(level)
            sold = np.asarray(self.hierarchy.S[rows] @ self.units)
            # before its leaves are known, the effect of plans is unknown
            moved = np.divide(base[rows], sold, out=np.ones_like(sold), where=sold > 0)
            base[rows] = np.nan_to_num(units) * moved
        return like_for_like(self.hierarchy, base, base_leaves, self.apart)

    @cached_property
    def sold(self) -> Array:
        """Return the units that each node sold, (n, T), effects of plans included; NaN on unknown days.

        A sum is without the leaves `apart`, as `comparable` is.
        """
        return np.where(np.isfinite(self.Y), self.comparable, np.nan)

    @cached_property
    def planned(self) -> dict[str, Array]:
        """Return what each plan adds as a share of a node's demand without plans: name -> (n, h); empty without any.

        A node is moved as its leaves are, weighed by what they lately sold; where several plans meet in a leaf, what
        they make together is shared out by their logarithms.
        """
        if self.effects is None or self.uplift is None:
            return {}
        T, usual = self.days.size, self._usual
        whole = (self.hierarchy.S @ usual)[:, None]
        ahead = self.uplift[:, T:] - 1.0
        logs = self.effects.logs(self.plans)
        total = sum(logs.values(), np.zeros_like(ahead))
        share = np.divide(ahead, total, out=np.zeros_like(ahead), where=np.abs(total) > 1e-12)
        return {
            name: np.asarray(self.hierarchy.S @ (usual[:, None] * share * log) / whole)
            for name, log in logs.items()
        }

    @cached_property
    def _usual(self) -> Array:
        """Return what each leaf lately sold without plans, (m,), never 0."""
        assert self.uplift is not None
        base = self.units / self.uplift[:, : self.days.size]
        usual = base[:, -lately(self.cycles) :].mean(axis=1)
        # nodes that lately sold nothing are moved as their leaves would be on average
        return np.asarray(usual + 1e-9 * max(float(usual.max(initial=0.0)), 1e-9))

    def moved_in(self, periods: slice) -> Array | None:
        """Return the factor by which plans move each node in some periods of past and future, (n, D); None without."""
        if self.uplift is None:
            return None
        moved = self.hierarchy.S @ (self._usual[:, None] * self.uplift[:, periods])
        return np.asarray(moved / (self.hierarchy.S @ self._usual)[:, None])

    @cached_property
    def moved_ahead(self) -> Array | None:
        """Return the factor by which plans move each node over the horizon, (n, h); None without any."""
        if not self.planned:
            return None
        return np.asarray(1.0 + sum(self.planned.values(), np.zeros(1)))

    @cached_property
    def ended(self) -> Mask:
        """Return which leaves are no longer sold, or not yet, (m,)."""
        ended = discontinued(self.units, self.empty, self.cycles.ended_periods)
        for others in (self.replaced, self.waiting):
            ended = ended if others is None else ended | others
        return ended

    @cached_property
    def classes(self) -> NDArray[np.str_]:
        """Return the demand class of each node, (n,)."""
        return demand_classes(self.Y)

    @cached_property
    def weight(self) -> Array:
        """Return the weight of each node in a score, (n,): its units in the last days."""
        return recent_weight(self.history)


def lately(cycles: Cycles) -> int:
    """Return how many of the last periods tell what a leaf usually sells: a quarter of a year."""
    return max(cycles.year // 4, 1)


def any_below(hierarchy: Hierarchy, flags: Mask) -> Mask:
    """Return the periods in which some leaf of each node has a flag, (n, T). flags: (m, T).

    In most periods all leaves agree; only the others are summed.
    """
    every, some = np.all(flags, axis=0), np.any(flags, axis=0)
    found = np.tile(every, (hierarchy.n_nodes, 1))
    mixed = np.flatnonzero(some & ~every)
    found[:, mixed] = hierarchy.S @ flags[:, mixed].astype(np.float64) > 0
    return found


def origin_at(
    demand: Demand,
    hierarchy: Hierarchy,
    *,
    days_known: int,
    horizon: int,
    holidays_country: str | None = None,
) -> Origin:
    """Return what is known after the first `days_known` periods; of later ones only the plans made by then are read.

    Raises Invalid (`country_unknown`).
    """
    assert 0 < days_known <= demand.days.size
    days = demand.days[:days_known]
    units = demand.units[hierarchy.leaf_rows, :days_known]
    opened = _open(demand, hierarchy, units, days, horizon, holidays_country)
    origin = Origin(
        hierarchy=hierarchy,
        days=days,
        horizon=horizon,
        units=units,
        empty=demand.empty[hierarchy.leaf_rows, :days_known],
        open_leaves=opened,
        grid=demand.regular,
        longer={
            level: units[:, :days_known]
            for level, units in longer_histories(demand, hierarchy).items()
        },
        replaced=replaced_leaves(demand)[hierarchy.leaf_rows],
        waiting=waiting_leaves(demand)[hierarchy.leaf_rows],
    )
    return with_effects(origin, demand)


def with_effects(origin: Origin, demand: Demand) -> Origin:
    """Learn the effects of prices and promotions from the origin's past, and add them and the plans made by then."""
    T, h = origin.days.size, origin.horizon
    rows = origin.hierarchy.leaf_rows
    given = {
        name: blended(demand, regressor.at(T)[:, : T + h])[rows]
        for name, regressor in demand.ahead.regressors.items()
    }
    moving = {name: _to_horizon(X, T + h) for name, X in given.items() if X[:, :T].any()}
    if not moving:
        return origin
    X = np.stack(list(moving.values()))
    cycles = origin.cycles
    effects = learn_plan_effects(
        origin.units,
        origin.observed_leaves,
        X[:, :, :T],
        tuple(moving),
        group=sibling_group(origin.hierarchy),
        pool=pools(demand.leaves.iloc[rows]),
        lately=lately(cycles),
        block=cycles.effect_block,
        season=cycles.season,
    )
    return replace(origin, effects=effects, plans=X[:, :, T:], uplift=effects.uplift(X))


def _to_horizon(X: Array, periods: int) -> Array:
    """Pad regressors (m, D) to so many periods, (m, periods): a missing value, or NaN, means no plan."""
    told = np.where(np.isfinite(X), X, 0.0)
    return np.pad(told, ((0, 0), (0, periods - X.shape[1])))


def _open(
    demand: Demand,
    hierarchy: Hierarchy,
    units: Array,
    days: pd.DatetimeIndex,
    horizon: int,
    country: str | None,
) -> Mask:
    """Return which leaves are open, (m, T + h): days that the shop never sells on, and what is planned."""
    T = days.size
    opened = np.ones((units.shape[0], T + horizon), dtype=np.bool_)
    if demand.frequency == "D":
        last_year = (days[-1] + pd.Timedelta(days=horizon)).year
        names = country_holidays(country, range(days[0].year, last_year + 1))
        names = _with_events(names, demand.ahead.events_at(days[-1]))
        group = _location(demand, hierarchy)
        sold = np.zeros((int(group.max()) + 1, T))
        np.add.at(sold, group, units)
        opened = ~closed_days(sold, days, horizon=horizon, holiday_names=names)[group]
    planned = demand.ahead.closed_at(T)
    if planned is not None:
        closed = planned[hierarchy.leaf_rows, : T + horizon]
        opened[:, : closed.shape[1]] &= ~closed
    return opened


def _with_events(names: pd.Series, events: pd.DataFrame) -> pd.Series:
    """Add the days of events to the names of days; a country's own name of a day stays."""
    if events.empty:
        return names
    named = pd.Series(events["name"].to_numpy(dtype=object), index=pd.DatetimeIndex(events["day"]))
    named = named[~named.index.duplicated() & ~named.index.isin(names.index)]
    return pd.concat([names, named]) if len(names) else named


def longer_histories(demand: Demand, hierarchy: Hierarchy) -> dict[int, Array]:
    """Return the own histories of coarse levels, (nodes of the level, T) by position, NaN where unknown.

    Raises Invalid (`history_missing`).
    """
    found = {}
    for level, keys in enumerate(hierarchy.levels):
        for named, (frame, units) in demand.longer.items():
            if frozenset(named) == frozenset(keys):
                found[level] = units[_rows_of(hierarchy, level, frame)]
    return found


def _rows_of(hierarchy: Hierarchy, level: int, frame: pd.DataFrame) -> NDArray[np.int64]:
    """Find the row of `frame` that holds each node of a level. Raises Invalid (`history_missing`)."""
    keys = list(hierarchy.levels[level])
    nodes = hierarchy.nodes.iloc[hierarchy.rows(level)]
    if not keys:
        return np.zeros(1, dtype=np.int64)
    have = pd.MultiIndex.from_frame(frame[keys].astype(str))
    rows = have.get_indexer(pd.MultiIndex.from_frame(nodes[keys].astype(str)))
    if (rows < 0).any():
        node = nodes["unique_id"].iloc[int(np.argmax(rows < 0))]
        raise Invalid("history_missing", f"The longer history of {keys} has no row for {node!r}.")
    return np.asarray(rows, dtype=np.int64)


def _location(demand: Demand, hierarchy: Hierarchy) -> NDArray[np.int64]:
    """Return the number of each leaf's location, (m,); all 0 without locations."""
    if "location" not in demand.leaves:
        return np.zeros(hierarchy.n_leaves, dtype=np.int64)
    codes = pd.factorize(demand.leaves["location"].iloc[hierarchy.leaf_rows])[0]
    return np.asarray(codes, dtype=np.int64)
