"""A file loaded into the scratch table `raw` for a mapping, and the marks of its numbers."""

from pathlib import Path

import duckdb

from ingest.files.column_types import NUMERIC, Marks, point_evidence
from ingest.files.mapping import Mapping
from ingest.files.raw_table import RowSource
from ingest.files.source_file import open_source
from stocktide.foundation.errors import Invalid


def load_source(connection: duckdb.DuckDBPyConnection, path: Path, mapping: Mapping) -> RowSource:
    """Load the declared columns of a file, then shut the connection off from the machine. Raises Invalid."""
    source = open_source(path, mapping.file, mapping.columns)
    if source.names or source.dialect is not None:
        _check_columns(source, mapping)
    source.load(connection, list(mapping.columns))
    _check_columns(source, mapping)
    connection.execute("SET enable_external_access = false")
    return source


def marks_of(connection: duckdb.DuckDBPyConnection, source: RowSource, mapping: Mapping) -> Marks:
    """Return the marks of numbers: declared, or the usual ones, doubted where the file speaks against them."""
    marks = Marks.of(source.dialect)
    columns = [name for name, kind in mapping.columns.items() if kind in NUMERIC]
    declared = mapping.file.decimal is not None or mapping.file.thousands is not None
    if source.dialect is None or declared or not columns:
        return marks
    ((commas, points),) = connection.execute(point_evidence(columns)).fetchall()
    return marks._replace(doubted=commas and not points)


def _check_columns(source: RowSource, mapping: Mapping) -> None:
    for name in mapping.columns:
        if name not in source.names:
            why = f"column {name!r} of mapping {mapping.name!r} is not there"
            has = f"the file has {', '.join(source.names)}."
            raise Invalid("column_missing", f"{source.path}: {why}; {has}")
