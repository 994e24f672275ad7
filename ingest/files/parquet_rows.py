"""A Parquet file opened for its rows; every value is taken as the text that says it exactly."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from ingest.files.delimited import Broken
from ingest.files.raw_table import LINE, NUMBER, quoted
from stocktide.foundation.errors import Invalid


@dataclass
class ParquetRows:
    """A Parquet file, read by DuckDB in parts."""

    path: Path
    names: list[str] = field(default_factory=list)
    broken: list[tuple[int, Broken]] = field(default_factory=list)
    dialect: None = None

    def __post_init__(self) -> None:
        with duckdb.connect() as connection:
            described = self._run(connection, "DESCRIBE SELECT * FROM read_parquet(?)").fetchall()
        self.names = [row[0] for row in described]

    def load(self, connection: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> None:
        """Fill `raw`; a file without lines has none to tell."""
        text = "".join(f", {quoted(name)}::VARCHAR AS {quoted(name)}" for name in columns)
        query = f"SELECT row_number() OVER () AS {NUMBER}, NULL::BIGINT AS {LINE}{text} FROM read_parquet(?)"  # noqa: S608
        self._run(connection, f"CREATE TEMP TABLE raw AS {query}")

    def dicts(self) -> Iterator[dict[str, Any]]:
        """Yield the rows with their own types."""
        with duckdb.connect() as connection:
            yield from (
                self._run(connection, "SELECT * FROM read_parquet(?)").to_arrow_table().to_pylist()
            )

    def _run(self, connection: duckdb.DuckDBPyConnection, query: str) -> duckdb.DuckDBPyConnection:
        try:
            return connection.execute(query, [str(self.path)])
        except duckdb.Error as error:
            raise Invalid("file_unreadable", f"{self.path}: {about_input(error)}") from None


def about_input(error: duckdb.Error) -> str:
    """Return DuckDB's message without the statement of ours that it quotes."""
    return " ".join(str(error).partition("\nLINE ")[0].split())[:400]
