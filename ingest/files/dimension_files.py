"""Products and locations from a file: one column a field, one row each; all rows or none."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import sqlalchemy as sa

from ingest.files.struct_rows import in_calls, rows_as
from ingest.ledger.announcement import announce
from ingest.ledger.dimensions import (
    LocationIn,
    ProductIn,
    price_micros,
    put_locations,
    put_products,
)
from ingest.ledger.successions import put_successions
from stocktide.domain.exact_numbers import shown
from stocktide.foundation.errors import Invalid

# The columns of a succession: the sku that is replaced, from which day, with what share.
REPLACED, FROM, SHARE = "replaces", "from", "share"


def put_products_file(connection: sa.Connection, path: Path) -> int:
    """Create or change the products of a CSV, Parquet or NDJSON file; returns how many.

    A product that replaces several has a row for each of them. Raises Invalid with the row, NotFound.
    """
    known = (*get_type_hints(ProductIn), FROM, SHARE)
    rows = rows_as(ProductIn, path, known, _with_replaced)
    _check_prices(path, rows)
    products = _gathered(rows)
    ids = [key for part in in_calls(products) for key in put_products(connection, part)]
    put_successions(connection, products)
    announce(connection, ids)
    return len(ids)


def _check_prices(path: Path, products: Sequence[ProductIn]) -> None:
    for row, product in enumerate(products, 1):
        if product.price is not None and price_micros(product.price) is None:
            raise Invalid(
                "bad_price",
                f"{path.name}, row {row}: price {shown(str(product.price))!r} is no price with up to 6 decimals.",
                row=row,
            )


def put_locations_file(connection: sa.Connection, path: Path) -> int:
    """Create or change the locations of a CSV, Parquet or NDJSON file; returns how many. Raises Invalid."""
    locations = rows_as(LocationIn, path, tuple(get_type_hints(LocationIn)))
    return sum(len(put_locations(connection, part)) for part in in_calls(locations))


def _with_replaced(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row with the columns of a succession put together as the field that tells of it."""
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
