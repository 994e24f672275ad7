"""Rows from and to files, a column a field, all rows or none."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ingest.files.struct_rows import in_calls, rows_as
from ingest.versions.kinds import Kind
from ingest.versions.rows import RowsPut, put_rows


def put_rows_file(connection: sa.Connection, kind: Kind, path: Path, *, by: str) -> RowsPut:
    """Record the rows of a CSV, Parquet or NDJSON file. Raises Invalid or NotFound that name the row."""
    rows = rows_as(kind.shape, path, kind.fields)
    parts = [put_rows(connection, kind, part, by=by) for part in in_calls(rows)]
    return RowsPut(*map(sum, zip(*parts, strict=True)))


def rows_csv(kind: Kind, rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as the CSV that `put_rows_file` reads."""
    text = io.StringIO()
    writer = csv.DictWriter(text, kind.fields, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(row[name]) for name in kind.fields} for row in rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
