"""Days of unusual demand, as people look at them."""

from typing import Any

import sqlalchemy as sa

from catalog.amounts import units
from stocktide.foundation.database import statement


def list_unusual_days(
    engine: sa.Engine, *, state: str | None = None, limit: int = 100
) -> tuple[list[dict[str, Any]], int]:
    """List flagged days, those that wait first, and how many there are; sold and usual are in units."""
    with engine.connect() as connection:
        found = connection.execute(
            statement("catalog/unusual_days"), {"state": state, "limit": limit}
        ).mappings()
        rows = [dict(row) for row in found]
    total = rows[0]["found"] if rows else 0
    for row in rows:
        del row["found"]
        row["sold"], row["usual"] = units(row.pop("sold_milli")), units(row.pop("usual_milli"))
    return rows, total
