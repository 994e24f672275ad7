"""When a supplier takes an order that is approved now, and when it then comes: by its own clock and calendar."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from purchasing.desk.lines import Decision, Line
from purchasing.desk.pricing import ORDERING
from purchasing.proposing.dates import Supplying, days_of, weekdays
from stocktide.domain.exact_numbers import in_full
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Conflict


@dataclass(frozen=True)
class Taking:
    """How a supplier takes orders: on which days, by which clock, and whether it does at all.

    least_micros, least_milli: of a whole order, money in its currency and units; None where it takes any.
    """

    supplier: str = ""
    days: Supplying = field(default_factory=Supplying)
    is_active: bool = True
    least_micros: int | None = None
    least_milli: int | None = None
    currency: str | None = None

    def too_small_words(self, lines: Sequence[Line]) -> str | None:
        """Say that an order is less than the supplier takes; None where it is not, or nobody knows what it costs."""
        units = sum(line.quantity_milli for line in lines)
        if self.least_milli and units < self.least_milli:
            took, has = in_full(self.least_milli / 1000), in_full(units / 1000)
            return f"{self.supplier} takes orders from {took} units on, and this one has {has}: it may refuse it."
        amounts = [line.amount_micros for line in lines]
        currency = lines[0].currency
        if not self.least_micros or None in amounts or (self.currency or currency) != currency:
            return None
        total = sum(amount for amount in amounts if amount is not None)
        if total >= self.least_micros:
            return None
        least, cost = (in_full(micros / 1e6, 2) for micros in (self.least_micros, total))
        return f"{self.supplier} takes orders from {currency} {least} on, and this one is of {cost}: it may refuse it."

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
        zone, cutoff = self.days.timezone, self.days.cutoff
        why = f"has the time of {zone}"
        if not self.days.takes_orders(today):
            why = "takes no orders today"
        elif cutoff is not None:
            why = f"takes orders until {cutoff:%H:%M}" + (f" ({zone})" if zone else "")
        return f"{self.supplier} {why}: this order is of {taken_on:%a} {taken_on}{comes}."


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
    if not of.is_active or of.days.taken_on(now) is None:
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
    days = Supplying(
        weekdays(row.order_days),
        weekdays(row.delivery_days),
        days_of(spans),
        row.timezone,
        time.fromisoformat(row.cutoff) if row.cutoff else None,
    )
    return Taking(
        row.supplier,
        days,
        row.active,
        row.minimum_value_micros,
        row.minimum_units_milli,
        row.currency,
    )
