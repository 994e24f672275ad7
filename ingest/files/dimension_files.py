"""Products and locations from a file: one column a field, one row each; all rows or none."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import sqlalchemy as sa

from ingest.files.source_file import read_rows
from ingest.ledger.announcement import announce
from ingest.ledger.dimensions import (
    PUT_ROWS_MAX,
    LocationIn,
    ProductIn,
    put_locations,
    put_products,
)
from stocktide.errors import Invalid

Put = Callable[[sa.Connection, Sequence[Any]], list[int]]


def put_products_file(connection: sa.Connection, path: Path) -> int:
    """Create or change the products of a CSV, Parquet or NDJSON file; returns how many. Raises Invalid with the row."""
    ids = _put_file(connection, path, ProductIn, put_products)
    announce(connection, ids)
    return len(ids)


def put_locations_file(connection: sa.Connection, path: Path) -> int:
    """Create or change the locations of a CSV, Parquet or NDJSON file; returns how many. Raises Invalid."""
    return len(_put_file(connection, path, LocationIn, put_locations))


def _put_file(connection: sa.Connection, path: Path, shape: type[Any], put: Put) -> list[int]:
    rows = [_row(path, number, row, shape) for number, row in enumerate(read_rows(path), start=1)]
    if not rows:
        raise Invalid("file_empty", f"{path}: there is a header, but no row.")
    chunks = [rows[start : start + PUT_ROWS_MAX] for start in range(0, len(rows), PUT_ROWS_MAX)]
    return [key for chunk in chunks for key in put(connection, chunk)]


def _row(path: Path, number: int, row: dict[str, Any], shape: type[Any]) -> Any:
    known = get_type_hints(shape)
    unknown = sorted(set(row) - set(known))
    if unknown:
        raise Invalid(
            "column_unknown",
            f"{path}: column {unknown[0]!r} is no field; there are {', '.join(known)}.",
        )
    try:
        return msgspec.convert(
            {k: v for k, v in row.items() if v not in (None, "")}, shape, strict=False
        )
    except msgspec.ValidationError as error:
        raise Invalid("bad_row", f"{path}, row {number}: {error}.", row=number) from None
