"""DuckDB in this process: memory is bounded, and what does not fit goes to disk."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from etl.sql_engine.engine import MACROS, NO_BINDS, Binds, SqlEngine
from stocktide.foundation.lake_files import listed_in_sql, local_files

MEMORY = "1GB"


class DuckEngine:
    """A database of DuckDB in memory."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def show(self, name: str, rows: DeltaTable | pa.Table) -> None:
        """Show a table of the lake, or rows of ours, under a name."""
        # what is registered comes before no view, and goes like one
        self._connection.execute(f"DROP VIEW IF EXISTS {name}")
        if not isinstance(rows, DeltaTable):
            self._connection.register(name, rows)
        elif files := local_files(rows):
            self._connection.execute(f"CREATE VIEW {name} AS {_read(rows, files)}")
        else:
            self._connection.register(name, rows.to_pyarrow_dataset())

    def make(self, name: str, query: str, binds: Binds = NO_BINDS, *, view: bool = False) -> None:
        """Make a table or a view of a query."""
        kind = "VIEW" if view else "TABLE"
        self._connection.execute(f"CREATE OR REPLACE {kind} {name} AS {query}", dict(binds))

    def rows(self, query: str, binds: Binds = NO_BINDS) -> list[tuple[Any, ...]]:
        """Read all rows of a small result."""
        found: list[tuple[Any, ...]] = self._connection.execute(query, dict(binds)).fetchall()
        return found

    def read(self, query: str) -> pa.RecordBatchReader:
        """Read a result as Arrow, batch by batch."""
        return self._connection.sql(query).to_arrow_reader()


def _read(table: DeltaTable, files: Sequence[Path]) -> str:
    """Return a SELECT of files that DuckDB reads itself; their folders say which month they are of."""
    columns = ", ".join(f'"{field.name}"' for field in table.schema().fields)
    return (
        f"SELECT {columns} FROM read_parquet({listed_in_sql(files)}, union_by_name = true,"  # noqa: S608
        " hive_partitioning = true, hive_types = {'month': VARCHAR})"
    )


@contextmanager
def duck_engine() -> Iterator[SqlEngine]:
    """Open a database of DuckDB."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute(f"SET temp_directory = '{folder}'")
        connection.execute("SET preserve_insertion_order = false")
        for name, macro in MACROS.items():
            parameters = ", ".join(macro.parameters)
            connection.execute(f"CREATE MACRO {name}({parameters}) AS {macro.body}")
        yield DuckEngine(connection)
