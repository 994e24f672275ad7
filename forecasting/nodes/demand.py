"""Demand of leaves by days, in units: what everything in this folder works on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.frames.frequency import Frequency, Grid, grid_of
from forecasting.frames.rhythm_found import RhythmFound
from forecasting.nodes.known_ahead import NOTHING, KnownAhead
from forecasting.nodes.stockout import empty_days
from forecasting.nodes.successions import Successions
from forecasting.structure.shares import probable_stockouts
from stocktide.domain.pools import OTHER_PRODUCTS
from stocktide.foundation.errors import Invalid


@dataclass(frozen=True)
class Demand:
    """Demand of m leaves over T consecutive periods: days, weeks, months or quarters.

    leaves: one row per leaf, a column per key that the levels use. names: what people call the values of a key.
    days: (T,) dates of the periods, the last one is the cutoff; grid: the regular grid that they lie on (None: days).
    units: (m, T) float64, units sold less those returned the same day.
    empty: (m, T) bool, periods in which the shelf was empty for a time, so that
    units say less than what was wanted. started: (m,) index of the first sale. ahead: plans and events.
    longer: own histories of coarse levels that reach further back than their leaves: the level's keys -> a frame of its
    nodes with those keys, and units (nodes, T), NaN where unknown. Days before a leaf's detail begins are `empty`.
    rhythm: how the grid was found in the lake. warnings: what was pooled under a name, for people. successions: which
    leaves replace which; units and empty are those after the histories have moved.
    """

    leaves: pd.DataFrame
    names: dict[str, dict[str, str]]
    days: pd.DatetimeIndex
    units: NDArray[np.float64]
    empty: NDArray[np.bool_]
    started: NDArray[np.int64]
    lake_version: int
    grid: Grid | None = None
    ahead: KnownAhead = field(default=NOTHING)
    longer: Mapping[tuple[str, ...], tuple[pd.DataFrame, NDArray[np.float64]]] = field(
        default_factory=dict
    )
    rhythm: RhythmFound | None = None
    warnings: tuple[str, ...] = ()
    successions: Successions | None = None

    @property
    def regular(self) -> Grid:
        """Return the grid of the periods; that of single days where none is given."""
        return self.grid or grid_of(self.days, "D")

    @property
    def frequency(self) -> Frequency:
        """Return the rhythm of the periods: D, W, M or Q."""
        return self.regular.frequency

    @property
    def cutoff(self) -> date:
        """Return the last day of the last period."""
        cutoff: date = self.regular.last_days(self.days[-1:])[0].date()
        return cutoff

    def following(self, periods: int) -> pd.DatetimeIndex:
        """Return the dates of the periods after the last one, (periods,)."""
        return self.regular.following(self.days[-1], periods)


def with_probable_stock_outs(demand: Demand) -> Demand:
    """Count runs without a sale that were probably stock-outs as unknown, like an empty shelf (`probable_stockouts`).

    Where stock is not recorded, or wrongly, an empty shelf looks like no demand, and a model that learns from it
    forecasts too little once the goods are back. A run that still lasts stays as it is: it may be the end.
    """
    return replace(demand, empty=demand.empty | probable_stockouts(demand.units))


def pool_products(pairs: pd.DataFrame, keys: Sequence[str], *, best_sellers: int) -> pd.DataFrame:
    """Rename the products beyond the N best sellers to one pooled product per location.

    Products of one `line` (a column of pairs, where products replace each other) count as one. Where the levels use
    department or category, there is one pool per value of these, so that attributes stay true.
    """
    if best_sellers < 1:
        raise Invalid("best_sellers", f"best_sellers is at least 1, not {best_sellers}.")
    line = pairs["line"] if "line" in pairs else pairs["product_id"]
    ranked = pairs["units"].groupby(line).sum().sort_values(ascending=False, kind="stable")
    pooled = ~line.isin(ranked.index[:best_sellers])
    name = pool_names(pairs, keys)
    return pairs.assign(
        product=pairs["product"].mask(pooled, name),
        product_name=pairs["product_name"].mask(pooled, name),
    )


def pool_names(rows: pd.DataFrame, keys: Sequence[str]) -> pd.Series:
    """Return the pool of each row: one for all products, or one per department and category if the levels use them."""
    name = pd.Series(OTHER_PRODUCTS, index=rows.index)
    for key in ("department", "category"):
        if key in keys:
            name = name + " " + rows[key].fillna("").astype(str)
    return name


def densify(
    pairs: pd.DataFrame,
    daily: pd.DataFrame,
    keys: Sequence[str],
    *,
    through: date,
    lake_version: int,
    since: date | None = None,
) -> Demand:
    """Lay daily rows out as leaves by days, from `since` (None: the first sale) through `through`.

    pairs: a row per product and location with the keys. daily: rows of days with activity, see `daily_units_schema`.
    """
    leaf = pairs.groupby(list(keys), sort=True, dropna=False).ngroup().to_numpy()
    # np.unique, for groupby(...).nth keeps the order of the rows and not of the groups.
    leaves = pairs[list(keys)].iloc[np.unique(leaf, return_index=True)[1]]
    index = pd.MultiIndex.from_frame(pairs[["product_id", "location_id"]])
    pair = index.get_indexer(pd.MultiIndex.from_frame(daily[["product_id", "location_id"]]))
    daily, pair = daily[pair >= 0], pair[pair >= 0]
    first = daily.loc[daily["units"] > 0, "day"].min() if since is None else pd.Timestamp(since)
    days = pd.date_range(first, pd.Timestamp(through), freq="D")
    column = (daily["day"] - days[0]).dt.days.to_numpy()
    inside = column >= 0
    units = np.zeros((len(leaves), len(days)))
    np.add.at(units, (leaf[pair[inside]], column[inside]), daily["units"].to_numpy()[inside])
    # A leaf of several pairs goes on selling when one of them is out: only single pairs are masked.
    single = np.bincount(leaf)[leaf[pair]] == 1
    empty = empty_days(
        leaf[pair[single]],
        column[single],
        censored=daily["censored"].to_numpy()[single],
        empty_at_close=daily["empty_at_close"].to_numpy()[single],
        shape=units.shape,
    )
    return Demand(
        leaves=leaves.reset_index(drop=True),
        names=_names(pairs, keys),
        days=days,
        units=units,
        empty=empty,
        started=np.argmax(units > 0, axis=1).astype(np.int64),
        lake_version=lake_version,
    )


def _names(pairs: pd.DataFrame, keys: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the values' names for people: {"product": {sku: name}, "location": {code: name}}, for the keys used."""
    return {
        key: dict(zip(pairs[key].astype(str), pairs[f"{key}_name"].astype(str), strict=True))
        for key in ("product", "location")
        if key in keys
    }
