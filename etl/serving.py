"""The copy of daily_demand in Postgres, which the pages read: brought up to the lake in one transaction."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from etl.delta import CHANGED_DEMAND, generation_of, open_table, version_of, watermark_of
from etl.held_pairs import ALL, Pair, Some, held_at, let_go, sift
from etl.postgres import arrow_cursor, savepoint
from etl.spool import Spool, chained
from stocktide.foundation.database import sql
from stocktide.foundation.lake import Lake
from stocktide.foundation.lake_schemas import DAILY_DEMAND

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Cursor

# without what only the lake has a use for: its partition key, and what a day leaves to the next
STAGED = pa.schema(
    [f for f in CHANGED_DEMAND if f.name != "month" and not f.name.startswith("close_")]
)
REPLACE = ("DELETE FROM daily_demand", "DELETE FROM location_daily", "DELETE FROM shelf_days")
STEPS = (
    "serve_replaced",
    "serve_daily_demand",
    "serve_gone_location_daily",
    "serve_location_daily",
    "serve_gone_shelf_days",
    "serve_shelf_days",
    "flag_unusual_days",
)


def serve_demand(
    engine: sa.Engine, lake: Lake, changed: Sequence[Spool], *, since: int | None
) -> int:
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
        rows: Callable[[], pa.RecordBatchReader] = partial(chained, CHANGED_DEMAND, changed)
        if served not in (stands, (stands[0], since)):
            rows = partial(whole_demand, lake)
            for statement in REPLACE:
                cursor.execute(statement)
        elif served == stands:
            rows = partial(chained, CHANGED_DEMAND, ())

        def serve(some: Some, _since: int) -> int:
            again = some.only and set(some.pairs) <= held.keys()
            chosen = _of(whole_demand(lake) if again else rows(), some)
            with savepoint(cursor):
                return _write(cursor, chosen, some if again else None)

        sifted = sift(engine, "served", serve, lambda: _pairs_of(rows()), since=0)
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


def _write(cursor: "Cursor", rows: pa.RecordBatchReader, replaced: Some | None) -> int:
    """Write rows to the copy; replaced: pairs whose other rows go."""
    cursor.execute("DROP TABLE IF EXISTS staged_demand")
    staged = _stage(cursor, (batch.select(STAGED.names) for batch in rows), first=True)
    if replaced is not None:
        staged += _stage(cursor, _present(cursor, replaced).to_batches(), first=False)
    if staged > 0:
        cursor.execute("ANALYZE staged_demand")
        for step in STEPS:
            cursor.execute(sql(f"etl/{step}"))
    return staged


def _stage(cursor: "Cursor", batches: Iterable[pa.RecordBatch], *, first: bool) -> int:
    reader = pa.RecordBatchReader.from_batches(STAGED, batches)
    mode: Literal["create", "append"] = "create" if first else "append"
    return int(cursor.adbc_ingest("staged_demand", reader, mode=mode, temporary=True))


def _present(cursor: "Cursor", some: Some) -> pa.Table:
    """Read what the copy has of some pairs, as rows that go."""
    pairs = [f"{{{','.join(map(str, ids))}}}" for ids in some.columns().values()]
    cursor.execute(sql("etl/served_rows"), pairs)
    rows = cursor.fetch_arrow_table()
    gone = pa.array([True] * len(rows), pa.bool_())
    return rows.append_column("gone", gone).select(STAGED.names).cast(STAGED)


def whole_demand(lake: Lake) -> pa.RecordBatchReader:
    """Read all rows of the lake's daily_demand, as rows of CHANGED_DEMAND."""
    table = open_table(lake, "daily_demand")
    batches = () if table is None else table.to_pyarrow_dataset().to_batches()
    staying = (
        pa.RecordBatch.from_arrays(
            [
                *(
                    batch.column(name).cast(DAILY_DEMAND.field(name).type)
                    for name in DAILY_DEMAND.names
                ),
                pa.array([False] * batch.num_rows, pa.bool_()),
            ],
            schema=CHANGED_DEMAND,
        )
        for batch in batches
    )
    return pa.RecordBatchReader.from_batches(CHANGED_DEMAND, staying)


def _of(rows: pa.RecordBatchReader, some: Some) -> pa.RecordBatchReader:
    """Return those of some pairs."""
    if some == ALL:
        return rows
    connection = duckdb.connect()
    connection.register("rows", rows)
    chosen = connection.sql(f"FROM rows WHERE {some.condition(connection.register)}")
    return chosen.to_arrow_table().cast(CHANGED_DEMAND).to_reader()


def _pairs_of(rows: pa.RecordBatchReader) -> list[Pair]:
    connection = duckdb.connect()
    connection.register("rows", rows)
    found = connection.sql("SELECT DISTINCT product_id, location_id FROM rows ORDER BY ALL")
    return [Pair(*row) for row in found.fetchall()]
