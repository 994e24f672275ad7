"""The scratch table `raw` of a file's rows, all text, and what a reader of files gives for it."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from ingest.files.delimited import Broken
from ingest.files.dialect import Dialect

# Our own columns: a row's number in the file, from 1, and its line where the file is text.
NUMBER, LINE = "_row", "_file_line"


class RowSource(Protocol):
    """A file opened for its rows. names: of its columns, in lines of JSON known once they are read.

    broken: what is no row, with its number; filled while the rows are read.
    """

    path: Path
    names: list[str]
    broken: list[tuple[int, Broken]]

    @property
    def dialect(self) -> Dialect | None:
        """Return how a delimited file is written, None for another."""
        ...

    def load(self, connection: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> None:
        """Fill the scratch table `raw`: number and line of a row, then the columns as text."""
        ...

    def dicts(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of a small file by name of column."""
        ...


def quoted(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a text for SQL."""
    return "'" + text.replace("'", "''") + "'"


def load_batches(
    connection: duckdb.DuckDBPyConnection,
    columns: Sequence[str],
    batches: Iterable[pa.RecordBatch],
    *,
    empty_is_null: bool,
) -> None:
    """Fill the scratch table `raw` from batches of number, line and columns, as `numbered_batch` names them."""
    cell = "nullif(c{}, '')" if empty_is_null else "c{}"
    cells = ", ".join(["c0", "c1", *(cell.format(n + 2) for n in range(len(columns)))])
    declared = ", ".join(f"{quoted(name)} VARCHAR" for name in columns)
    connection.execute(
        f"CREATE TEMP TABLE raw ({NUMBER} BIGINT, {LINE} BIGINT{declared and ', ' + declared})"
    )
    for batch in batches:
        connection.register("arrived", batch)
        connection.execute(f"INSERT INTO raw SELECT {cells} FROM arrived")  # noqa: S608 - our own names
        connection.unregister("arrived")


def numbered_batch(
    numbers: Sequence[int], lines: Sequence[int], columns: list[pa.Array]
) -> pa.RecordBatch:
    """Return rows with their number and line as a batch."""
    arrays = [pa.array(numbers, pa.int64()), pa.array(lines, pa.int64()), *columns]
    return pa.RecordBatch.from_arrays(arrays, names=[f"c{n}" for n in range(len(arrays))])
