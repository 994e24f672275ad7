"""What is asked: which lines, and what is assumed of them in each scenario."""

import math
from datetime import date
from typing import Annotated

import msgspec

from stocktide.domain.exact_numbers import as_typed, in_full
from stocktide.foundation.errors import Invalid

Label = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
SCENARIOS_MAX = 3
PERCENT_MAX = 900.0
# What scenarios are compared with.
AS_IS_NAME = "As it is"


class Scope(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which lines; what is left out does not limit them. supplier: the one that they are ordered from now."""

    product: Label | None = None
    category: Label | None = None
    department: Label | None = None
    location: Label | None = None
    region: Label | None = None
    supplier: Label | None = None

    @property
    def limits(self) -> dict[str, str]:
        """Return the fields that limit it."""
        return {name: told for name, told in msgspec.structs.asdict(self).items() if told}


class Scenario(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is assumed; what is left out is as it is.

    fill_rate: target, a share. lead_days: from order to delivery, for sure. supplier: buys from this one.
    demand_percent, price_percent: more or less over the whole horizon. discount: a promotion with so much off, a share,
    from promotion_from to promotion_to (the whole horizon without them).
    """

    name: Label
    fill_rate: float | None = None
    lead_days: Annotated[int, msgspec.Meta(ge=0, le=365)] | None = None
    supplier: Label | None = None
    demand_percent: float | None = None
    price_percent: float | None = None
    discount: float | None = None
    promotion_from: date | None = None
    promotion_to: date | None = None

    @property
    def changes_demand_by_plan(self) -> bool:
        """Return True if demand follows from an assumed price or promotion."""
        return self.price_percent is not None or self.discount is not None


def check_asked(scope: Scope, scenarios: list[Scenario]) -> None:
    """Raise Invalid for a scope without limits, too many scenarios, and values that make no sense."""
    if not scope.limits:
        raise Invalid("bad_scope", "Say of which product, category, supplier or shop.")
    if not 1 <= len(scenarios) <= SCENARIOS_MAX:
        raise Invalid("bad_scenarios", f"Give 1 to {SCENARIOS_MAX} scenarios.")
    names = [" ".join(one.name.casefold().split()) for one in scenarios]
    if len(set(names)) < len(names):
        raise Invalid("bad_scenarios", "Two scenarios have one name.")
    if AS_IS_NAME.casefold() in names:
        raise Invalid(
            "bad_scenarios", f"{AS_IS_NAME!r} is what stands beside them: name it otherwise."
        )
    for one in scenarios:
        _check(one)


def _check(one: Scenario) -> None:
    told = msgspec.structs.asdict(one)
    if all(value is None for name, value in told.items() if name != "name"):
        raise Invalid("bad_scenario", f"{one.name!r} assumes nothing; it would be as it is.")
    for name in ("fill_rate", "discount"):
        share = told[name]
        if share is not None and not 0 < share < 1:
            raise Invalid(
                "bad_share",
                f"{one.name!r}: {name} {as_typed(share)} is not a share above 0 and below 1.",
            )
    for name in ("demand_percent", "price_percent"):
        percent = told[name]
        least = -100 if name == "demand_percent" else -99
        if percent is not None and not (math.isfinite(percent) and least <= percent <= PERCENT_MAX):
            raise Invalid(
                "bad_percent",
                f"{one.name!r}: {name} {as_typed(percent)} is not from {least} to {in_full(PERCENT_MAX)}.",
            )
