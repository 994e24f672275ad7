"""Proof of the copy in Postgres of what each source sent of its last days."""

import json

import sqlalchemy as sa
from deltalake import DeltaTable

from etl.compared import Compared
from etl.delta import generation_of, open_table, version_of
from etl.serving_feeds import last_days
from stocktide.foundation.lake import Lake

ANOTHER_LAKE = "The days of sources in Postgres are of another lake: run `stocktide etl`."


def compare_feed_days(connection: sa.Connection, lake: Lake) -> Compared:
    """Compare the copy with the version of the lake that was served."""
    query = "SELECT f.*, s.source FROM feed_days f JOIN sources s USING (source_id)"
    copy = {
        (row.source, row.day): (row.ends_at, row.events, row.arrived, row.last_recorded_at)
        for row in connection.execute(sa.text(query))
    }
    query = "SELECT generation, version FROM served_tables WHERE table_name = 'feed_days'"
    served = connection.execute(sa.text(query)).one_or_none()
    table = open_table(lake, "feeds_days")
    if table is None or served is None:
        return Compared(len(copy), len(copy))
    if served.generation != generation_of(table) or served.version > version_of(table):
        return Compared(len(copy), 1, note=ANOTHER_LAKE)
    at = DeltaTable(lake.path("feeds_days"), version=served.version)
    wanted = {
        (row["source"], row["day"]): (
            row["ends_at"],
            row["events"],
            json.loads(f"[{row['arrived'][1:-1]}]"),
            row["last_recorded_at"],
        )
        for row in last_days(at).to_pylist()
    }
    differ = sum(copy.get(key) != wanted.get(key) for key in copy.keys() | wanted.keys())
    return Compared(len(copy), differ)
