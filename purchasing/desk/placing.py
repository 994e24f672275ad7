"""When a supplier takes an order that is approved now, and when it then comes: by its own clock and calendar."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa

from purchasing.desk.lines import Decision, Line
from purchasing.desk.pricing import ORDERING
from purchasing.proposing.dates import Supplying, days_of, weekdays
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Conflict


@dataclass(frozen=True)
class Taking:
    """How a supplier takes orders. cutoff: until when an order is of its day, by its own clock; None: all day.

    timezone: None where nobody said it; the clock is then that of who asks.
    """

    supplier: str = ""
    days: Supplying = field(default_factory=Supplying)
    timezone: str | None = None
    cutoff: time | None = None
    is_active: bool = True

    def taken_on(self, now: datetime) -> date | None:
        """Return the day on which an order of this moment is taken; None if it takes none within a year.

        now: by the clock of where the goods go.
        """
        local = now if self.timezone is None else now.astimezone(ZoneInfo(self.timezone))
        is_of_today = self.cutoff is None or local.time() <= self.cutoff
        if is_of_today and self.days.takes_orders(local.date()):
            return local.date()
        return self.days.next_order_day(local.date())

    def comes_on(self, taken_on: date, takes_days: int) -> date:
        """Return the day on which an order comes that takes so many days, moved to one on which it delivers."""
        return taken_on + timedelta(days=self.days.first_delivery(taken_on, takes_days))

    def later_words(self, today: date, taken_on: date, expected_on: date | None) -> str | None:
        """Say that an order of today is taken on a later day; None where it is not."""
        if taken_on <= today:
            return None
        comes = (
            "" if expected_on is None else f", and is expected on {expected_on:%a} {expected_on}"
        )
        why = f"has the time of {self.timezone}"
        if not self.days.takes_orders(today):
            why = "takes no orders today"
        elif self.cutoff is not None:
            whose = f" ({self.timezone})" if self.timezone else ""
            why = f"takes orders until {self.cutoff:%H:%M}{whose}"
        return f"{self.supplier} {why}: this order is of {taken_on:%a} {taken_on}{comes}."


def local_time(now: datetime, timezone: str) -> datetime:
    """Return a moment by the clock of a location; in UTC where nobody knows its zone, as `local_date` in SQL."""
    try:
        return now.astimezone(ZoneInfo(timezone))
    except (ZoneInfoNotFoundError, ValueError):
        return now.astimezone(UTC)


def read_taking(connection: sa.Connection, lines: Collection[int]) -> dict[str, Taking]:
    """Return how the suppliers of some lines take orders; those without terms take them at any time."""
    if not lines:
        return {}
    rows = connection.execute(statement("purchasing/desk/supplier_days"), {"lines": list(lines)})
    return {row.supplier: _taking(row) for row in rows}


def check_supplier(
    line: Line, taking: Mapping[str, Taking], decision: Decision, now: datetime
) -> None:
    """Raise Conflict where a line's supplier takes no orders any more. The reason of an approval lets it pass."""
    of = taking.get(line.supplier)
    knows = (
        decision.action == "approve" and (decision.reason or "").strip() and not decision.by_rule
    )
    if of is None or decision.action not in ORDERING or knows:
        return
    if not of.is_active or of.taken_on(now) is None:
        why = (
            "takes no orders within a year"
            if of.is_active
            else "is not an active supplier any more"
        )
        raise Conflict(
            "supplier_inactive",
            f"Line {line.line_id}: {line.supplier} {why}. Reject the line, or approve it with a reason.",
            line_id=line.line_id,
        )


def _taking(row: Any) -> Taking:
    spans = [(*map(date.fromisoformat, days), is_closed) for *days, is_closed in row.spans]
    return Taking(
        row.supplier,
        Supplying(weekdays(row.order_days), weekdays(row.delivery_days), days_of(spans)),
        row.timezone,
        time.fromisoformat(row.cutoff) if row.cutoff else None,
        row.active,
    )
