"""Stock levels, paged."""

from typing import Any

import sqlalchemy as sa

from catalog.amounts import units
from stocktide.database import statement

PAGE_MAX = 1_000


def list_stock(
    engine: sa.Engine,
    *,
    product: str | None = None,
    location: str | None = None,
    after: tuple[str, str] = ("", ""),
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Page through stock by product and location. on_hand is in units; `known` tells whether it was ever counted."""
    with engine.connect() as connection:
        rows = connection.execute(
            statement("catalog/stock"),
            {
                "product": product,
                "location": location,
                "after_product": after[0],
                "after_location": after[1],
                "limit": min(limit, PAGE_MAX),
            },
        ).mappings()
        return [
            {
                **{name: value for name, value in row.items() if name != "on_hand_milli"},
                "on_hand": units(row["on_hand_milli"]),
            }
            for row in rows
        ]
