"""Movements to daily demand: one row per product x location x day, and only those that changed are written."""

from dataclasses import dataclass

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from deltalake import DeltaTable, write_deltalake

from etl.delta import DAILY_DEMAND, open_table, version_of, watermark_of, with_watermark
from etl.kinds import kind_table
from etl.serving import serve_demand
from stocktide.foundation.database import sql
from stocktide.foundation.lake import Lake

KEY = "t.month = s.month AND t.product_id = s.product_id AND t.location_id = s.location_id AND t.day = s.day"


@dataclass(frozen=True)
class Demand:
    """Changes that one run made in daily_demand."""

    rows_changed: int
    days_changed: int
    version: int


def update_daily_demand(engine: sa.Engine, lake: Lake, *, xid_before: int) -> Demand:
    """Update daily_demand to everything that landed before `xid_before`, then the copy of it in Postgres.

    The lake's commit carries its watermark, the copy's transaction its own: after a kill at any point the next run does
    what is left.
    """
    movements = open_table(lake, "movements")
    table = open_table(lake, "daily_demand")
    since = watermark_of(table)
    if movements is None:
        return Demand(0, 0, version_of(table))
    changed = DAILY_DEMAND.empty_table()
    if since < xid_before:
        changed = changed_demand(movements, table, time_zones(engine), since=since)
        _merge(lake, table, changed, xid_before)
    serve_demand(engine, lake, changed, since=since)
    days = len(changed.column("day").unique())
    return Demand(len(changed), days, version_of(open_table(lake, "daily_demand")))


def time_zones(engine: sa.Engine) -> pa.Table:
    """Read the time zone of each location: location_id, timezone."""
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT location_id, timezone FROM locations")).all()
    columns = [pa.array([row[0] for row in rows], pa.int32()), pa.array([row[1] for row in rows])]
    return pa.Table.from_arrays(columns, names=["location_id", "timezone"])


def changed_demand(
    movements: DeltaTable, table: DeltaTable | None, zones: pa.Table, *, since: int
) -> pa.Table:
    """Compute the rows of daily_demand that movements with xid >= since make or change. zones: of `time_zones`."""
    connection = duckdb.connect()
    connection.register("zones", zones)
    connection.register("movements", movements.to_pyarrow_dataset())
    present = DAILY_DEMAND.empty_table() if table is None else table.to_pyarrow_dataset()
    connection.register("daily_demand", present)
    connection.register("event_kinds", kind_table())
    rows = connection.sql(sql("etl/daily_demand"), params={"since": since}).to_arrow_table()
    return rows.select(DAILY_DEMAND.names).cast(DAILY_DEMAND)


def _merge(lake: Lake, table: DeltaTable | None, changed: pa.Table, xid_before: int) -> None:
    properties = with_watermark(xid_before)
    if table is None:
        write_deltalake(
            lake.path("daily_demand"), changed, partition_by=["month"], commit_properties=properties
        )
        return
    (
        table.merge(changed, KEY, source_alias="s", target_alias="t", commit_properties=properties)
        .when_matched_update_all()
        .when_not_matched_insert_all()
        .execute()
    )
