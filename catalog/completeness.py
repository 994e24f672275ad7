"""How much of the last days has come from each source, and how much is still to come."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import sqlalchemy as sa

from stocktide.foundation.database import statement

State = Literal["open", "learning", "silent", "quiet", "arriving", "final"]
# Days that are looked at.
DAYS = 7


@dataclass(frozen=True)
class FeedDay:
    """A day of a source.

    state: open (not over yet), learning (too little is known of how its events come), silent (nothing came since the
    day ended, and that is long ago), quiet (the same, but its sender is alive: a key that is for this source alone was
    used since), arriving (a part is still to come) or final. expected: events of the day in all,
    None while nothing is known of it.
    """

    source: str
    day: date
    state: State
    events: int
    expected: float | None

    @property
    def to_come(self) -> float | None:
        """Return the number of events that are still to come."""
        return None if self.expected is None else max(0.0, self.expected - self.events)


def read_completeness(engine: sa.Engine, now: datetime, *, days: int = DAYS) -> list[FeedDay]:
    """Read the last days of every source that was heard of in as many days, the newest first."""
    with engine.connect() as connection:
        rows = connection.execute(statement("catalog/completeness"), {"now": now, "days": days})
        return [FeedDay(*row) for row in rows]


def late_words(late: Sequence[Mapping[str, Any]] | None) -> str:
    """Describe days that are over and not final: "28 Nov: about 40 events still to come"; "" if there are none.

    late: days of sources, of the row of catalog/freshness.
    """
    days: dict[date, list[FeedDay]] = {}
    for row in late or ():
        feed = FeedDay(**{**row, "day": date.fromisoformat(row["day"])})
        days.setdefault(feed.day, []).append(feed)
    return " · ".join(_day_words(day, days[day]) for day in sorted(days, reverse=True))


def _day_words(day: date, late: Iterable[FeedDay]) -> str:
    silent = sorted(feed.source for feed in late if feed.state == "silent")
    if silent:
        more = f" and {len(silent) - 1} more" if len(silent) > 1 else ""
        return f"{day:%-d %b}: nothing since from {silent[0]}{more}"
    missing = sum(feed.to_come or 0 for feed in late)
    return f"{day:%-d %b}: about {max(1, round(missing)):,} events still to come"
