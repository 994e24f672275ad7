"""The door of forecasting: the lake's daily_demand as a dense matrix of leaves by periods, in units."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Literal

import duckdb
import numpy as np
import pandas as pd
from deltalake import DeltaTable

from forecasting.frames.frequency import Frequency
from forecasting.frames.period_demand import in_periods
from forecasting.lake_successions import with_successor_pairs
from forecasting.lake_unusual import with_usual_units
from forecasting.lake_window import Window, read_window
from forecasting.nodes.demand import Demand, densify, pool_products
from forecasting.nodes.unnamed import with_names
from forecasting.nodes.with_successions import with_successions
from forecasting.structure.levels import KNOWN_KEYS, Levels
from stocktide.foundation.database import sql
from stocktide.foundation.errors import NotFound
from stocktide.foundation.lake import Lake

if TYPE_CHECKING:
    import pandera.pandas as pa

# Best sellers are those of the last year, so that last season's stars make room.
RANKING_DAYS = 365


@cache
def daily_units_schema() -> "pa.DataFrameSchema":
    """Return the schema of what crosses from ETL: exact quantities end here, units begin."""
    # half a second to load, and only a read of the lake needs it
    import pandera.pandas as pa

    return pa.DataFrameSchema(
        {
            "product_id": pa.Column("int32"),
            "location_id": pa.Column("int32"),
            "day": pa.Column("datetime64[ns]"),
            "units": pa.Column("float64", pa.Check.in_range(0.0, 1e16)),
            "censored": pa.Column("bool"),
            "empty_at_close": pa.Column("bool"),
        },
        strict=True,
        coerce=True,
        unique=["product_id", "location_id", "day"],
    )


def read_demand(
    lake: Lake,
    levels: Levels,
    *,
    now: datetime,
    best_sellers: int | None = None,
    version: int | None = None,
    frequency: Literal["auto"] | Frequency = "auto",
    successions: pd.DataFrame | None = None,
    unusual: pd.DataFrame | None = None,
) -> Demand:
    """Read the demand up to the last day that is over everywhere at `now` (aware), at one pinned lake version.

    best_sellers: keep so many products (by units of the last year), pool the others into "(other products)" per
    location, so that totals stay true. frequency: "auto" finds the rhythm in the days with sales (`recognise_rhythm`);
    set by hand, days are summed to calendar weeks (from Monday on), months or quarters. A first or last period that is
    not whole is left out. successions: of `succession_table`; history moves along them, and products of
    one line count as one best seller. unusual: days that count as usual ones, of `read_unusual_days`. Raises NotFound
    (`lake_empty`: no table, no sale, or no whole period), pandera's SchemaError.
    """
    with opened(lake, version) as (connection, lake_version):
        window = read_window(connection, now, frequency)
        days = {"since": window.since, "through": window.through}
        ranked_since = window.through - timedelta(days=RANKING_DAYS)
        pairs = connection.execute(
            sql("forecasting/pairs"), {**days, "ranked_since": ranked_since}
        ).df()
        units = connection.execute(sql("forecasting/daily_units"), days).df()
        daily = daily_units_schema().validate(units)
        held = 0
        if unusual is not None:
            daily, held = with_usual_units(daily, unusual)
        if successions is not None and not pairs.empty:
            pairs = with_successor_pairs(connection, pairs, successions)
    if pairs.empty:
        raise NotFound(
            "lake_empty",
            f"Nothing was sold in the {(window.through - window.since).days} days up to {window.through}.",
        )
    keys = [key for key in KNOWN_KEYS if any(key in level for level in levels)]
    pairs, warnings = with_names(pairs, keys)
    if held:
        warnings = (*warnings, _held_out(held))
    pooled = (
        pairs if best_sellers is None else pool_products(pairs, keys, best_sellers=best_sellers)
    )
    demand = densify(
        pooled, daily, keys, through=window.through, lake_version=lake_version, since=window.first
    )
    if successions is not None:
        demand = with_successions(demand, successions)
    return in_rhythm(replace(demand, warnings=warnings), window)


def _held_out(days: int) -> str:
    """Return the warning about days of unusual demand."""
    return (
        f"{days:,} {'day' if days == 1 else 'days'} of unusual demand held out of training, taken as usual ones until "
        "somebody confirms them: see `stocktide demand unusual`"
    )


@contextmanager
def opened(
    lake: Lake, version: int | None = None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, int]]:
    """Open the lake's tables daily_demand, products and locations, at one version (None: the newest), which is told.

    Raises NotFound (`lake_empty`).
    """
    for name in ("daily_demand", "products", "locations"):
        if not lake.exists(name):
            raise NotFound("lake_empty", f"The lake has no table {name} yet; run the ETL first.")
    table = DeltaTable(lake.path("daily_demand"), version=version)
    with duckdb.connect() as connection:
        connection.register("daily_demand", table.to_pyarrow_dataset())
        connection.register("products", DeltaTable(lake.path("products")).to_pyarrow_dataset())
        connection.register("locations", DeltaTable(lake.path("locations")).to_pyarrow_dataset())
        yield connection, int(table.version())


def in_rhythm(demand: Demand, window: Window) -> Demand:
    """Return daily demand in the periods of a window's rhythm."""
    known = replace(demand, rhythm=window.rhythm)
    if window.rhythm.frequency == "D":
        return known
    every = np.ones(demand.days.size, dtype=np.bool_)
    dated = demand.days.isin(window.dated) if window.rhythm.one_day else every
    return in_periods(known, window.rhythm.grid, dated=np.asarray(dated, dtype=np.bool_))
