"""The kinds of events, a row each: whatever is decided by kind anywhere is decided by an attribute of its row here.

The table `event_kinds` of PostgreSQL holds the same rows for SQL to join; a test compares the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

# Type of the CloudEvents: the prefix, then the kind's name.
TYPE_PREFIX = "stocktide."

Sign = Literal[-1, 0, 1]
# What an event opens or closes under a reference; the sums of each are in `commitments`.
Purpose = Literal["on_order", "in_transit", "promised"]
# The column of `daily_demand` that counts the quantity.
Daily = Literal["sold", "returned", "received", "adjusted"]


@dataclass(frozen=True)
class Leg:
    """One ledger row of an event: leg 0 at its `location`, leg 1 at its `to_location`.

    sign: by which the quantity changes stock on hand there; 0: not at all. opens, closes: what the quantity opens or
    closes there, if the event names a reference.
    """

    sign: Sign = 0
    opens: Purpose | None = None
    closes: Purpose | None = None


@dataclass(frozen=True, kw_only=True)
class EventKind:
    """One kind of event.

    legs: its ledger rows; none: it writes no row of its own kind.
    amount: the data field with its number. A `quantity` moves or promises, `counted` sets stock on hand, `observed` is
    compared with stock and changes nothing, `price` is the selling price from then on.
    signed: the sender gives the sign; otherwise the quantity is above zero.
    reference: the data field that names what is opened or closed; an `order_id` has its own column in the ledger, the
    others stand in the column `reference`.
    counterparty: the data field that the ledger's column `counterparty` keeps.
    usual: it fills the ledger's usual columns alone, unless it names a lot, a reference or foreign attributes.
    shows_stock: from it on, the stock of its place is known.
    daily: the column of `daily_demand` that counts it; sold and returned are demand.
    scored: it counts for what is trending.
    reversible: a correction can reverse it. corrects: it is a correction itself.
    """

    name: str
    legs: tuple[Leg, ...] = (Leg(),)
    amount: Literal["quantity", "counted", "observed", "price"] | None = "quantity"
    signed: bool = False
    reference: Literal["order_id", "reservation_id", "transfer_id"] | None = None
    counterparty: Literal["supplier", "device"] | None = None
    usual: bool = False
    shows_stock: bool = False
    daily: Daily | None = None
    scored: bool = False
    reversible: bool = True
    corrects: bool = False

    @cached_property
    def type(self) -> str:
        """Return the type of its CloudEvents."""
        return TYPE_PREFIX + self.name

    @cached_property
    def sign(self) -> Sign:
        """Return the sign of leg 0."""
        return self.legs[0].sign if self.legs else 0

    @cached_property
    def second_sign(self) -> Sign | None:
        """Return the sign of leg 1, None if there is no such leg."""
        return self.legs[1].sign if len(self.legs) > 1 else None

    @cached_property
    def commit_leg(self) -> int | None:
        """Return the leg that carries what is opened or closed, None if nothing is."""
        return next((leg for leg, row in enumerate(self.legs) if row.opens or row.closes), None)

    @cached_property
    def opens(self) -> Purpose | None:
        """Return what it opens."""
        return None if self.commit_leg is None else self.legs[self.commit_leg].opens

    @cached_property
    def closes(self) -> Purpose | None:
        """Return what it closes."""
        return None if self.commit_leg is None else self.legs[self.commit_leg].closes

    @cached_property
    def has_quantity(self) -> bool:
        """Return True if its number is a quantity that moves or promises."""
        return self.amount == "quantity"

    @cached_property
    def is_count(self) -> bool:
        """Return True if it sets stock on hand to what was counted."""
        return self.amount == "counted"

    @cached_property
    def is_reading(self) -> bool:
        """Return True if it only observes: it never changes stock."""
        return self.amount == "observed"

    @cached_property
    def observes(self) -> bool:
        """Return True if the ledger keeps what was seen on the shelf."""
        return self.is_count or self.is_reading

    @cached_property
    def sets_price(self) -> bool:
        """Return True if it sets the selling price."""
        return self.amount == "price"

    def row(self) -> dict[str, str | int | bool | None]:
        """Return its row of the table `event_kinds`: what is about the ledger, not how it is parsed."""
        return {
            "kind": self.name,
            "sign": self.sign,
            "second_sign": self.second_sign,
            "opens": self.opens,
            "closes": self.closes,
            "commit_leg": self.commit_leg,
            "reference": self.reference,
            "observes": self.observes,
            "is_count": self.is_count,
            "sets_price": self.sets_price,
            "shows_stock": self.shows_stock,
            "daily": self.daily,
            "scored": self.scored,
            "reversible": self.reversible,
            "corrects": self.corrects,
        }


_OUT, _IN = Leg(-1), Leg(+1)

SALE = EventKind(
    name="sale",
    legs=(Leg(-1, closes="promised"),),
    reference="reservation_id",
    usual=True,
    daily="sold",
    scored=True,
)
RETURN = EventKind(name="return", legs=(_IN,), usual=True, daily="returned", scored=True)
RECEIPT = EventKind(
    name="receipt",
    legs=(Leg(+1, closes="on_order"),),
    reference="order_id",
    counterparty="supplier",
    shows_stock=True,
    daily="received",
)
TRANSFER = EventKind(name="transfer", legs=(_OUT, _IN), daily="adjusted")
DISPATCH = EventKind(
    name="dispatch",
    # what is dispatched is on its way only: the other place has it when it arrives
    legs=(_OUT, Leg(opens="in_transit")),
    reference="transfer_id",
    daily="adjusted",
)
ARRIVAL = EventKind(
    name="arrival",
    legs=(Leg(+1, closes="in_transit"),),
    reference="transfer_id",
    shows_stock=True,
    daily="adjusted",
)
ORDER = EventKind(
    name="order",
    legs=(Leg(opens="on_order"),),
    reference="order_id",
    counterparty="supplier",
)
RESERVATION = EventKind(
    name="reservation", legs=(Leg(opens="promised"),), reference="reservation_id"
)
RELEASE = EventKind(name="release", legs=(Leg(closes="promised"),), reference="reservation_id")
ADJUSTMENT = EventKind(name="adjustment", legs=(_IN,), signed=True, daily="adjusted")
STOCKTAKE = EventKind(name="stocktake", amount="counted", usual=True, shows_stock=True)
READING = EventKind(name="reading", amount="observed", counterparty="device")
PRICE = EventKind(name="price", amount="price", usual=True)
CORRECTION = EventKind(name="correction", legs=(), amount=None, reversible=False, corrects=True)

KINDS: Mapping[str, EventKind] = {
    kind.name: kind
    for kind in (
        SALE, RETURN, RECEIPT, TRANSFER, DISPATCH, ARRIVAL, ORDER, RESERVATION, RELEASE, ADJUSTMENT, STOCKTAKE, READING,
        PRICE, CORRECTION,
    )
}  # fmt: skip
