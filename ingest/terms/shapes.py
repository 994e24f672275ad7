"""The ten kinds of terms: the fields that a sender fills in.

Quantities are in units of the product, days are calendar days. What is left out is not known; the default that takes
its place is named where it is used.
"""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from ingest.parsing.kinds import Currency
from stocktide.domain.exact_numbers import Number

Label = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Days = Annotated[int, msgspec.Meta(ge=0, le=730)]
# Days of the week, the first three letters of each: mon,thu
Weekdays = Annotated[str, msgspec.Meta(min_length=3, max_length=27)]
Clock = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Term(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What all terms have. known_since: when it was decided, for terms that are recorded later; never after now."""

    known_since: datetime | None = None


class Scope(Term, kw_only=True):
    """What a term holds for; what is left out does not limit it.

    The narrowest that fits counts: a product before its category, a location before its region.
    """

    product: Label | None = None
    category: Label | None = None
    department: Label | None = None
    location: Label | None = None
    region: Label | None = None
    country: Label | None = None


class SupplierIn(Term, kw_only=True):
    """Who sells to the chain.

    order_days: on which orders are taken, until `cutoff` on the clock of `timezone`; delivery_days: on which it
    delivers; any day where left out. lead_days: promised from order to delivery. An order is at least minimum_value
    and minimum_units, and costs order_cost however much is in it; truck_units fill a truck, and then each truck costs
    it. buyer: who orders there, whose budget pays. location: where it is one of our own, such as a warehouse: its lines
    are transfers, and cost no money.
    """

    supplier: Label
    name: Label | None = None
    location: Label | None = None
    email: Label | None = None
    currency: Currency | None = None
    timezone: Label | None = None
    order_days: Weekdays | None = None
    cutoff: Clock | None = None
    delivery_days: Weekdays | None = None
    lead_days: Days | None = None
    minimum_value: Number | None = None
    minimum_units: Number | None = None
    buyer: Label | None = None
    truck_units: Number | None = None
    order_cost: Number | None = None
    active: bool = True


class SupplierProductIn(Term, kw_only=True):
    """What a supplier sells: a unit at `price`, in packs of `pack` units, at least `minimum`, in steps of `multiple`.

    rank: 1 is who is asked first. sku: the supplier's own code.
    """

    supplier: Label
    product: Label
    price: Number | None = None
    currency: Currency | None = None
    pack: Number | None = None
    minimum: Number | None = None
    multiple: Number | None = None
    lead_days: Days | None = None
    rank: Annotated[int, msgspec.Meta(ge=1, le=99)] = 1
    sku: Label | None = None


class PriceBreakIn(Term, kw_only=True):
    """The price of every unit of an order of at least so many of a product."""

    supplier: Label
    product: Label
    from_quantity: Number
    price: Number


class SupplierDayIn(Term, kw_only=True):
    """Days on which a supplier neither takes orders nor delivers, or does after all."""

    supplier: Label
    from_: date = msgspec.field(name="from")
    to: date
    state: Literal["closed", "open"] = "closed"


class ServiceTargetIn(Scope, kw_only=True):
    """What is aimed at: no stock-out in a cycle (cycle_service), demand met from stock (fill_rate), or least_cost.

    total_fill_rate: of all lines of a location that have this target, together, at selling prices.
    """

    abc: Literal["A", "B", "C"] | None = None
    measure: Literal["cycle_service", "fill_rate", "total_fill_rate", "least_cost"]
    target: float | None = None


class StockCostIn(Scope, kw_only=True):
    """What stock and the lack of it cost.

    holding_rate: of a unit's cost, a year. shortage: money for a unit that could not be sold; its margin where left
    out.
    """

    holding_rate: float | None = None
    shortage: Number | None = None
    currency: Currency | None = None


class ShelfLimitIn(Scope, kw_only=True):
    """What a shelf holds: at most `capacity`, at least `presentation`; goods keep shelf_life_days.

    last_order_on: the last day on which it is ordered.
    """

    shelf_life_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] | None = None
    capacity: Number | None = None
    presentation: Number | None = None
    last_order_on: date | None = None


class BuyerBudgetIn(Term, kw_only=True):
    """What a buyer may order for in a period, both days included."""

    buyer: Label
    from_: date = msgspec.field(name="from")
    to: date
    amount: Number
    currency: Currency


class ReceivingLimitIn(Term, kw_only=True):
    """How many units of all goods together a location can put away on a day."""

    location: Label
    units_a_day: Number


class ApprovalRuleIn(Scope, kw_only=True):
    """Which lines of the order desk need no person: the narrowest that fits counts, whole.

    approve: False keeps people to it. amount: what a line may cost, in the chain's currency. factor: how many times
    what is usually ordered it may be. change: share by which its forecast may differ from the one before.
    """

    supplier: Label | None = None
    abc: Literal["A", "B", "C"] | None = None
    approve: bool = True
    amount: Number | None = None
    factor: float | None = None
    change: float | None = None
