"""Which day it is for the chain as a whole. At a location it is the day by its own clock: `local_date` in SQL."""

from datetime import UTC, date, datetime

import sqlalchemy as sa

from stocktide.foundation.database import statement


def business_day(connection: sa.Connection, now: datetime | None = None) -> date:
    """Return the day that is not over yet at some of the locations: the earliest of their own. now: None is now."""
    binds = {"now": now or datetime.now(UTC)}
    day: date = connection.execute(statement("stocktide/business_day"), binds).scalar_one()
    return day
