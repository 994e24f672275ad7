"""What terms must hold beyond the types of their fields. Every fault names the field and the value."""

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

import msgspec

from ingest.terms.shapes import (
    ApprovalRuleIn,
    BuyerBudgetIn,
    ServiceTargetIn,
    ShelfLimitIn,
    StockCostIn,
    SupplierDayIn,
    SupplierIn,
)
from ingest.versions.checks import day_faults, known_since_faults, span_faults, text_faults
from ingest.versions.kinds import Fault, is_decimal
from stocktide.domain.exact_numbers import Number, as_typed, decimal_of, in_full, shown
from stocktide.domain.suppliers import UNASSIGNED

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SPAN_DAYS_MAX = 1_830
# Nobody pays ten times what goods cost for a year of holding them: a percentage in a field for a share.
HOLDING_RATE_MAX = 10.0
# Of a rule: beyond these it would let everything through, and a percentage stands in a field for a share.
FACTOR_MAX, CHANGE_MAX = 1_000.0, 10.0
# Fields with a number that may be zero, and those whose zero would say nothing.
MAY_BE_ZERO = (
    "price",
    "minimum_value",
    "minimum_units",
    "minimum",
    "order_cost",
    "shortage",
    "presentation",
)
ABOVE_ZERO = ("pack", "multiple", "from_quantity", "truck_units", "capacity", "amount", "units_a_day")  # fmt: skip
MONEY = ("price", "minimum_value", "order_cost", "shortage", "amount")


def faults_of(term: Any, now: datetime) -> Iterator[Fault]:
    """Yield what keeps a term from being recorded. Later checks rely on earlier ones: stop at the first fault."""
    texts = [
        field.name
        for field in msgspec.structs.fields(term)
        if type(getattr(term, field.name)) is str
    ]
    yield from text_faults(
        term, [name for name in texts if name not in (*MAY_BE_ZERO, *ABOVE_ZERO)]
    )
    yield from known_since_faults(term, now)
    for name in (*MAY_BE_ZERO, *ABOVE_ZERO):
        yield from _number(name, getattr(term, name, None))
    if isinstance(term, SupplierIn):
        yield from _supplier(term)
    if isinstance(term, SupplierDayIn | BuyerBudgetIn):
        yield from span_faults(term.from_, term.to, days_max=SPAN_DAYS_MAX)
    if isinstance(term, ServiceTargetIn):
        yield from _target(term)
    if isinstance(term, StockCostIn):
        yield from _costs(term)
    if isinstance(term, ShelfLimitIn):
        yield from _limits(term)
    if isinstance(term, ApprovalRuleIn):
        yield from _rule(term)


def _number(name: str, value: Number | None) -> Iterator[Fault]:
    column = f"{name}_micros" if name in MONEY else f"{name}_milli"
    positive = name in ABOVE_ZERO
    if value is not None and not is_decimal(value, column, positive=positive):
        what, places = ("an amount", 6) if name in MONEY else ("a quantity", 3)
        floor = "above 0" if positive else "from 0"
        yield (
            "bad_number",
            name,
            f"{shown(str(value))} is not {what} {floor} with up to {places} decimals.",
        )


def _supplier(term: SupplierIn) -> Iterator[Fault]:
    name = term.supplier
    if name != name.strip():
        yield "bad_text", "supplier", f"{name!r} begins or ends with a space."
    if name == UNASSIGNED:
        yield "bad_text", "supplier", f"{name!r} stands for products that nobody is known to sell."
    if term.timezone is not None and term.timezone not in available_timezones():
        yield (
            "bad_timezone",
            "timezone",
            f"{term.timezone!r} is no time zone such as Europe/Berlin.",
        )
    for name in ("order_days", "delivery_days"):
        days = (getattr(term, name) or WEEKDAYS[0]).split(",")
        if unknown := [day for day in days if day not in WEEKDAYS]:
            yield (
                "bad_weekday",
                name,
                f"{unknown[0]!r} is no day of the week; write {','.join(WEEKDAYS)} or some of them.",
            )
    if term.email is not None and not 0 < term.email.find("@") < len(term.email) - 1:
        yield "bad_email", "email", f"{term.email!r} is no address such as orders@example.com."


def _target(term: ServiceTargetIn) -> Iterator[Fault]:
    target = term.target
    if term.measure == "least_cost":
        if target is not None:
            yield "bad_target", "target", "Least cost follows from costs; leave the target out."
    elif target is None:
        yield "bad_target", "target", "It is missing; give a share such as 0.97."
    elif not 0 < target < 1:
        meant = f" Did you mean {target / 100:g}?" if 2 <= target < 100 else ""
        yield (
            "bad_target",
            "target",
            f"{as_typed(target)} is not a share above 0 and below 1.{meant}",
        )
    yield from _class(term)


def _class(term: ServiceTargetIn | ApprovalRuleIn) -> Iterator[Fault]:
    if term.abc is not None and term.product is not None:
        yield "bad_scope", "abc", "A product has its class already; name one of them."


def _costs(term: StockCostIn) -> Iterator[Fault]:
    rate = term.holding_rate
    if rate is None and term.shortage is None:
        yield "bad_cost", "holding_rate", "Give holding_rate, shortage or both."
    if rate is not None and not (math.isfinite(rate) and 0 <= rate <= HOLDING_RATE_MAX):
        yield (
            "bad_cost",
            "holding_rate",
            f"{as_typed(rate)} is not a share of a unit's cost a year from 0 to {HOLDING_RATE_MAX:g}; 0.25 is 25 %.",
        )


def _limits(term: ShelfLimitIn) -> Iterator[Fault]:
    own = ("shelf_life_days", "capacity", "presentation", "last_order_on")
    if all(getattr(term, name) is None for name in own):
        yield "bad_limit", "capacity", f"Give at least one of {', '.join(own)}."
    if term.capacity is not None and term.presentation is not None:
        most, least = decimal_of(term.capacity), decimal_of(term.presentation)
        if least > most:
            yield "bad_limit", "presentation", f"{least:f} is more than the capacity of {most:f}."
    if term.last_order_on is not None:
        yield from day_faults(term.last_order_on, "last_order_on")


def _rule(term: ApprovalRuleIn) -> Iterator[Fault]:
    if term.approve and term.amount is None:
        yield "bad_rule", "amount", "Say up to which amount, or write approve: false."
    for name, most, meant in (("factor", FACTOR_MAX, "1.5"), ("change", CHANGE_MAX, "0.3 is 30 %")):
        value = getattr(term, name)
        if value is not None and not (math.isfinite(value) and 0 < value <= most):
            yield (
                "bad_rule",
                name,
                f"{as_typed(value)} is not above 0 and at most {in_full(most)}; such as {meant}.",
            )
    yield from _class(term)
