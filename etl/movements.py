"""Ledger to lake: append the rows of finished transactions, exactly once."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from deltalake import DeltaTable, write_deltalake

from etl.delta import generation_of, has_rules, open_table, up_to, version_of, watermark_of
from etl.dimensions import Dimensions, zones_changed
from etl.held_pairs import ALL, Pair, Some, pass_on, sift
from etl.numbers import refuse_strangers
from etl.postgres import arrow_cursor, batches_of, savepoint
from etl.spool import Spool, chained
from stocktide.foundation.database import sql, statement
from stocktide.foundation.lake import Lake
from stocktide.foundation.lake_schemas import MOVEMENTS

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Cursor


@dataclass(frozen=True)
class Landed:
    """Rows that one run wrote. Everything with a transaction id below `xid_before` is in the lake.

    whole: the table was made again from the whole ledger.
    """

    rows: int
    xid_before: int
    version: int
    whole: bool = False


def land_movements(
    engine: sa.Engine, lake: Lake, dimensions: Dimensions, *, whole: bool = False
) -> Landed:
    """Append ledger rows with xid in [watermark, oldest running transaction), and move the watermark with them.

    A sequence or a clock would be wrong: a transaction that commits late carries a low number, and a
    watermark beyond it would lose its rows forever. Below the snapshot's xmin nothing can still commit.

    The table is made again from the whole ledger, as a new generation of the lake, if `whole` asks for it, if it has
    another form, if days are derived by other rules now, or if a location's time zone changed, and with it the days of
    all its movements. Pairs whose rows fail are held out. Raises Fatal if ledger or lake carry transaction numbers of
    another database.
    """
    table = open_table(lake, "movements")
    whole = whole or not has_form(table) or zones_changed(lake, dimensions)
    since = 0 if whole else watermark_of(table)
    refuse_strangers(engine, since)
    found, back, xid_before = _finished_rows(engine, since, None if whole else table)
    rows = sum(spool.rows for spool in found)
    if rows == 0 and (table is None or not whole):
        pass_on(engine, back, "daily_demand")
        return Landed(0, since, version_of(table))
    generation = time.time_ns() if whole else generation_of(table)
    write_deltalake(
        lake.path("movements"),
        chained(MOVEMENTS, found),
        mode="overwrite" if whole else "append",
        schema_mode="overwrite" if whole else None,
        partition_by=["month"],
        commit_properties=up_to(xid_before, generation=generation),
    )
    pass_on(engine, back, "daily_demand")
    return Landed(rows, xid_before, version_of(open_table(lake, "movements")), whole)


def has_form(table: DeltaTable | None) -> bool:
    """Return True if a table of movements has the columns that this version reads, and its rules made the days."""
    return (
        table is not None
        and {field.name for field in table.schema().fields} == set(MOVEMENTS.names)
        and has_rules(table)
    )


def ledger_rows(
    cursor: "Cursor", since: int, xid_before: int, some: Some = ALL
) -> pa.RecordBatchReader:
    """Read the ledger's rows with xid in [since, xid_before) as the lake has them, while the cursor is open."""
    pairs = some.columns()
    query = sql("etl/movements").format(
        since=since,
        xid_before=xid_before,
        product_ids=pairs["product_id"],
        location_ids=pairs["location_id"],
        only=bool(some.only),
    )
    cursor.execute(query)
    batches = (_as_landed(batch) for batch in batches_of(cursor))
    return pa.RecordBatchReader.from_batches(MOVEMENTS, batches)


def _as_landed(batch: pa.RecordBatch) -> pa.RecordBatch:
    month = pc.strftime(batch.column("day"), format="%Y-%m")
    columns = [*(batch.column(name) for name in MOVEMENTS.names if name != "month"), month]
    return pa.RecordBatch.from_arrays(
        [column.cast(field.type) for column, field in zip(columns, MOVEMENTS, strict=True)],
        schema=MOVEMENTS,
    )


def _finished_rows(
    engine: sa.Engine, since: int, table: DeltaTable | None
) -> tuple[Sequence[Spool], Sequence[Pair], int]:
    """Read the rows of transactions from `since` on that are over, without those that `table` has.

    Returns them, the pairs that were held out and are among them, and the id below which all transactions are over.
    """
    with arrow_cursor(engine, begin="BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        (xid_before,) = cursor.fetchone() or (since,)

        def read(some: Some, xid_from: int) -> Spool:
            with savepoint(cursor):
                rows = ledger_rows(cursor, xid_from, xid_before, some)
                return Spool(MOVEMENTS, _not_landed(table, rows) if xid_from < since else rows)

        def touched() -> list[Pair]:
            binds = {"since": since, "before": xid_before}
            with engine.connect() as connection:
                return [
                    Pair(*row) for row in connection.execute(statement("etl/ledger_pairs"), binds)
                ]

        sifted = sift(engine, "movements", read, touched, since=since)
    return sifted.results, sifted.back, xid_before


def _not_landed(table: DeltaTable | None, rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Return the rows without those that a run landed which was killed before it let their pairs go."""
    if table is None:
        return rows
    landed = duckdb.connect()
    landed.register("rows", rows.read_all())
    landed.register("landed", table.to_pyarrow_dataset())
    return landed.sql(sql("etl/not_landed")).to_arrow_table().cast(MOVEMENTS).to_reader()
