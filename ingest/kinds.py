"""The event kinds: their data as typed structs, and their JSON Schemas."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

import msgspec

TYPE_PREFIX = "stocktide."
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
Line = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class Sale(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An order line sold: stock falls by `quantity` units at `price` each."""

    product: Code
    location: Code
    quantity: Decimal
    price: Decimal | None = None
    currency: Currency | None = None
    order_id: Text | None = None
    order_line: Line | None = None
    customer_id: Text | None = None
    channel: Text | None = None


class Return(Sale):
    """An order line taken back: stock rises by `quantity` units, `price` each is paid back."""


class Receipt(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A delivery: stock rises by `quantity` units."""

    product: Code
    location: Code
    quantity: Decimal
    supplier: Text | None = None
    order_id: Text | None = None


class Transfer(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Goods moved: `quantity` units leave `location` and arrive at `to_location`."""

    product: Code
    location: Code
    to_location: Code
    quantity: Decimal


class Adjustment(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A correction by hand: stock changes by the signed `quantity`, with a reason."""

    product: Code
    location: Code
    quantity: Decimal
    reason: Text


class Stocktake(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An authoritative count: at the event's time, stock was `counted` units."""

    product: Code
    location: Code
    counted: Decimal


class Reading(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A sensor's count: an observation that never changes the ledger's stock."""

    product: Code
    location: Code
    observed: Decimal
    device: Text | None = None


class Price(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The selling price of a product at a location, valid from the event's time."""

    product: Code
    location: Code
    price: Decimal
    currency: Currency | None = None
    promotion: bool = False


KINDS: Mapping[str, type[msgspec.Struct]] = {
    "sale": Sale,
    "return": Return,
    "receipt": Receipt,
    "transfer": Transfer,
    "adjustment": Adjustment,
    "stocktake": Stocktake,
    "reading": Reading,
    "price": Price,
}


def json_schema(kind: str) -> dict[str, Any]:
    """JSON Schema of one kind's CloudEvent; quantities may be numbers or decimal strings."""
    data = msgspec.json.schema(KINDS[kind])
    definition = data["$defs"][KINDS[kind].__name__]
    for name in ("quantity", "counted", "observed", "price"):
        if name in definition["properties"]:
            definition["properties"][name] = {
                "type": ["number", "string", *(["null"] if name == "price" else [])]
            }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{TYPE_PREFIX}{kind}",
        "description": KINDS[kind].__doc__,
        "type": "object",
        "required": ["specversion", "id", "source", "type", "time", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "minLength": 1, "maxLength": 500},
            "source": {"type": "string", "minLength": 1, "maxLength": 500},
            "type": {"const": f"{TYPE_PREFIX}{kind}"},
            "time": {"type": "string", "format": "date-time"},
            "data": definition,
        },
    }
