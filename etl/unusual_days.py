"""Days of unusual demand: somebody says whether one is true, and until then training takes it as a usual day."""

from datetime import date
from typing import Literal

import sqlalchemy as sa

from stocktide.foundation.database import statement
from stocktide.foundation.errors import Invalid, NotFound
from stocktide.foundation.stored_text import is_storable

Decision = Literal["confirmed", "excluded"]
REASON_MAX = 500


def decide_unusual_day(
    connection: sa.Connection,
    product: str,
    location: str,
    day: date,
    decision: Decision,
    *,
    by: str,
    reason: str,
) -> None:
    """Record that a day's demand is true (confirmed), or an error (excluded); the next forecast learns from it so.

    The caller commits. Raises NotFound (`not_unusual`), Invalid (`reason`).
    """
    if not reason.strip() or len(reason) > REASON_MAX or not is_storable(reason):
        raise Invalid("reason", f"Give a reason of 1 to {REASON_MAX} characters.", field="reason")
    binds = {"product": product, "location": location, "day": day}
    decided = connection.execute(
        statement("etl/decide_unusual_day"),
        {**binds, "state": decision, "by": by, "reason": reason},
    ).first()
    if decided is None:
        raise NotFound(
            "not_unusual",
            f"{day} of {product!r} at {location!r} is not flagged as unusual; `stocktide demand unusual` lists "
            "the days that are.",
        )
