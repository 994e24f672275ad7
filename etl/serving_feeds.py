"""The copy in Postgres of what each source sent of its last days; see catalog/completeness."""

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from deltalake import DeltaTable

from etl.delta import generation_of, open_table, version_of, watermark_of
from etl.postgres import arrow_cursor
from stocktide.domain.arrival import ARRIVAL_HOURS
from stocktide.foundation.database import sql
from stocktide.foundation.lake import Lake

# Nine weeks teach how a source's events come.
DAYS, MONTHS = 63, 4
TABLE = "feed_days"
STAGED = pa.schema(
    [
        ("source", pa.string()),
        ("day", pa.date32()),
        ("ends_at", pa.timestamp("us", "UTC")),
        ("events", pa.int64()),
        ("arrived", pa.string()),
        ("last_recorded_at", pa.timestamp("us", "UTC")),
    ]
)


def serve_feed_days(engine: sa.Engine, lake: Lake) -> None:
    """Replace the copy by the last days of every source, if the lake has another version of them by now."""
    table = open_table(lake, "feeds_days")
    if table is None:
        return
    with arrow_cursor(engine) as cursor:
        cursor.execute(sql("etl/served_version"), (TABLE,))
        if cursor.fetchone() == (generation_of(table), version_of(table)):
            return
        cursor.execute("DELETE FROM feed_days")
        cursor.adbc_ingest("staged_feed_days", last_days(table), mode="create", temporary=True)
        cursor.execute(sql("etl/serve_feed_days"))
        cursor.execute("DROP TABLE staged_feed_days")
        noted = (TABLE, str(watermark_of(table)), str(generation_of(table)), str(version_of(table)))
        cursor.execute(sql("etl/note_served"), noted)


def last_days(table: DeltaTable) -> pa.Table:
    """Read the last days of every source that sent in the newest months, counted back from its own newest one."""
    months = sorted({file["month"] for file in table.partitions()})[-MONTHS:]
    if not months:
        # all that came is held out
        return STAGED.empty_table()
    rows = table.to_pyarrow_table(filters=[("month", "in", months)])
    newest = rows.group_by("source").aggregate([("day", "max")])
    rows = rows.join(newest, "source")
    since = pc.subtract(rows["day_max"].cast(pa.int32()), DAYS)
    rows = rows.filter(pc.greater(rows["day"].cast(pa.int32()), since))
    counts = zip(*(rows[f"arrived_{hours}h"].to_pylist() for hours in ARRIVAL_HOURS), strict=True)
    arrived = pa.array([f"{{{','.join(map(str, count))}}}" for count in counts], pa.string())
    return rows.append_column("arrived", arrived).select(STAGED.names).cast(STAGED)
