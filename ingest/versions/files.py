"""Rows from and to files, a column a field, all rows or none."""

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ingest.files.source_file import read_rows
from ingest.files.struct_rows import in_calls, row_as
from ingest.versions.kinds import Kind
from ingest.versions.rows import RowsPut, put_rows
from stocktide.foundation.errors import StocktideError
from stocktide.foundation.spreadsheet import shown_as_text, text_of

# How a warning names its row: counted from 0 in a call.
_PLACE = re.compile(r"^[\w-]+\[(\d+)\]")


def put_rows_file(connection: sa.Connection, kind: Kind, path: Path, *, by: str) -> RowsPut:
    """Record the rows of a CSV, Parquet or NDJSON file. Raises Invalid or NotFound that name the row.

    Where rows have a key, columns that the file does not have stay as they are, and an empty cell erases.
    """
    read = list(enumerate(read_rows(path), start=1))
    if path.suffix.lower() == ".csv":
        read = [(number, _as_written(row)) for number, row in read]
    rows = [
        (number, row, row_as(kind.shape, path, number, row, kind.fields)) for number, row in read
    ]
    done = [_put_part(connection, kind, path, part, by) for part in in_calls(rows)]
    recorded, changed, unchanged = (sum(of) for of in zip(*(put[:3] for put in done), strict=True))
    erased = sum((Counter(put.erased) for put in done), Counter[str]())
    warnings = [said for put in done for said in put.warnings]
    return RowsPut(recorded, changed, unchanged, dict(erased) if kind.key else None, warnings)


def _as_written(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row without the marks that keep a spreadsheet from running a text."""
    return {name: text_of(cell) if isinstance(cell, str) else cell for name, cell in row.items()}


def _put_part(
    connection: sa.Connection,
    kind: Kind,
    path: Path,
    part: Sequence[tuple[int, Mapping[str, Any], Any]],
    by: str,
) -> RowsPut:
    """Put one call's rows. part: a row's number from 1, its cells, and the row itself."""
    told = [cells.keys() for _, cells, _ in part]
    try:
        done = put_rows(connection, kind, [row for *_, row in part], by=by, told=told)
    except StocktideError as error:
        if "row" not in error.context:
            raise
        # a call counts its rows from 0
        number, field = part[error.context["row"]][0], error.context["field"]
        why = error.message.partition(": ")[2]
        said = f"{path}, row {number}: {field}: {why}"
        raise type(error)(error.code, said, row=number, field=field) from None
    first = part[0][0]
    placed = [
        _PLACE.sub(lambda at: f"{path}, row {first + int(at[1])}:", said) for said in done.warnings
    ]
    return done._replace(warnings=placed)


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
    if isinstance(value, str):
        return shown_as_text(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
