"""What is missing for orders: a worklist, each with the default that stands in its place until somebody fills it in."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from purchasing.proposing.prepare import Defaults
from stocktide.domain.suppliers import UNASSIGNED
from stocktide.foundation.database import statement


def list_missing(
    connection: sa.Connection, defaults: Defaults, *, offset: int = 0, limit: int = 100
) -> tuple[list[dict[str, Any]], int]:
    """List what nobody has said of products whose stock is known, and how much of it there is in all.

    Those first that are worth most on hand, at selling prices. default: what orders go by meanwhile. Shelves that sell,
    or are to supply shops, and were never counted lack their stock.
    """
    binds = {"offset": offset, "limit": limit}
    rows = connection.execute(statement("purchasing/missing_terms"), binds).mappings().all()
    listed = [
        {
            "product": row["product"],
            "name": row["name"],
            "shelves": row["shelves"],
            "worth": row["worth"],
            "what": row["what"],
            "default": default_of(dict(row), defaults),
        }
        for row in rows
    ]
    return listed, rows[0]["found"] if rows else 0


def default_of(row: Mapping[str, Any], defaults: Defaults) -> str:
    """Return in words what stands in the place of what is missing."""
    if row["what"] == "stock":
        none = "none is there" if row["is_warehouse"] else "nothing is proposed for them"
        told = f"{none} until a count or a receipt"
    elif row["what"] == "supplier":
        told = (
            "who delivered it most" if row["is_delivered"] else f"lines stand under {UNASSIGNED!r}"
        )
    elif row["what"] == "unit price":
        share = f"{100 * defaults.cost_share:g} % of the selling price"
        told = "average cost of deliveries" if row["has_cost"] else share
    elif row["what"] == "pack":
        told = "single units" if row["unit"] == "each" else f"any amount of {row['unit']}"
    else:
        told = f"{defaults.lead_days} days"
    return told
