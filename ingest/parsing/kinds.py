"""The data of each event kind as a typed struct, and its JSON Schema."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

import msgspec

from stocktide.domain.exact_numbers import Number
from stocktide.domain.kinds import (
    ADJUSTMENT,
    ARRIVAL,
    CORRECTION,
    DISPATCH,
    KINDS,
    ORDER,
    PRICE,
    READING,
    RECEIPT,
    RELEASE,
    RESERVATION,
    RETURN,
    SALE,
    STOCKTAKE,
    TRANSFER,
    EventKind,
)

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
# The same without the pattern: asked of every event, it would cost half of its decoding. The parser looks instead.
EventCurrency = Annotated[
    str, msgspec.Meta(min_length=3, max_length=3, extra_json_schema={"pattern": "^[A-Z]{3}$"})
]
Line = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class Sale(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An order line sold: stock falls by `quantity` units at `price` each, for `line_total` where it is not just that.

    With `reservation_id` it takes what was reserved under it.
    """

    product: Code
    location: Code
    quantity: Number
    price: Number | None = None
    currency: EventCurrency | None = None
    order_id: Text | None = None
    order_line: Line | None = None
    customer_id: Text | None = None
    channel: Text | None = None
    unit: Code | None = None
    lot: Code | None = None
    reservation_id: Text | None = None
    line_total: Number | None = None


class Return(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An order line taken back: stock rises by `quantity` units, `price` each or `line_total` is paid back."""

    product: Code
    location: Code
    quantity: Number
    price: Number | None = None
    currency: EventCurrency | None = None
    order_id: Text | None = None
    order_line: Line | None = None
    customer_id: Text | None = None
    channel: Text | None = None
    unit: Code | None = None
    lot: Code | None = None
    line_total: Number | None = None


class Receipt(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A delivery: stock rises by `quantity` units that cost `cost` each.

    With `order_id` it closes what was ordered under it.
    """

    product: Code
    location: Code
    quantity: Number
    supplier: Text | None = None
    order_id: Text | None = None
    order_line: Line | None = None
    cost: Number | None = None
    currency: EventCurrency | None = None
    unit: Code | None = None
    lot: Code | None = None
    expires_on: date | None = None


class Transfer(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Goods moved at once: `quantity` units leave `location` and arrive at `to_location`."""

    product: Code
    location: Code
    to_location: Code
    quantity: Number
    unit: Code | None = None
    lot: Code | None = None


class Dispatch(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Goods sent: `quantity` units leave `location` and are in transit to `to_location` until they arrive."""

    product: Code
    location: Code
    to_location: Code
    quantity: Number
    transfer_id: Text
    unit: Code | None = None
    lot: Code | None = None
    expires_on: date | None = None
    expected_on: date | None = None


class Arrival(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Goods of a dispatch come in: stock at `location` rises, what is in transit under `transfer_id` falls."""

    product: Code
    location: Code
    quantity: Number
    transfer_id: Text
    unit: Code | None = None
    lot: Code | None = None
    expires_on: date | None = None


class Order(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Goods ordered at `cost` a unit: on order until receipts with the same `order_id` have brought them."""

    product: Code
    location: Code
    quantity: Number
    order_id: Text
    order_line: Line | None = None
    supplier: Text | None = None
    cost: Number | None = None
    currency: EventCurrency | None = None
    unit: Code | None = None
    expected_on: date | None = None


class Reservation(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Stock promised to somebody: it stays on hand, but is no longer available."""

    product: Code
    location: Code
    quantity: Number
    reservation_id: Text
    customer_id: Text | None = None
    unit: Code | None = None


class Release(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A promise, or a part of it, taken back."""

    product: Code
    location: Code
    quantity: Number
    reservation_id: Text
    reason: Text | None = None
    unit: Code | None = None


class Adjustment(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A correction by hand: stock changes by the signed `quantity`, with a reason."""

    product: Code
    location: Code
    quantity: Number
    reason: Text
    unit: Code | None = None
    lot: Code | None = None


class Stocktake(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An authoritative count: at the event's time, stock was `counted` units."""

    product: Code
    location: Code
    counted: Number
    unit: Code | None = None


class Reading(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A sensor's count: an observation that never changes the ledger's stock."""

    product: Code
    location: Code
    observed: Number
    device: Text | None = None
    unit: Code | None = None


class Price(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The selling price of a product at a location, valid from the event's time."""

    product: Code
    location: Code
    price: Number
    currency: EventCurrency | None = None
    promotion: bool = False


class CorrectionData(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """That other event never was: all that it did is taken back, as of its own time.

    `corrects_source` is the other's source, this event's own where it is left out. A correction is not corrected:
    send the event again under another id instead.
    """

    corrects_id: Text
    reason: Text
    corrects_source: Text | None = None


_DATA: Mapping[EventKind, type[msgspec.Struct]] = {
    SALE: Sale,
    RETURN: Return,
    RECEIPT: Receipt,
    TRANSFER: Transfer,
    DISPATCH: Dispatch,
    ARRIVAL: Arrival,
    ORDER: Order,
    RESERVATION: Reservation,
    RELEASE: Release,
    ADJUSTMENT: Adjustment,
    STOCKTAKE: Stocktake,
    READING: Reading,
    PRICE: Price,
    CORRECTION: CorrectionData,
}
# By the kinds' names, in the order of KINDS; a kind without its struct fails here.
DATA_TYPES: Mapping[str, type[msgspec.Struct]] = {name: _DATA[kind] for name, kind in KINDS.items()}
NUMBERS = ("quantity", "counted", "observed", "price", "line_total", "cost")


def json_schema(kind: str) -> dict[str, Any]:
    """JSON Schema of one kind's CloudEvent; quantities may be numbers or decimal strings."""
    data = msgspec.json.schema(DATA_TYPES[kind])
    definition = data["$defs"][DATA_TYPES[kind].__name__]
    for name in NUMBERS:
        if name in definition["properties"]:
            needed = name in definition["required"]
            definition["properties"][name] = {
                "type": ["number", "string", *([] if needed else ["null"])]
            }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": KINDS[kind].type,
        "description": DATA_TYPES[kind].__doc__,
        "type": "object",
        "required": ["specversion", "id", "source", "type", "time", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "minLength": 1, "maxLength": 500},
            "source": {"type": "string", "minLength": 1, "maxLength": 500},
            "type": {"const": KINDS[kind].type},
            "time": {"type": "string", "format": "date-time"},
            "data": definition,
        },
    }
