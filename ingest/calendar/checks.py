"""What a plan must hold beyond the types of its fields. Every refusal names the row, the field and the value."""

import math
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from ingest.calendar.kinds import (
    SCOPE,
    ClosureIn,
    EventIn,
    PriceIn,
    PromotionIn,
    RegressorIn,
    Scope,
)
from ingest.ledger.dimensions import price_micros
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


class Refusal:
    """Raises Invalid for one row, naming its place."""

    def __init__(self, kind: str, row: int) -> None:
        self._place = f"{kind}[{row}]"
        self._row = row

    def refuse(self, code: str, field: str, why: str) -> Invalid:
        """Make the error for a field."""
        return Invalid(code, f"{self._place}.{field}: {why}", row=self._row, field=field)


def check_plan(plan: Any, at: Refusal, *, now: datetime) -> None:
    """Raise Invalid if a plan is not one that can be kept."""
    _check_text(plan, at)
    known = plan.known_since
    if known is not None and known.tzinfo is None:
        raise at.refuse(
            "bad_instant", "known_since", f"{known} has no offset, such as +00:00 or Z."
        )
    if known is not None and known > now + CLOCKS_DIFFER:
        raise at.refuse("bad_instant", "known_since", f"{known} lies ahead; leave it out for now.")
    if isinstance(plan, EventIn):
        _check_day(plan.day, "day", at)
    else:
        _check_span(plan.from_, plan.to, at)
    if isinstance(plan, PriceIn | PromotionIn):
        _check_money(plan, at)
    if isinstance(plan, RegressorIn):
        _check_number(plan, at)


def _check_text(plan: Any, at: Refusal) -> None:
    """Refuse what is given as an empty or unprintable name, and a plan of something and its opposite."""
    for name in (*SCOPE, "name", "kind"):
        value = getattr(plan, name, None)
        if value is not None and not (value.strip() and value.isprintable()):
            raise at.refuse("bad_text", name, f"{value!r} is no name that people can read.")
    if isinstance(plan, ClosureIn) or not isinstance(plan, Scope):
        return
    if plan.product is not None and (plan.department or plan.category):
        raise at.refuse(
            "bad_scope",
            "product",
            "A product has its department and category already; name one of them.",
        )


def _check_span(first: date, last: date | None, at: Refusal) -> None:
    _check_day(first, "from", at)
    if last is None:
        return
    _check_day(last, "to", at)
    if first > last:
        raise at.refuse("bad_span", "to", f"{last} is before {first}, its first day.")
    if (last - first).days >= SPAN_DAYS_MAX:
        raise at.refuse("bad_span", "to", f"{first} to {last} is longer than {SPAN_DAYS_MAX} days.")


def _check_day(day: date, field: str, at: Refusal) -> None:
    if not DAY_MIN <= day < DAY_MAX:
        raise at.refuse("bad_day", field, f"{day} is not from {DAY_MIN} to {DAY_MAX}.")


def _check_money(plan: PriceIn | PromotionIn, at: Refusal) -> None:
    if plan.price is not None and not price_micros(plan.price):
        raise at.refuse(
            "bad_price", "price", f"{plan.price} is not a price above 0 with up to 6 decimals."
        )
    if isinstance(plan, PriceIn):
        if plan.product is None and plan.department is None and plan.category is None:
            raise at.refuse(
                "bad_scope", "product", "A price is of a product, a category or a department."
            )
        return
    if plan.price is not None and plan.discount is not None:
        raise at.refuse("bad_discount", "discount", "Give the price or the discount, not both.")
    if plan.discount is not None and not 0 < plan.discount <= DISCOUNT_MAX:
        raise at.refuse("bad_discount", "discount", _about_discount(plan.discount))


def _about_discount(discount: float) -> str:
    meant = f" Did you mean {discount / 100:g}?" if 1 < discount <= 100 * DISCOUNT_MAX else ""
    return (
        f"{discount:g} is not a share above 0 and up to {DISCOUNT_MAX:g}; 0.3 is 30 % off.{meant}"
    )


def _check_number(plan: RegressorIn, at: Refusal) -> None:
    if not (math.isfinite(plan.value) and abs(plan.value) <= VALUE_MAX):
        raise at.refuse("bad_value", "value", f"{plan.value} is not a number up to {VALUE_MAX:g}.")
    if plan.name in RESERVED_NAMES:
        raise at.refuse(
            "bad_name",
            "name",
            f"{plan.name!r} has a kind of plan of its own: /v1/calendar/{plan.name}s.",
        )


def content_of(plan: Any) -> dict[str, Any]:
    """Give what makes two plans the same: all fields but the id and when it was decided."""
    fields: dict[str, Any] = msgspec.to_builtins(plan)
    return {name: value for name, value in fields.items() if name not in ("id", "known_since")}
