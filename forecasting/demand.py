"""The door of forecasting: the lake's daily_demand as a dense matrix of leaves by days, in units."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import pandera.pandas as pa
from deltalake import DeltaTable
from numpy.typing import NDArray

from forecasting.levels import KNOWN_KEYS, Levels
from forecasting.stockout import empty_days
from stocktide.database import sql
from stocktide.errors import Invalid, NotFound
from stocktide.lake import Lake

# Older days no longer help (measured on M5: two, three, four years and all of five score alike) and cost time.
HISTORY_DAYS_MAX = 1_460
# Best sellers are those of the last year, so that last season's stars make room.
RANKING_DAYS = 365
OTHER_PRODUCTS = "(other products)"

# What crosses from ETL: exact quantities end here, units begin.
DAILY_UNITS = pa.DataFrameSchema(
    {
        "product_id": pa.Column("int32"),
        "location_id": pa.Column("int32"),
        "day": pa.Column("datetime64[ns]"),
        "units": pa.Column("float64", pa.Check.in_range(0.0, 1e12)),
        "censored": pa.Column("bool"),
        "empty_at_close": pa.Column("bool"),
    },
    strict=True,
    coerce=True,
    unique=["product_id", "location_id", "day"],
)


@dataclass(frozen=True)
class Demand:
    """Demand of m leaves over T consecutive days.

    leaves: one row per leaf, a column per key that the levels use. names: what people call the values of a key.
    days: (T,), the last one is the cutoff.
    units: (m, T) float64, units sold less those returned the same day.
    empty: (m, T) bool, days on which the shelf was empty for a time, so that
    units say less than what was wanted. started: (m,) index of the first sale.
    """

    leaves: pd.DataFrame
    names: dict[str, dict[str, str]]
    days: pd.DatetimeIndex
    units: NDArray[np.float64]
    empty: NDArray[np.bool_]
    started: NDArray[np.int64]
    lake_version: int

    @property
    def cutoff(self) -> date:
        """Last day of the demand."""
        cutoff: date = self.days[-1].date()
        return cutoff


def read_demand(
    lake: Lake,
    levels: Levels,
    *,
    now: datetime,
    best_sellers: int | None = None,
    version: int | None = None,
) -> Demand:
    """Read the demand up to the last day that is over everywhere at `now` (aware), at one pinned lake version.

    best_sellers: keep so many products (by units of the last year), pool the others into "(other products)" per
    location, so that totals stay true. Raises NotFound (`lake_empty`: no table, or no sale), pandera's SchemaError.
    """
    for name in ("daily_demand", "products", "locations"):
        if not lake.exists(name):
            raise NotFound("lake_empty", f"The lake has no table {name} yet; run the ETL first.")
    table = DeltaTable(lake.path("daily_demand"), version=version)
    with duckdb.connect() as connection:
        connection.register("daily_demand", table.to_pyarrow_dataset())
        connection.register("products", DeltaTable(lake.path("products")).to_pyarrow_dataset())
        connection.register("locations", DeltaTable(lake.path("locations")).to_pyarrow_dataset())
        through = _last_day(connection, now)
        since = through - timedelta(days=HISTORY_DAYS_MAX)
        ranked_since = through - timedelta(days=RANKING_DAYS)
        window = {"since": since, "through": through}
        pairs = connection.execute(
            sql("forecasting/pairs"), {**window, "ranked_since": ranked_since}
        ).df()
        daily = DAILY_UNITS.validate(
            connection.execute(sql("forecasting/daily_units"), window).df()
        )
    if pairs.empty:
        raise NotFound(
            "lake_empty", f"Nothing was sold in the {HISTORY_DAYS_MAX} days up to {through}."
        )
    keys = [key for key in KNOWN_KEYS if any(key in level for level in levels)]
    pooled = (
        pairs if best_sellers is None else pool_products(pairs, keys, best_sellers=best_sellers)
    )
    return _densify(pooled, daily, keys, through=through, lake_version=int(table.version()))


def _last_day(connection: duckdb.DuckDBPyConnection, now: datetime) -> date:
    assert now.tzinfo is not None
    zones = connection.execute("SELECT DISTINCT timezone FROM locations").fetchall()
    local = [now.astimezone(ZoneInfo(zone)).date() for (zone,) in zones if zone]
    last_whole_day = min(local, default=now.date()) - timedelta(days=1)
    found = connection.execute(
        sql("forecasting/last_day"), {"last_whole_day": last_whole_day}
    ).fetchone()
    if found is None or found[0] is None:
        raise NotFound("lake_empty", f"The lake has no demand up to {last_whole_day}.")
    day: date = found[0]
    return day


def pool_products(pairs: pd.DataFrame, keys: Sequence[str], *, best_sellers: int) -> pd.DataFrame:
    """Rename the products beyond the N best sellers to one pooled product per location.

    Where the levels use department or category, there is one pool per value of these, so that attributes stay true.
    """
    if best_sellers < 1:
        raise Invalid("best_sellers", f"best_sellers is at least 1, not {best_sellers}.")
    ranked = pairs.groupby("product_id")["units"].sum().sort_values(ascending=False, kind="stable")
    pooled = ~pairs["product_id"].isin(ranked.index[:best_sellers])
    name = pd.Series(OTHER_PRODUCTS, index=pairs.index)
    for key in ("department", "category"):
        if key in keys:
            name = name + " " + pairs[key].fillna("").astype(str)
    return pairs.assign(
        product=pairs["product"].mask(pooled, name),
        product_name=pairs["product_name"].mask(pooled, name),
    )


def _densify(
    pairs: pd.DataFrame,
    daily: pd.DataFrame,
    keys: Sequence[str],
    *,
    through: date,
    lake_version: int,
) -> Demand:
    leaf = pairs.groupby(list(keys), sort=True, dropna=False).ngroup().to_numpy()
    # np.unique, for groupby(...).nth keeps the order of the rows and not of the groups.
    leaves = pairs[list(keys)].iloc[np.unique(leaf, return_index=True)[1]]
    index = pd.MultiIndex.from_frame(pairs[["product_id", "location_id"]])
    pair = index.get_indexer(pd.MultiIndex.from_frame(daily[["product_id", "location_id"]]))
    daily, pair = daily[pair >= 0], pair[pair >= 0]
    sold_days = daily.loc[daily["units"] > 0, "day"]
    days = pd.date_range(sold_days.min(), pd.Timestamp(through), freq="D")
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
    """Name the values of a key for people: {"product": {sku: name}, "location": {code: name}}, for the keys used."""
    return {
        key: dict(zip(pairs[key].astype(str), pairs[f"{key}_name"].astype(str), strict=True))
        for key in ("product", "location")
        if key in keys
    }
