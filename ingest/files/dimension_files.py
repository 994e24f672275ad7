"""Products and locations from a file: one column a field, one row each; all rows or none."""

from collections.abc import Callable, Mapping, Sequence
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
from ingest.ledger.successions import put_successions
from stocktide.foundation.errors import Invalid

Put = Callable[[sa.Connection, Sequence[Any]], list[int]]
# The columns of a succession: the sku that is replaced, from which day, with what share.
REPLACED, FROM, SHARE = "replaces", "from", "share"


def put_products_file(connection: sa.Connection, path: Path) -> int:
    """Create or change the products of a CSV, Parquet or NDJSON file; returns how many.

    A product that replaces several has a row for each of them. Raises Invalid with the row, NotFound.
    """
    products = _gathered(_read(path, ProductIn, (FROM, SHARE)))
    ids = _put_chunks(connection, products, put_products)
    put_successions(connection, products)
    announce(connection, ids)
    return len(ids)


def put_locations_file(connection: sa.Connection, path: Path) -> int:
    """Create or change the locations of a CSV, Parquet or NDJSON file; returns how many. Raises Invalid."""
    return len(_put_chunks(connection, _read(path, LocationIn), put_locations))


def _put_chunks(connection: sa.Connection, rows: Sequence[Any], put: Put) -> list[int]:
    chunks = [rows[start : start + PUT_ROWS_MAX] for start in range(0, len(rows), PUT_ROWS_MAX)]
    return [key for chunk in chunks for key in put(connection, chunk)]


def _read(path: Path, shape: type[Any], beside: Sequence[str] = ()) -> list[Any]:
    """Read the rows of a file as a shape. beside: columns that it may have beside the shape's fields."""
    rows = [
        _row(path, number, row, shape, beside)
        for number, row in enumerate(read_rows(path), start=1)
    ]
    if not rows:
        raise Invalid("file_empty", f"{path}: there is a header, but no row.")
    return rows


def _row(
    path: Path, number: int, row: Mapping[str, Any], shape: type[Any], beside: Sequence[str]
) -> Any:
    known = (*get_type_hints(shape), *beside)
    unknown = sorted(set(row) - set(known))
    if unknown:
        raise Invalid(
            "column_unknown",
            f"{path}: column {unknown[0]!r} is no field; there are {', '.join(known)}.",
        )
    given = {k: v for k, v in row.items() if v not in (None, "")}
    try:
        return msgspec.convert(_with_replaced(given) if beside else given, shape, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid("bad_row", f"{path}, row {number}: {error}.", row=number) from None


def _with_replaced(row: Mapping[str, Any]) -> dict[str, Any]:
    """Put the columns of a succession together as the field that tells of it."""
    told = {name: row[name] for name in (FROM, SHARE) if name in row}
    found = {name: value for name, value in row.items() if name not in told}
    if REPLACED in row:
        found[REPLACED] = [{"product": row[REPLACED], **told}]
    elif told:
        raise msgspec.ValidationError(f"`{next(iter(told))}` needs `{REPLACED}`")
    return found


def _gathered(products: Sequence[ProductIn]) -> list[ProductIn]:
    """Join the rows of a product that replaces several; rows that differ in anything else are left as they are."""
    found: dict[str, ProductIn] = {}
    others: list[ProductIn] = []
    for product in products:
        first = found.setdefault(product.sku, product)
        if first is product:
            continue
        alone = msgspec.structs.replace(product, replaces=None)
        same = alone in (ProductIn(product.sku), msgspec.structs.replace(first, replaces=None))
        if not same or product.replaces is None:
            others.append(product)
            continue
        both = [*(first.replaces or []), *product.replaces]
        found[product.sku] = msgspec.structs.replace(first, replaces=both)
    return [*found.values(), *others]
