"""Files of rows: delimited, Parquet or lines of JSON, by their suffix; text also packed by gzip."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from ingest.files.delimited import Broken
from ingest.files.delimited_rows import DelimitedRows
from ingest.files.dialect import FileOptions
from ingest.files.json_rows import JsonRows
from ingest.files.parquet_rows import ParquetRows
from ingest.files.raw_table import RowSource
from ingest.files.survey import COMPRESSED, data_suffix
from stocktide.foundation.errors import Invalid

Opener = Callable[[Path, FileOptions, Collection[str]], RowSource]
READERS: dict[str, Opener] = {
    ".csv": DelimitedRows,
    ".parquet": lambda path, _options, _expected: ParquetRows(path),
    ".ndjson": lambda path, _options, _expected: JsonRows(path),
    ".jsonl": lambda path, _options, _expected: JsonRows(path),
    ".tsv": DelimitedRows,
}
JSON_LINES = (".ndjson", ".jsonl")
SHEETS = (".xlsx", ".xls", ".xlsm", ".ods")


def open_source(
    path: Path, options: FileOptions | None = None, expected: Collection[str] = ()
) -> RowSource:
    """Open a file by its suffix. expected: columns that tell its header. Raises Invalid that names file and line."""
    suffix = data_suffix(path)
    opener = READERS.get(suffix)
    if opener is None or (suffix == ".parquet" and path.name.lower().endswith(COMPRESSED)):
        raise _unread_type(path)
    if not path.is_file():
        raise Invalid("file_missing", f"{path}: there is no such file.")
    if path.stat().st_size == 0:
        raise Invalid("file_empty", f"{path}: the file is empty.")
    return opener(path, options or FileOptions(), expected)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read a small file whole. Raises Invalid, also if it has no row, or one that is broken."""
    source = open_source(path)
    rows = list(source.dicts())
    for number, broken in source.broken:
        raise Invalid("broken_line", f"{path}, {place_of(number)}: {said_of(broken)}")
    if not rows:
        raise no_rows(path)
    return rows


def place_of(number: int) -> str:
    """Return the words for a row: its number from 1, the header not counted, blank lines neither."""
    return f"row {number}"


def said_of(broken: Broken) -> str:
    """Return what is wrong with what is no row, and on which line of the file it begins."""
    return f"line {broken.line} of the file: {broken.error}."


def no_rows(path: Path) -> Invalid:
    """Return the error for a file without rows."""
    return Invalid("file_empty", f"{path}: there is a header, but no row.")


def _unread_type(path: Path) -> Invalid:
    found = "".join(path.suffixes[-2:]) if path.suffix.lower() == COMPRESSED else path.suffix
    hint = ""
    if path.suffix.lower() in SHEETS:
        hint = ' A workbook is not read: save its sheet as "CSV UTF-8" and give that file.'
    known = f"{', '.join(READERS)}, and text packed as {COMPRESSED}"
    return Invalid("file_type", f"{path}: {found or 'no suffix'}; there are {known}.{hint}")
