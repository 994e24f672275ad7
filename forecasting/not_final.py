"""Days that a run takes as they are, although a part of their events is still to come."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from stocktide.foundation.database import statement


def read_not_final(engine: sa.Engine, *, cutoff: date, now: datetime) -> list[dict[str, Any]]:
    """Return the days of sources up to the cutoff that are not final at `now` (aware), as JSON has them."""
    with engine.connect() as connection:
        rows = connection.execute(
            statement("forecasting/not_final"), {"cutoff": cutoff, "now": now}
        ).mappings()
        return [{**row, "day": row["day"].isoformat()} for row in rows]
