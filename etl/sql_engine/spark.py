"""Spark: the same statements, translated; tables of the lake are read from the Parquet files that the driver names."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from etl.sql_engine.engine import NO_BINDS, Binds, SqlEngine
from etl.sql_engine.translation import to_spark, to_spark_steps
from stocktide.foundation.errors import Transient
from stocktide.foundation.lake_files import local_files

ZONE = "timezone"
# SQLSTATE classes: a value that cannot be computed with, and a statement that is wrong. The first may be one row's
# fault, and neither passes by itself.
LASTING = ("22", "42", "21", "0A")


class SparkEngine:
    """Views in a separate session; a table is computed once, and kept by the executors."""

    def __init__(self, session: SparkSession) -> None:
        self._session = session
        self._zones = frozenset(_known_zones(session))

    def show(self, name: str, rows: DeltaTable | pa.Table) -> None:
        """Show a table of the lake, or rows of ours, under a name."""
        with _errors_told_apart():
            found = self._files(rows) if isinstance(rows, DeltaTable) else self._rows(rows)
            found.createOrReplaceTempView(name)

    def make(self, name: str, query: str, binds: Binds = NO_BINDS, *, view: bool = False) -> None:
        """Make a table or a view of a query."""
        with _errors_told_apart():
            if view:
                self._session.sql(to_spark(query), args=dict(binds)).createOrReplaceTempView(name)
            else:
                self._keep(name, self._result(query, binds))

    def rows(self, query: str, binds: Binds = NO_BINDS) -> list[tuple[Any, ...]]:
        """Read all rows of a small result."""
        with _errors_told_apart():
            return [tuple(row) for row in self._result(query, binds).collect()]

    def read(self, query: str) -> pa.RecordBatchReader:
        """Read a result as Arrow, all of it in the driver's memory."""
        with _errors_told_apart():
            found = self._result(query, NO_BINDS).toArrow()
        return found.to_reader()

    def _result(self, query: str, binds: Binds) -> DataFrame:
        """Compute what a statement reads more than once, and return the rest of it, to be computed."""
        *parts, last = to_spark_steps(query)
        for part in parts:
            self._keep(part.name, self._session.sql(part.query, args=dict(binds)))
        return self._session.sql(last.query, args=dict(binds))

    def _keep(self, name: str, rows: DataFrame) -> None:
        """Compute rows now. It also cuts their plan: a stretch goes on from what the one before left."""
        rows.localCheckpoint(eager=True).createOrReplaceTempView(name)

    def _files(self, table: DeltaTable) -> DataFrame:
        """Read the files that a version of a table consists of."""
        schema = table.to_pyarrow_dataset().schema
        local = local_files(table)
        files = table.file_uris() if local is None else [str(path) for path in local]
        if not files:
            return self._rows(schema.empty_table())
        read = self._session.read.schema(_schema(schema)).option("basePath", table.table_uri)
        # the column that files are parted by comes last in Spark
        return read.parquet(*files).select(*schema.names)

    def _rows(self, rows: pa.Table) -> DataFrame:
        if ZONE in rows.column_names:
            rows = _with_zones(rows, self._zones)
        if len(rows) == 0:
            return self._session.createDataFrame([], _schema(rows.schema))
        return self._session.createDataFrame(rows)


@contextmanager
def spark_engine(session: SparkSession) -> Iterator[SqlEngine]:
    """Open a database of a running Spark; its names are seen by nobody else."""
    yield SparkEngine(session.newSession())


def _schema(schema: pa.Schema) -> StructType:
    return from_arrow_schema(schema, prefer_timestamp_ntz=False)


def _with_zones(rows: pa.Table, known: frozenset[str]) -> pa.Table:
    """Have places in zones that Spark does not know live by UTC, as statements have them by TRY."""
    zones = rows[ZONE]
    found = pc.is_in(zones, pa.array(sorted(known), zones.type))
    return rows.set_column(
        rows.column_names.index(ZONE), ZONE, pc.if_else(found, zones, pa.scalar("UTC", zones.type))
    )


def _known_zones(session: SparkSession) -> list[str]:
    java: Any = session.sparkContext._jvm
    zones = java.java.time.ZoneId
    return [*zones.getAvailableZoneIds(), *zones.SHORT_IDS.keySet()]


@contextmanager
def _errors_told_apart() -> Iterator[None]:
    """Raise Transient where Spark itself is at fault; an error of the data or of a statement stays what it is."""
    try:
        yield
    except Py4JError as error:
        raise Transient("spark_away", f"Spark does not answer: {error}") from error
    except PySparkException as error:
        state = error.getSqlState() or ""
        if state.startswith(LASTING):
            raise
        raise Transient("spark_failed", f"Spark failed: {error}") from error
