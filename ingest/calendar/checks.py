"""What a plan must hold beyond the types of its fields. Every fault names the field and the value."""

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ingest.calendar.shapes import SCOPE, EventIn, PriceIn, PromotionIn, RegressorIn
from ingest.versions.checks import day_faults, known_since_faults, span_faults, text_faults
from ingest.versions.kinds import Fault, is_decimal
from stocktide.domain.exact_numbers import in_full, shown

# A plan is days or weeks long; five years hold the longest rent of a price.
SPAN_DAYS_MAX = 1_830
# Nobody gives more away; a larger share is a price or a percentage in the wrong field.
DISCOUNT_MAX = 0.95
# What the forecast itself derives from plans.
RESERVED_NAMES = ("price", "promotion")
VALUE_MAX = 1e12


def faults_of(plan: Any, now: datetime) -> Iterator[Fault]:
    """Yield what keeps a plan from being recorded. Later checks rely on earlier ones: stop at the first fault."""
    yield from text_faults(plan, (*SCOPE, "name", "kind"))
    yield from known_since_faults(plan, now)
    if isinstance(plan, EventIn):
        yield from day_faults(plan.day, "day")
    else:
        yield from span_faults(plan.from_, plan.to, days_max=SPAN_DAYS_MAX)
    if isinstance(plan, PriceIn | PromotionIn):
        yield from _money(plan)
    if isinstance(plan, RegressorIn):
        yield from _number(plan)


def _money(plan: PriceIn | PromotionIn) -> Iterator[Fault]:
    if plan.price is not None and not is_decimal(plan.price, "price_micros", positive=True):
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
        yield "bad_value", "value", f"{plan.value} is not a number up to {in_full(VALUE_MAX)}."
    if plan.name in RESERVED_NAMES:
        why = f"{plan.name!r} has a kind of plan of its own: /v1/calendar/{plan.name}s."
        yield "bad_name", "name", why
