"""Rows of a small file as structs, a column a field; whatever is wrong is named by file, row and column."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ingest.files.source_file import read_rows
from ingest.files.value_words import value_words
from ingest.ledger.dimensions import PUT_ROWS_MAX
from stocktide.foundation.errors import Invalid

Row = TypeVar("Row")


def given(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cells of a row that are not empty."""
    return {name: value for name, value in row.items() if value not in (None, "")}


def rows_as(
    shape: type[Any],
    path: Path,
    known: Sequence[str],
    arrange: Callable[[dict[str, Any]], Mapping[str, Any]] = dict,
) -> list[Any]:
    """Read a CSV, Parquet or NDJSON file, each row by `row_as`. Raises Invalid, also for a file without rows."""
    rows = enumerate(read_rows(path), start=1)
    return [row_as(shape, path, number, row, known, arrange) for number, row in rows]


def row_as(
    shape: type[Any],
    path: Path,
    number: int,
    row: Mapping[str, Any],
    known: Sequence[str],
    arrange: Callable[[dict[str, Any]], Mapping[str, Any]] = dict,
) -> Any:
    """Convert a row, counted from 1, to a shape. Raises Invalid for a bad cell, or a column that is not `known`.

    arrange: makes the shape's fields of the cells that are not empty; may raise msgspec.ValidationError.
    """
    if unknown := sorted(set(row) - set(known)):
        why = f"column {unknown[0]!r} is no field; there are {', '.join(known)}."
        raise Invalid("column_unknown", f"{path}: {why}")
    try:
        return msgspec.convert(arrange(given(row)), shape, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(
            "bad_row", f"{path}, row {number}: {value_words(error, row)}.", row=number
        ) from None


def in_calls(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Yield rows in parts that one call may put."""
    for start in range(0, len(rows), PUT_ROWS_MAX):
        yield rows[start : start + PUT_ROWS_MAX]
