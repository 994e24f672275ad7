"""The record of one valid event, in the ledger's units, and the fault of an input that is none."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime

import msgspec


class StockEvent(msgspec.Struct, frozen=True, gc=False):
    """One valid event in the ledger's units: quantities in thousandths, prices in millionths.

    quantity_milli is signed: the change of stock at `location`. Its text fields are at most 500 characters.
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

    def payload_hash(self) -> uuid.UUID:
        """128 bits over everything but the identity: equal events hash equal however they were written down."""
        payload = msgspec.json.encode(msgspec.structs.astuple(self)[2:])
        return uuid.UUID(bytes=hashlib.blake2b(payload, digest_size=16).digest())


@dataclass(frozen=True)
class Fault:
    """Why an input is no event: a stable reason, the field, and a sentence for people."""

    reason: str
    message: str
    field: str | None = None
    source: str | None = None
    event_id: str | None = None
