"""Ledger to lake: append the rows of finished transactions, exactly once."""

from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa
from deltalake import write_deltalake

from etl.delta import MOVEMENTS, open_table, version_of, watermark_of, with_watermark
from stocktide.foundation.database import sql
from stocktide.foundation.lake import Lake


@dataclass(frozen=True)
class Landed:
    """Rows that one run appended. Everything with a transaction id below `xid_before` is in the lake."""

    rows: int
    xid_before: int
    version: int


def land_movements(engine: sa.Engine, lake: Lake) -> Landed:
    """Append ledger rows with xid in [watermark, oldest running transaction), and move the watermark with them.

    A sequence or a clock would be wrong: a transaction that commits late carries a low number, and a
    watermark beyond it would lose its rows forever. Below the snapshot's xmin nothing can still commit.
    """
    # it loads pandas, and only a run needs it
    from adbc_driver_postgresql import dbapi

    table = open_table(lake, "movements")
    since = watermark_of(table)
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with dbapi.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        (xid_before,) = cursor.fetchone() or (since,)
        cursor.execute(sql("etl/movements"), (str(since), str(xid_before)))
        rows = pa.Table.from_batches(
            [_cast(batch) for batch in cursor.fetch_record_batch()], schema=MOVEMENTS
        )
        cursor.execute("COMMIT")
    if len(rows) > 0:
        write_deltalake(
            lake.path("movements"),
            rows,
            mode="append",
            partition_by=["month"],
            commit_properties=with_watermark(xid_before),
        )
        table = open_table(lake, "movements")
        since = xid_before
    return Landed(len(rows), since, version_of(table))


def _cast(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [batch.column(field.name).cast(field.type) for field in MOVEMENTS], schema=MOVEMENTS
    )
