"""How much of the last days has come from each source, and how much is still to come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import sqlalchemy as sa

from stocktide.domain.arrival import ARRIVAL_HOURS
from stocktide.foundation.database import statement

State = Literal["open", "learning", "silent", "arriving", "final"]
# Days that are looked at, and days that must have taught how events come.
DAYS = 7
LEARNT_MIN = 7
# From here on a day is final: what is missing changes no figure that anybody reads.
FINAL_SHARE = 0.995
# So long after a day's end something should have come from a source, be it of the next day.
SILENT_S = 86_400


@dataclass(frozen=True)
class FeedDay:
    """A day of a source.

    state: open (not over yet), learning (too little is known of how its events come), silent (nothing came since the
    day ended, and that is long ago), arriving (a part is still to come) or final. expected: events of the day in all,
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
    binds = {"now": now, "days": days, "hours": list(ARRIVAL_HOURS)}
    with engine.connect() as connection:
        rows = connection.execute(statement("catalog/completeness"), binds).mappings().all()
    return [judge_day(row, now) for row in rows]


def judge_day(row: Any, now: datetime) -> FeedDay:
    """Judge one row of catalog/completeness at `now`."""
    share, events = row["share"], row["events"]
    expected = events / share if share and events else row["usual_events"]
    if now < row["ends_at"]:
        state: State = "open"
    elif row["days_learnt"] < LEARNT_MIN:
        state, expected = "learning", None
    elif row["heard_at"] < row["ends_at"] and (now - row["ends_at"]).total_seconds() > SILENT_S:
        state = "silent"
    elif share >= FINAL_SHARE and (events or not row["usual_events"]):
        state, expected = "final", float(events)
    else:
        state = "arriving"
    return FeedDay(row["source"], row["day"], state, events, expected)


def unfinished_words(found: Sequence[FeedDay]) -> str:
    """Describe days that are over and not final: "28 Nov: about 4 % of the events still to come"; "" if all are."""
    late: dict[date, list[FeedDay]] = {}
    for feed in found:
        if feed.state in ("arriving", "silent"):
            late.setdefault(feed.day, []).append(feed)
    return " · ".join(
        _day_words(day, feeds, found) for day, feeds in sorted(late.items(), reverse=True)
    )


def _day_words(day: date, late: Sequence[FeedDay], found: Sequence[FeedDay]) -> str:
    silent = sorted(feed.source for feed in late if feed.state == "silent")
    if silent:
        more = f" and {len(silent) - 1} more" if len(silent) > 1 else ""
        return f"{day:%-d %b}: nothing since from {silent[0]}{more}"
    missing = sum(feed.to_come or 0 for feed in late)
    whole = sum(feed.expected or feed.events for feed in found if feed.day == day)
    return f"{day:%-d %b}: about {max(1, round(100 * missing / whole)) if whole else 0} % of the events still to come"
