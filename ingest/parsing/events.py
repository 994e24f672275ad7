"""The records of valid events, in the ledger's units, and the fault of an input that is not one."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

import msgspec

from stocktide.domain.kinds import CORRECTION


class StockEvent(msgspec.Struct, frozen=True, gc=False):
    """One valid event in the ledger's units: quantities in thousandths, prices and costs in millionths.

    quantity_milli is signed: the change of stock at `location`. committed_milli: what the event opens (order,
    reservation, dispatch: above zero) or closes (receipt, sale, arrival, release: above zero too) under its
    reference. unit: what the sender counted in, None for the product's own. attributes: JSON of the CloudEvents
    attributes that we do not use ourselves. Text fields are at most 500 characters.
    """

    source: str
    event_id: str
    kind: str
    product: str
    location: str
    to_location: str | None
    quantity_milli: int
    observed_milli: int | None
    price_micros: int | None
    currency: str | None
    promotion: bool | None
    order_id: str | None
    order_line: int | None
    customer_id: str | None
    channel: str | None
    reason: str | None
    counterparty: str | None
    occurred_at: datetime
    committed_milli: int | None = None
    reference: str | None = None
    cost_micros: int | None = None
    lot: str | None = None
    expires_on: date | None = None
    expected_on: date | None = None
    attributes: str | None = None
    unit: str | None = None
    # set on the reversal that a Correction becomes: the entry that it reverses
    corrects: int | None = None
    # what was paid for the line, where it is not just quantity times price
    line_total_micros: int | None = None


class Correction(msgspec.Struct, frozen=True, gc=False):
    """An event that says: that other event never was. It becomes the other's reversal once that is found.

    only_at: the locations that its sender may correct; None: all.
    """

    kind: ClassVar[str] = CORRECTION.name

    source: str
    event_id: str
    corrects_source: str
    corrects_id: str
    reason: str
    occurred_at: datetime
    attributes: str | None = None
    only_at: tuple[str, ...] | None = None


Event = StockEvent | Correction


@dataclass(frozen=True)
class Fault:
    """Why an input is no event: a stable reason, the field, and a sentence for people."""

    reason: str
    message: str
    field: str | None = None
    source: str | None = None
    event_id: str | None = None


class NotAnEvent(Exception):
    """Carries a Fault out of the parsing functions; caught by the parser alone."""

    def __init__(self, reason: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.fault = Fault(reason, message, field)


def not_valid(message: str, within: str) -> NotAnEvent:
    """Translate msgspec's message: `Expected `str`, got `int` - at `$.id``."""
    what, _, path = message.partition(" - at `$")
    field = (within + path.rstrip("`")).lstrip(".") or None
    if "missing required field" in what:
        name = what.rsplit("`", 2)[-2]
        full = f"{within}.{name}" if within else name
        return NotAnEvent("missing_field", f"The field {full} is missing.", full)
    if "unknown field" in what:
        name = what.rsplit("`", 2)[-2]
        full = f"{within}.{name}" if within else name
        return NotAnEvent("unknown_field", f"The field {full} is unknown for this kind.", full)
    return NotAnEvent("wrong_type", f"{field or 'The event'}: {what}.", field)
