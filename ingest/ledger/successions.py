"""Which products replace which: written with the products, checked against all that is known."""

import json
from collections.abc import Sequence
from datetime import date

import msgspec
import sqlalchemy as sa

from ingest.ledger.dimensions import PRODUCTS, ProductIn, Replaced, look_up, refuse_unstorable
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Invalid, NotFound
from stocktide.foundation.successions import Succession, check_successions

# Farther away is a slip of the keys: 2206 for 2026.
DAY_MIN, DAY_MAX = date(2000, 1, 1), date(2100, 1, 1)


def put_successions(connection: sa.Connection, products: Sequence[ProductIn]) -> None:
    """Record what products replace; a product that does not say keeps what it has, an empty list takes it back.

    The products themselves are there already. Raises NotFound (`unknown_product`), Invalid that names the products.
    """
    telling = [
        (row, product) for row, product in enumerate(products) if product.replaces is not None
    ]
    if not telling:
        return
    rows = [
        _checked(row, number, product, replaced)
        for row, product in telling
        for number, replaced in enumerate(product.replaces or ())
    ]
    refuse_unstorable(rows)
    _refuse_repeats(rows)
    _refuse_unknown(connection, telling)
    # two changes at once could each be right and make a circle together
    connection.execute(sa.text("LOCK TABLE successions IN SHARE ROW EXCLUSIVE MODE"))
    bound = {"rows": json.dumps(rows), "successors": [product.sku for _, product in telling]}
    connection.execute(statement("ingest/put_successions"), bound)
    check_successions(
        [Succession(*row) for row in connection.execute(statement("ingest/successions"))]
    )


def _checked(row: int, number: int, product: ProductIn, replaced: Replaced) -> dict[str, object]:
    if not DAY_MIN <= replaced.from_ < DAY_MAX:
        raise Invalid(
            "bad_day",
            f"products[{row}].replaces[{number}].from: {replaced.from_} is not from {DAY_MIN} to {DAY_MAX}.",
            row=row,
        )
    if replaced.product == product.sku:
        raise Invalid(
            "succession_self",
            f"products[{row}].replaces[{number}].product: {product.sku!r} cannot replace itself.",
            row=row,
        )
    return {
        "successor": product.sku,
        "predecessor": replaced.product,
        "starts_on": msgspec.to_builtins(replaced.from_),
        "share": replaced.share,
    }


def _refuse_repeats(rows: Sequence[dict[str, object]]) -> None:
    seen: set[tuple[object, object]] = set()
    for row in rows:
        pair = (row["successor"], row["predecessor"])
        if pair in seen:
            raise Invalid(
                "repeated", f"{pair[0]!r} names {pair[1]!r} twice among those it replaces."
            )
        seen.add(pair)


def _refuse_unknown(connection: sa.Connection, telling: Sequence[tuple[int, ProductIn]]) -> None:
    named = sorted({one.product for _, product in telling for one in product.replaces or ()})
    known = look_up(connection, PRODUCTS, named)
    for row, product in telling:
        for number, one in enumerate(product.replaces or ()):
            if one.product not in known:
                raise NotFound(
                    "unknown_product",
                    f"products[{row}].replaces[{number}].product: there is no product {one.product!r}. Put it into the "
                    "same call, or make it known first. Nothing was written.",
                    row=row,
                )
