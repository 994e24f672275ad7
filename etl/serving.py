"""The copy of daily_demand in Postgres, which the pages read: brought up to the lake in one transaction."""

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from etl.delta import DAILY_DEMAND, open_table, watermark_of
from stocktide.foundation.database import sql
from stocktide.foundation.lake import Lake

# the lake's partition key, which the copy has no use for
COLUMNS = [name for name in DAILY_DEMAND.names if name != "month"]
STEPS = ("serve_daily_demand", "serve_location_daily", "flag_unusual_days")


def serve_demand(engine: sa.Engine, lake: Lake, changed: pa.Table, *, since: int) -> int:
    """Bring the copy up to the lake, and return how many rows were written.

    changed: the rows that the lake's last commit made or changed, and since: the watermark before that commit. A copy
    that is further behind, since a run was killed or the database is an older one, takes its rows from the lake.
    """
    # it loads pandas, and only a run needs it
    from adbc_driver_postgresql import dbapi

    xid_before = watermark_of(open_table(lake, "daily_demand"))
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(sql("etl/served_xid"), ("daily_demand",))
        (served,) = cursor.fetchone() or (0,)
        if served >= xid_before:
            return 0
        rows = changed if served >= since else touched_demand(lake, since=served)
        if len(rows) > 0:
            cursor.adbc_ingest("staged_demand", rows.select(COLUMNS), temporary=True)
            cursor.execute("ANALYZE staged_demand")
            for step in STEPS:
                cursor.execute(sql(f"etl/{step}"))
        cursor.execute(sql("etl/note_served"), ("daily_demand", str(xid_before)))
        connection.commit()
    return len(rows)


def touched_demand(lake: Lake, *, since: int) -> pa.Table:
    """Read the rows of daily_demand that movements with xid >= since may have changed."""
    movements, demand = open_table(lake, "movements"), open_table(lake, "daily_demand")
    if movements is None or demand is None:
        return DAILY_DEMAND.empty_table()
    connection = duckdb.connect()
    connection.register("movements", movements.to_pyarrow_dataset())
    connection.register("daily_demand", demand.to_pyarrow_dataset())
    rows = connection.sql(sql("etl/touched_demand"), params={"since": since}).to_arrow_table()
    return rows.select(DAILY_DEMAND.names).cast(DAILY_DEMAND)
