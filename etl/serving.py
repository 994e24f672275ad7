"""The copy of daily_demand in Postgres, which the pages read: brought up to the lake in one transaction."""

from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.dataset
import sqlalchemy as sa

from etl.delta import DAILY_DEMAND, generation_of, open_table, version_of, watermark_of
from etl.held_pairs import ALL, Pair, Some, held_at, let_go, sift
from etl.postgres import arrow_cursor, savepoint
from stocktide.foundation.database import sql
from stocktide.foundation.lake import Lake

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Cursor

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
    database is an older one, or that is one of another lake, is replaced by what the lake holds. Pairs on which that
    fails are held out; what they have is replaced as a whole when it no longer does.
    """
    table = open_table(lake, "daily_demand")
    stands = (generation_of(table), watermark_of(table))
    held = held_at(engine, "served")
    with arrow_cursor(engine) as cursor:
        cursor.execute(sql("etl/served_xid"), ("daily_demand",))
        served = cursor.fetchone()
        if served == stands and not held:
            return 0
        if served not in (stands, (stands[0], since)):
            changed = whole_demand(lake)
            for statement in REPLACE:
                cursor.execute(statement)
        elif served == stands:
            changed = changed.slice(0, 0)

        def serve(some: Some, _since: int) -> int:
            again = some.only and set(some.pairs) <= held.keys()
            rows = whole_demand(lake, some) if again else _rows_of(changed, some)
            with savepoint(cursor):
                return _write(cursor, rows, some if again else None)

        sifted = sift(engine, "served", serve, lambda: _pairs_of(changed), since=0)
        noted = ("daily_demand", str(stands[1]), str(stands[0]), str(version_of(table)))
        cursor.execute(sql("etl/note_served"), noted)
    let_go(engine, sifted.back)
    return sum(sifted.results)


def forget_served(engine: sa.Engine) -> None:
    """Let the next `serve_demand` replace the copy: the lake is about to change without a new watermark."""
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE served_tables SET generation = -1 WHERE table_name = 'daily_demand'")
        )


def _write(cursor: "Cursor", rows: pa.Table, replaced: Some | None) -> int:
    """Write rows to the copy; replaced: pairs whose other rows go."""
    cursor.execute("DROP TABLE IF EXISTS staged_demand")
    if replaced is not None:
        rows = pa.concat_tables([_present(cursor, replaced), rows.drop(["month"])])
    if len(rows) > 0:
        cursor.adbc_ingest("staged_demand", rows.select([*COLUMNS, "gone"]), temporary=True)
        cursor.execute("ANALYZE staged_demand")
        for step in STEPS:
            cursor.execute(sql(f"etl/{step}"))
    return len(rows)


def _present(cursor: "Cursor", some: Some) -> pa.Table:
    """Read what the copy has of some pairs, as rows that go."""
    pairs = [f"{{{','.join(map(str, ids))}}}" for ids in some.columns().values()]
    cursor.execute(sql("etl/served_rows"), pairs)
    rows = cursor.fetch_arrow_table()
    return rows.append_column("gone", pa.array([True] * len(rows), pa.bool_()))


def whole_demand(lake: Lake, some: Some = ALL) -> pa.Table:
    """Read all rows of the lake's daily_demand, or those of some pairs."""
    table = open_table(lake, "daily_demand")
    empty = DAILY_DEMAND.empty_table()
    rows = _rows_of(empty if table is None else table.to_pyarrow_dataset(), some)
    return rows.append_column("gone", pa.array([False] * len(rows), pa.bool_()))


def _rows_of(rows: pa.Table | pa.dataset.Dataset, some: Some) -> pa.Table:
    if some == ALL:
        return rows if isinstance(rows, pa.Table) else rows.to_table()
    connection = duckdb.connect()
    connection.register("rows", rows)
    chosen = f"SELECT * FROM rows WHERE {some.in_duckdb(connection)}"  # noqa: S608 - ours
    return connection.sql(chosen).to_arrow_table().cast(rows.schema)


def _pairs_of(rows: pa.Table) -> list[Pair]:
    pairs = rows.select(Pair._fields).group_by(list(Pair._fields)).aggregate([]).to_pylist()
    return sorted(Pair(**pair) for pair in pairs)
