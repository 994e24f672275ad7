"""The copy of daily_demand in Postgres, which the pages read: brought up to the lake in one transaction."""

import pyarrow as pa
import sqlalchemy as sa

from etl.delta import DAILY_DEMAND, generation_of, open_table, version_of, watermark_of
from etl.postgres import arrow_cursor
from stocktide.foundation.database import sql
from stocktide.foundation.lake import Lake

# the lake's partition key, which the copy has no use for
COLUMNS = [name for name in DAILY_DEMAND.names if name != "month"]
REPLACE = ("DELETE FROM daily_demand", "DELETE FROM location_daily", "DELETE FROM shelf_days")
STEPS = (
    "serve_gone",
    "serve_daily_demand",
    "serve_gone_location_daily",
    "serve_location_daily",
    "serve_gone_shelf_days",
    "serve_shelf_days",
    "flag_unusual_days",
)


def serve_demand(engine: sa.Engine, lake: Lake, changed: pa.Table, *, since: int | None) -> int:
    """Bring the copy up to the lake, and return how many rows were written.

    changed: the rows that the lake's last commit made, changed or took out, and since: the watermark before that
    commit, None if it replaced the table. A copy that does not stand at that watermark, since a run was killed or the
    database is an older one, or that is one of another lake, is replaced by what the lake holds.
    """
    table = open_table(lake, "daily_demand")
    stands = (generation_of(table), watermark_of(table))
    with arrow_cursor(engine) as cursor:
        cursor.execute(sql("etl/served_xid"), ("daily_demand",))
        served = cursor.fetchone()
        if served == stands:
            return 0
        if served != (stands[0], since):
            changed = whole_demand(lake)
            for statement in REPLACE:
                cursor.execute(statement)
        if len(changed) > 0:
            cursor.adbc_ingest("staged_demand", changed.select([*COLUMNS, "gone"]), temporary=True)
            cursor.execute("ANALYZE staged_demand")
            for step in STEPS:
                cursor.execute(sql(f"etl/{step}"))
        noted = ("daily_demand", str(stands[1]), str(stands[0]), str(version_of(table)))
        cursor.execute(sql("etl/note_served"), noted)
    return len(changed)


def whole_demand(lake: Lake) -> pa.Table:
    """Read all rows of the lake's daily_demand."""
    table = open_table(lake, "daily_demand")
    rows = DAILY_DEMAND.empty_table() if table is None else table.to_pyarrow_table()
    return rows.append_column("gone", pa.array([False] * len(rows), pa.bool_()))
