"""What a statement reads: a version of the lake and, behind it, one snapshot of Postgres, so that each row is once."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
from deltalake.exceptions import DeltaError

from query.jail.orders import Handed
from query.lake_files import LAKE_INPUTS, LakeVersion, handed_columns, newest
from query.snapshots import Snapshots
from query.views import inputs_of
from stocktide.foundation.database import sql
from stocktide.foundation.errors import Conflict, Fatal, Transient
from stocktide.foundation.lake import Lake

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Cursor

# Where a run of the ETL commits between the lake's version and the snapshot, both are taken again, as often as this.
TRIES_MAX = 5
NOW = (
    "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), "
    "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
)
NOT_LANDED = "SELECT h.* FROM held h ANTI JOIN landed l USING (entry_id)"


class MovedOn(Exception):
    """A run of the ETL came between the lake's version and the snapshot."""


@dataclass
class Sources:
    """Opens what the tables of one statement are made of, and remembers as of when that was."""

    snapshots: Snapshots
    lake: Lake
    tail_rows_max: int
    as_of: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def supply(self, tables: Sequence[str]) -> Iterator[list[Handed]]:
        """Open the inputs of some tables. Raises Transient, Conflict if the ETL is far behind, Fatal."""
        inputs = inputs_of(tables)
        with ExitStack() as stack:
            try:
                handed = self._read(stack, inputs)
            except (OSError, DeltaError, pa.ArrowException) as error:
                raise not_laid_out(error) from error
            yield handed

    def _read(self, stack: ExitStack, inputs: set[str]) -> list[Handed]:
        for _ in range(TRIES_MAX):
            with ExitStack() as once:
                try:
                    handed = self._read_once(once, inputs)
                except (MovedOn, FileNotFoundError):
                    continue
                stack.push(once.pop_all())
                return handed
        raise Transient(
            "query_lake_moves", "The lake is being written. Try again in a few seconds."
        )

    def _read_once(self, stack: ExitStack, inputs: set[str]) -> list[Handed]:
        """Take the lake's versions first, then one snapshot: what lands in between is in the snapshot alone."""
        handed, movements = [], None
        for name, table in LAKE_INPUTS.items():
            if name not in inputs:
                continue
            version = newest(self.lake, table)
            self.as_of[f"{table}_version"] = version.version
            handed.append(stack.enter_context(version.opened(f"input_{name}")))
            if table == "movements":
                movements = version
        of_postgres = sorted(inputs - LAKE_INPUTS.keys())
        if of_postgres:
            handed += self._snapshot(stack, of_postgres, movements)
        return handed

    def _snapshot(
        self,
        stack: ExitStack,
        inputs: list[str],
        movements: LakeVersion | None,
    ) -> list[Handed]:
        with self.snapshots.taken() as cursor:
            cursor.execute(NOW)
            now, next_xid = cursor.fetchone() or ("", 0)
            self.as_of["snapshot_at"] = now
            if movements is not None:
                # what a run brought on that was held out before is in a newer version, and no longer said to be held
                if newest(self.lake, "movements").version != movements.version:
                    raise MovedOn
                _refuse_stranger(movements.watermark, next_xid)
            return [self._of_postgres(stack, cursor, name, movements) for name in inputs]

    def _of_postgres(
        self, stack: ExitStack, cursor: "Cursor", name: str, movements: LakeVersion | None
    ) -> Handed:
        if movements is None or name != "live_movements":
            cursor.execute(sql(f"query/read/{name}"))
            return spooled(stack, f"input_{name}", cursor.fetch_record_batch())
        watermark = (str(movements.watermark),)
        cursor.execute(sql("query/read/held_movements"), watermark)
        held = _not_landed(movements, _shaped(cursor.fetch_record_batch()).read_all())
        cursor.execute(sql("query/read/live_movements"), watermark)
        rows = _bounded(_shaped(cursor.fetch_record_batch()), self.tail_rows_max)
        return spooled(stack, f"input_{name}", rows, held)


def not_laid_out(error: Exception) -> Transient:
    """Return the error of inputs that cannot be opened or written aside."""
    return Transient(
        "query_inputs",
        f"What the statement reads could not be laid out: {str(error).splitlines()[0]} Check the lake's folder and the "
        "room on the disk, and try again.",
    )


def _refuse_stranger(watermark: int, next_xid: int) -> None:
    if watermark > next_xid:
        raise Fatal(
            "another_database",
            f"The lake holds everything before transaction {watermark:,}, and this database has come to {next_xid:,}:"
            " they do not belong together. Point STOCKTIDE_LAKE_URL to the right lake, or run `stocktide rebuild`.",
        )


def _shaped(batches: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Return movements with the types that they have in the lake."""
    schema = handed_columns("movements")
    shaped = (
        pa.RecordBatch.from_arrays(
            [batch.column(one.name).cast(one.type) for one in schema], schema=schema
        )
        for batch in batches
    )
    return pa.RecordBatchReader.from_batches(schema, shaped)


def _bounded(batches: pa.RecordBatchReader, rows_max: int) -> pa.RecordBatchReader:
    """Pass rows on. Raises Conflict when they are more than a statement may carry along."""

    def counted() -> Iterator[pa.RecordBatch]:
        rows = 0
        for batch in batches:
            rows += batch.num_rows
            if rows > rows_max:
                raise Conflict(
                    "query_tail",
                    f"More than {rows_max:,} rows of the ledger are not in the lake yet. Run `stocktide etl`, or raise "
                    "STOCKTIDE_QUERY_TAIL_ROWS_MAX.",
                )
            yield batch

    return pa.RecordBatchReader.from_batches(batches.schema, counted())


def _not_landed(movements: LakeVersion, held: pa.Table) -> pa.Table:
    """Return the rows without those that a run landed which was killed before it let their pairs go."""
    if len(held) == 0 or movements.table is None:
        return held
    with duckdb.connect() as landed:
        landed.register("held", held)
        landed.register("landed", movements.table.to_pyarrow_dataset())
        return landed.sql(NOT_LANDED).to_arrow_table().cast(held.schema)


def spooled(
    stack: ExitStack, name: str, batches: pa.RecordBatchReader, more: pa.Table | None = None
) -> Handed:
    """Write rows to a file without a name, which ends with the statement."""
    spool = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
    with pa.ipc.new_file(pa.PythonFile(spool, "w"), batches.schema) as file:
        for batch in batches:
            file.write_batch(batch)
        if more is not None:
            file.write_table(more)
    spool.flush()
    return Handed(name, "arrow", batches.schema, [spool.fileno()])
