"""Balances that a transaction would change, seen before it commits or is rolled back."""

from typing import Any

import sqlalchemy as sa

from ingest.parsing.numbers import MILLI
from stocktide.foundation.database import statement

CHANGES_SHOWN = 50


def newest_change(connection: sa.Connection) -> int:
    """Return the number above which changes of stock are numbered from now on."""
    number: int = connection.execute(
        sa.text("SELECT last_value - (NOT is_called)::int FROM stock_changes_change_id_seq")
    ).scalar_one()
    return number


def changes_of(connection: sa.Connection, engine: sa.Engine, *, after: int) -> dict[str, Any]:
    """Compare the stock that this transaction has made with what is committed; its pairs are locked, so that holds.

    Returns the numbers of products and pairs whose balance differs, and the first of them, in units.
    """
    pairs = connection.execute(statement("ingest/reject_changes"), {"after": after}).all()
    with engine.connect() as other:
        binds = {
            "products": [pair.product_id for pair in pairs],
            "locations": [pair.location_id for pair in pairs],
        }
        rows = other.execute(statement("ingest/reject_stock"), binds)
        before = {(row.product_id, row.location_id): row.on_hand_milli for row in rows}
    changed = [
        (pair, was)
        for pair in pairs
        if (was := before.get((pair.product_id, pair.location_id), 0)) != pair.on_hand_milli
    ]
    return {
        "products_changed": len({pair.product_id for pair, _ in changed}),
        "pairs_changed": len(changed),
        "changes": [
            {"product": pair.product, "location": pair.location, "before": was / MILLI,
             "after": pair.on_hand_milli / MILLI}
            for pair, was in changed[:CHANGES_SHOWN]
        ],
    }  # fmt: skip
