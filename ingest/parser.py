"""Bytes to events: decode, check against the limits, scale to the ledger's units; what is wrong is said, not raised."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from ingest.events import Fault, StockEvent
from ingest.kinds import KINDS, TYPE_PREFIX, Text
from stocktide.settings import Settings

MILLI = 1_000
MICRO = 1_000_000


class Envelope(msgspec.Struct, gc=False):
    """CloudEvents 1.0 attributes that we use; others, and extensions, are allowed and passed over."""

    specversion: str
    id: Text
    source: Text
    type: Text
    time: datetime
    data: msgspec.Raw


class NotAnEvent(Exception):
    """Carries a Fault out of the parsing functions; caught by `parse_event` alone."""

    def __init__(self, reason: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.fault = Fault(reason, message, field)


class EventParser:
    """Turns bytes into StockEvents under the limits of the settings. `now` is the clock, for tests to set."""

    def __init__(
        self, settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._now = now
        self._earliest = settings.occurred_at_min
        self._ahead = timedelta(seconds=settings.clock_ahead_s_max)
        self._quantity_max = Decimal(settings.quantity_max)
        self._price_max = Decimal(settings.price_max)
        self._envelope = msgspec.json.Decoder(Envelope)
        self._data = {name: msgspec.json.Decoder(kind) for name, kind in KINDS.items()}

    def parse(self, raw: bytes | msgspec.Raw) -> StockEvent | Fault:
        """Parse one structured CloudEvent; what is wrong with it comes back as a Fault, never as an exception."""
        envelope: Envelope | None = None
        try:
            envelope = self._decode(self._envelope, raw, "")
            return self._event(envelope)
        except NotAnEvent as error:
            source, event_id = (envelope.source, envelope.id) if envelope else (None, None)
            fault = error.fault
            return Fault(
                fault.reason,
                _storable(fault.message) or "",
                _storable(fault.field),
                _storable(source),
                _storable(event_id),
            )

    def _decode(
        self, decoder: "msgspec.json.Decoder[Any]", raw: bytes | msgspec.Raw, within: str
    ) -> Any:
        try:
            return decoder.decode(raw)
        except msgspec.ValidationError as error:
            raise _not_valid(str(error), within) from None
        except msgspec.DecodeError as error:
            raise NotAnEvent("malformed_json", f"Not JSON: {error}.", within or None) from None
        except UnicodeDecodeError as error:
            raise NotAnEvent(
                "bad_encoding", f"Not UTF-8 text (byte {error.start}).", within or None
            ) from None
        except RecursionError:
            raise NotAnEvent("too_deep", "The JSON is nested too deeply.", within or None) from None

    def _event(self, envelope: Envelope) -> StockEvent:
        if envelope.specversion != "1.0":
            raise NotAnEvent(
                "specversion", f"specversion is {envelope.specversion!r}, not '1.0'.", "specversion"
            )
        kind = envelope.type.removeprefix(TYPE_PREFIX)
        if kind not in KINDS or kind == envelope.type:
            raise NotAnEvent(
                "unknown_kind",
                f"Type {envelope.type!r} is unknown; there are {', '.join(TYPE_PREFIX + k for k in KINDS)}.",
                "type",
            )
        occurred_at = self._instant(envelope.time)
        data = self._decode(self._data[kind], envelope.data, "data")
        event = self._record(envelope, kind, data, occurred_at)
        if b"\\u" in bytes(envelope.data) or "\x00" in envelope.id + envelope.source:
            _refuse_unstorable(event)
        return event

    def _instant(self, time: datetime) -> datetime:
        if time.tzinfo is None:
            raise NotAnEvent(
                "time_zone",
                f"time {time.isoformat()} names no zone; end it with Z or +hh:mm.",
                "time",
            )
        try:
            instant = time.astimezone(UTC)
        except OverflowError:
            raise NotAnEvent(
                "time_range", f"time {time.isoformat()} is out of range.", "time"
            ) from None
        if instant < self._earliest:
            raise NotAnEvent(
                "time_past",
                f"time {instant:%Y-%m-%d} lies before {self._earliest:%Y-%m-%d}.",
                "time",
            )
        if instant > self._now() + self._ahead:
            raise NotAnEvent(
                "time_future",
                f"time {instant.isoformat()} lies in the future; check the clock.",
                "time",
            )
        return instant

    def _record(
        self, envelope: Envelope, kind: str, data: Any, occurred_at: datetime
    ) -> StockEvent:
        get: Callable[[str], Any] = lambda name: getattr(data, name, None)  # noqa: E731
        quantity = self._quantity(kind, data)
        observed = data.counted if kind == "stocktake" else get("observed")
        if observed is not None:
            name = "counted" if kind == "stocktake" else "observed"
            observed = self._scaled(observed, name, MILLI, self._quantity_max)
            if observed < 0:
                raise NotAnEvent("negative", f"{name} must not be negative.", f"data.{name}")
        price = get("price")
        if price is not None:
            price = self._scaled(price, "price", MICRO, self._price_max)
            if price < 0:
                raise NotAnEvent("negative", "price must not be negative.", "data.price")
        if kind == "transfer" and data.to_location == data.location:
            raise NotAnEvent(
                "same_location",
                "to_location is the location that the goods leave.",
                "data.to_location",
            )
        return StockEvent(
            source=envelope.source,
            event_id=envelope.id,
            kind=kind,
            product=data.product,
            location=data.location,
            to_location=get("to_location"),
            quantity_milli=quantity,
            observed_milli=observed,
            price_micros=price,
            currency=get("currency"),
            promotion=get("promotion"),
            order_id=get("order_id"),
            order_line=get("order_line"),
            customer_id=get("customer_id"),
            channel=get("channel"),
            reason=get("reason"),
            counterparty=get("supplier") or get("device"),
            occurred_at=occurred_at,
        )

    def _quantity(self, kind: str, data: Any) -> int:
        """Signed thousandths by which stock at the location changes."""
        if kind in ("stocktake", "reading", "price"):
            return 0
        quantity = self._scaled(data.quantity, "quantity", MILLI, self._quantity_max)
        if kind == "adjustment":
            if quantity == 0:
                raise NotAnEvent(
                    "zero", "An adjustment's quantity must not be zero.", "data.quantity"
                )
            return quantity
        if quantity <= 0:
            raise NotAnEvent(
                "not_positive", f"The quantity of a {kind} must be above zero.", "data.quantity"
            )
        return -quantity if kind in ("sale", "transfer") else quantity

    def _scaled(self, value: Decimal, name: str, scale: int, limit: Decimal) -> int:
        if not value.is_finite():
            raise NotAnEvent("not_finite", f"{name} is {value}, not a number.", f"data.{name}")
        if abs(value) > limit:
            raise NotAnEvent(
                "too_large", f"{name} {value:.4g} is larger than {limit}.", f"data.{name}"
            )
        try:
            scaled = value * scale
            whole = int(scaled)
        except (InvalidOperation, OverflowError):
            raise NotAnEvent("not_finite", f"{name} is out of range.", f"data.{name}") from None
        if whole != scaled:
            places = len(str(scale)) - 1
            raise NotAnEvent(
                "too_precise", f"{name} has more than {places} decimals.", f"data.{name}"
            )
        return whole


def _not_valid(message: str, within: str) -> NotAnEvent:
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


def _storable(text: str | None) -> str | None:
    """What the database can keep of a text, for showing."""
    return (
        None if text is None else text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
    )


def _refuse_unstorable(event: StockEvent) -> None:
    """Postgres keeps no NUL character and no half surrogate pair."""
    for name, value in zip(event.__struct_fields__, msgspec.structs.astuple(event), strict=True):
        if isinstance(value, str) and _storable(value) != value:
            raise NotAnEvent(
                "bad_text", f"{name} holds a character that is no text (NUL or half a pair).", name
            )
