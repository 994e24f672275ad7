"""Files of rows, loaded as they stand into DuckDB: CSV, Parquet or NDJSON, with faults named by line."""

import codecs
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from stocktide.foundation.errors import Invalid

READERS = {
    ".csv": "read_csv(?, header = true, all_varchar = true, store_rejects = true)",
    ".parquet": "read_parquet(?)",
    ".ndjson": "read_json(?, format = 'newline_delimited')",
    ".jsonl": "read_json(?, format = 'newline_delimited')",
}
JSON_LINES = (".ndjson", ".jsonl")
TEXT_CHUNK_BYTES = 2**20


def load_source(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Load a file into the scratch table `raw` (row = its number), then shut the connection off from the machine.

    Text formats are read as text throughout: types guessed from the first rows would refuse later ones. Raises
    Invalid that names file and line.
    """
    suffix = path.suffix.lower()
    reader = READERS.get(suffix)
    if reader is None:
        found = path.suffix or "no suffix"
        raise Invalid("file_type", f"{path}: {found}; there are {', '.join(READERS)}.")
    if not path.is_file():
        raise Invalid("file_missing", f"{path}: there is no such file.")
    if path.stat().st_size == 0:
        raise Invalid("file_empty", f"{path}: the file is empty.")
    if suffix != ".parquet":
        _check_encoding(path)
    try:
        if suffix in JSON_LINES:
            describe = f"DESCRIBE SELECT * FROM {reader}"  # noqa: S608
            described = connection.execute(describe, [str(path)]).fetchall()
            columns = ", ".join(f"{literal(row[0])}: 'VARCHAR'" for row in described)
            reader = f"{reader[:-1]}, columns = {{{columns}}})"
        query = f"SELECT row_number() OVER () AS row, * FROM {reader}"  # noqa: S608
        connection.execute(f"CREATE TEMP TABLE raw AS {query}", [str(path)])
    except duckdb.Error as error:
        if suffix in JSON_LINES:
            _check_json_lines(path)
        raise Invalid("file_unreadable", f"{path}: {about_input(error)}") from None
    connection.execute("SET enable_external_access = false")


def broken_lines(
    connection: duckdb.DuckDBPyConnection, path: Path
) -> list[tuple[int, str, str | None]]:
    """Return line number, error and text of the lines that are not rows; only CSV can have them."""
    if path.suffix.lower() != ".csv":
        return []
    broken: list[tuple[int, str, str | None]] = connection.execute(
        "SELECT DISTINCT ON (line) line, error_message, csv_line FROM reject_errors ORDER BY line"
    ).fetchall()
    return broken


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read a small file whole. Raises Invalid, also if it has no row, or a line that is not one."""
    with duckdb.connect() as connection:
        load_source(connection, path)
        for line, error, _ in broken_lines(connection, path):
            raise Invalid("broken_line", f"{path}, line {line}: {error}")
        table = connection.sql("SELECT * EXCLUDE (row) FROM raw ORDER BY row").to_arrow_table()
    rows: list[dict[str, Any]] = table.to_pylist()
    if not rows:
        raise no_rows(path)
    return rows


def no_rows(path: Path) -> Invalid:
    """Return the error for a file without rows."""
    return Invalid("file_empty", f"{path}: there is a header, but no row.")


def literal(text: str) -> str:
    """Quote a text for SQL."""
    return "'" + text.replace("'", "''") + "'"


def about_input(error: duckdb.Error) -> str:
    """Return DuckDB's message without the statement of ours that it quotes."""
    return " ".join(str(error).partition("\nLINE ")[0].split())[:400]


def _check_encoding(path: Path) -> None:
    """Refuse text that is not UTF-8; DuckDB would pass over lines, even the header, or guess."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    with path.open("rb") as file:
        if b"\x00" in file.readline():
            raise Invalid("file_encoding", f"{path}, line 1: a NUL byte; save the file as UTF-8.")
        file.seek(0)
        try:
            while chunk := file.read(TEXT_CHUNK_BYTES):
                decoder.decode(chunk)
                line += chunk.count(b"\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            line += error.object[: error.start].count(b"\n")
            why = (
                f"byte 0x{error.object[error.start]:02x} is not UTF-8 text; save the file as UTF-8."
            )
            raise Invalid("file_encoding", f"{path}, line {line}: {why}") from None


def _check_json_lines(path: Path) -> None:
    """Raise Invalid for the first line that is not a JSON object, if there is one."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                if line.strip():
                    msgspec.json.decode(line, type=dict)
            except msgspec.DecodeError as error:
                raise Invalid("file_unreadable", f"{path}, line {number}: {error}.") from None
