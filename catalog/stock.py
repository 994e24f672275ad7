"""Stock: levels, as they were at any moment, and by lot."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from catalog.amounts import money, units
from catalog.money import Money, money_of
from stocktide.foundation.database import statement
from stocktide.foundation.errors import NotFound

PAGE_MAX = 1_000


def list_stock(
    engine: sa.Engine,
    *,
    product: str | None = None,
    location: str | None = None,
    after: tuple[str, str] = ("", ""),
    limit: int = 100,
    currency: str | None = None,
) -> list[dict[str, Any]]:
    """Page through stock by product and location.

    on_hand, book, on_order, in_transit, promised and available (on hand less promised) are in units; cost is the moving
    average of one unit, value what the stock is worth by it. `known`: it was counted or delivered at least once. `book`
    is what the ledger adds up to; on_hand and what follows from it are None where that is not known to be the stock:
    before the first receipt or count, and below zero. currency: of costs that name none, nor do price or product.
    """
    with engine.connect() as connection:
        rows = connection.execute(
            statement("catalog/stock"),
            {
                "product": product,
                "location": location,
                "after_product": after[0],
                "after_location": after[1],
                "limit": min(limit, PAGE_MAX),
                "currency": currency,
            },
        ).mappings()
        return [_shown(row) for row in rows]


def stock_worth(position: Mapping[str, Any], *, currency: str | None) -> Money:
    """Return what stock is worth at its selling prices, where both are known; see `money_of` for the currency.

    position: of the query stock_position.
    """
    rows = position["worth"]
    return money_of(((row["currency"], row["value"], row["converted"]) for row in rows), currency)


def stock_as_of(
    engine: sa.Engine, *, product: str, location: str, at: datetime, known_at: datetime
) -> dict[str, Any]:
    """Return the stock of a pair at a time, as it had been recorded by another time.

    Raises NotFound if nothing was known about the pair then.
    """
    with engine.connect() as connection:
        row = (
            connection.execute(
                statement("catalog/stock_as_of"),
                {"sku": product, "location": location, "at": at, "known_at": known_at},
            )
            .mappings()
            .first()
        )
    if row is None:
        raise NotFound(
            "nothing_known",
            f"Nothing was recorded of {product!r} at {location!r} by then; look at /v1/stock for what there is now.",
        )
    return {
        "product": product,
        "location": location,
        "at": at,
        "known_at": known_at,
        "on_hand": units(row["on_hand_milli"]),
        "book": units(row["book_milli"]),
        "known": row["known"],
        "counted_at": row["counted_at"],
        "on_order": units(row["on_order_milli"]),
        "in_transit": units(row["in_transit_milli"]),
        "promised": units(row["promised_milli"]),
    }


def list_lots(
    engine: sa.Engine, *, product: str, location: str | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """Return the lots of a product on hand, the next to expire first; units, as far as events named lots."""
    with engine.connect() as connection:
        rows = connection.execute(
            statement("catalog/lots"),
            {"product": product, "location": location, "limit": min(limit, PAGE_MAX)},
        ).mappings()
        return [_shown(row) for row in rows]


def _shown(row: sa.RowMapping) -> dict[str, Any]:
    """Convert thousandths to units and millionths to money, by the names' ends."""
    shown: dict[str, Any] = {}
    for name, value in row.items():
        stem, _, scale = str(name).rpartition("_")
        if scale == "milli":
            shown[stem] = units(value)
        elif scale == "micros":
            shown[stem] = money(value)
        else:
            shown[str(name)] = value
    return shown
