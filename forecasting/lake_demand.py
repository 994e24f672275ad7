"""The door of forecasting: the lake's daily_demand as a dense matrix of leaves by days, in units."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pandera.pandas as pa
from deltalake import DeltaTable

from forecasting.nodes.demand import Demand, densify, pool_products
from forecasting.structure.levels import KNOWN_KEYS, Levels
from stocktide.database import sql
from stocktide.errors import NotFound
from stocktide.lake import Lake

# Older days no longer help (measured on M5: two, three, four years and all of five score alike) and cost time.
HISTORY_DAYS_MAX = 1_460
# Best sellers are those of the last year, so that last season's stars make room.
RANKING_DAYS = 365

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
    return densify(pooled, daily, keys, through=through, lake_version=int(table.version()))


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
