"""Days that events name of the future: many systems write one beyond all calendars for "no day"."""

from datetime import date

# The database has the same in its function told_day.
FIRST, LAST = date(2000, 1, 1), date(2100, 12, 31)


def told_day(day: date | None) -> date | None:
    """Return a day that somebody can mean; None for 9999-12-31 and its like, which say that there is none."""
    return day if day is not None and FIRST <= day <= LAST else None
