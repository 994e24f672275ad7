"""What a plan must hold beyond the types of its fields. Every fault names the field and the value."""

import math
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from ingest.calendar.kinds import SCOPE, EventIn, PriceIn, PromotionIn, RegressorIn, Scope
from ingest.ledger.dimensions import price_micros
from stocktide.domain.exact_numbers import shown
from stocktide.foundation.errors import Invalid

# Farther away is a slip of the keys: 2206 for 2026.
DAY_MIN, DAY_MAX = date(2000, 1, 1), date(2100, 1, 1)
# A plan is days or weeks long; five years hold the longest rent of a price.
SPAN_DAYS_MAX = 1_830
# Nobody gives more away; a larger share is a price or a percentage in the wrong field.
DISCOUNT_MAX = 0.95
# Clocks of senders may run ahead by so much; what is sent as decided just now is then taken as now.
CLOCKS_DIFFER = timedelta(minutes=5)
# What the forecast itself derives from plans.
RESERVED_NAMES = ("price", "promotion")
VALUE_MAX = 1e12


# What is wrong: a code, the field, and why.
Fault = tuple[str, str, str]


def refusal(kind: str, row: int, fault: Fault) -> Invalid:
    """Make the error for one row of a call."""
    code, field, why = fault
    return Invalid(code, f"{kind}[{row}].{field}: {why}", row=row, field=field)


def faults_of(plan: Any, *, now: datetime) -> Iterator[Fault]:
    """Yield what keeps a plan from being recorded. Later checks rely on earlier ones: stop at the first fault."""
    yield from _text(plan)
    known = plan.known_since
    if known is not None and known.tzinfo is None:
        yield "bad_instant", "known_since", f"{known} has no offset, such as +00:00 or Z."
    if known is not None and known > now + CLOCKS_DIFFER:
        yield "bad_instant", "known_since", f"{known} lies ahead; leave it out for now."
    if isinstance(plan, EventIn):
        yield from _day(plan.day, "day")
    else:
        yield from _span(plan.from_, plan.to)
    if isinstance(plan, PriceIn | PromotionIn):
        yield from _money(plan)
    if isinstance(plan, RegressorIn):
        yield from _number(plan)


def _text(plan: Any) -> Iterator[Fault]:
    """Yield names that are empty or unprintable, and a product beside its own department or category."""
    for name in (*SCOPE, "name", "kind"):
        value = getattr(plan, name, None)
        if value is not None and not (value.strip() and value.isprintable()):
            yield "bad_text", name, f"{value!r} is no name that people can read."
    if isinstance(plan, Scope) and plan.product is not None and (plan.department or plan.category):
        why = "A product has its department and category already; name one of them."
        yield "bad_scope", "product", why


def _span(first: date, last: date | None) -> Iterator[Fault]:
    yield from _day(first, "from")
    if last is None:
        return
    yield from _day(last, "to")
    if first > last:
        yield "bad_span", "to", f"{last} is before {first}, its first day."
    if (last - first).days >= SPAN_DAYS_MAX:
        yield "bad_span", "to", f"{first} to {last} is longer than {SPAN_DAYS_MAX} days."


def _day(day: date, field: str) -> Iterator[Fault]:
    if not DAY_MIN <= day < DAY_MAX:
        yield "bad_day", field, f"{day} is not from {DAY_MIN} to {DAY_MAX}."


def _money(plan: PriceIn | PromotionIn) -> Iterator[Fault]:
    if plan.price is not None and not price_micros(plan.price):
        yield (
            "bad_price",
            "price",
            f"{shown(str(plan.price))} is not a price above 0 with up to 6 decimals.",
        )
    if isinstance(plan, PriceIn):
        if plan.product is None and plan.department is None and plan.category is None:
            yield "bad_scope", "product", "A price is of a product, a category or a department."
        return
    if plan.price is not None and plan.discount is not None:
        yield "bad_discount", "discount", "Give the price or the discount, not both."
    if plan.discount is not None and not 0 < plan.discount <= DISCOUNT_MAX:
        yield "bad_discount", "discount", _about_discount(plan.discount)


def _about_discount(discount: float) -> str:
    meant = f" Did you mean {discount / 100:g}?" if 1 < discount <= 100 * DISCOUNT_MAX else ""
    return (
        f"{discount:g} is not a share above 0 and up to {DISCOUNT_MAX:g}; 0.3 is 30 % off.{meant}"
    )


def _number(plan: RegressorIn) -> Iterator[Fault]:
    if not (math.isfinite(plan.value) and abs(plan.value) <= VALUE_MAX):
        yield "bad_value", "value", f"{plan.value} is not a number up to {VALUE_MAX:g}."
    if plan.name in RESERVED_NAMES:
        why = f"{plan.name!r} has a kind of plan of its own: /v1/calendar/{plan.name}s."
        yield "bad_name", "name", why


def content_of(plan: Any) -> dict[str, Any]:
    """Return what makes two plans the same: all fields but the id and when it was decided."""
    fields: dict[str, Any] = msgspec.to_builtins(plan)
    return {name: value for name, value in fields.items() if name not in ("id", "known_since")}
