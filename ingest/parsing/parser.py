"""Bytes to events: decode, check against the limits, scale to the ledger's units; what is wrong is said, not raised."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Union

import msgspec

from ingest.parsing.attributes import Envelope, data_of, other_attributes
from ingest.parsing.events import Correction, Event, Fault, NotAnEvent, StockEvent, not_valid
from ingest.parsing.kinds import DATA_TYPES, CorrectionData, Sale, Text
from ingest.parsing.numbers import MICRO, MILLI, scaled
from ingest.parsing.sales import Parsed, PlainSales, SalesReader
from stocktide.domain.kinds import KINDS, RETURN, SALE, TYPE_PREFIX, EventKind
from stocktide.domain.own_sources import ORDERS, is_reserved
from stocktide.foundation.settings import Settings
from stocktide.foundation.stored_text import is_storable_json, storable
from stocktide.foundation.telemetry import log

__all__ = ["MICRO", "MILLI", "EventParser"]


def _envelope_of(kind: EventKind, data: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """Make the whole event of a kind one type, so that a good event is one call of the decoder."""
    return msgspec.defstruct(
        f"{data.__name__}Event",
        [
            ("specversion", Literal["1.0"]),
            ("id", Text),
            ("source", Text),
            ("time", Annotated[datetime, msgspec.Meta(tz=True)]),
            ("data", data),
            ("datacontenttype", Literal["application/json"] | None, None),
        ],
        tag_field="type",
        tag=kind.type,
        forbid_unknown_fields=True,
        gc=False,
    )


CURRENCY = re.compile("[A-Z]{3}")
TEXT_MAX = 500
RESERVED_SOURCE = "reserved_source"
# RFC 3339 knows it; it counts as the second before, for no clock of ours has it.
LEAP_SECOND = re.compile(rb'("time"\s*:\s*"[^"\\]*:)60((?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)")')
# Whatever msgspec says of what it cannot take as it stands.
NOT_PLAIN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_EVENTS = {name: _envelope_of(kind, DATA_TYPES[name]) for name, kind in KINDS.items()}
# Looked up once: the most frequent event by far asks for them.
_SALE, _SALE_SIGN = SALE.name, SALE.sign


class EventParser:
    """Turns bytes into events under the limits of the settings. `now` is the clock, for tests to set."""

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        columns_min: int = 1,
        own: str | None = None,
    ) -> None:
        """columns_min: so many events at least become columns. own: a reserved source whose events these are."""
        self._now = now
        self._columns_min = columns_min
        self._own = own
        self._earliest = settings.occurred_at_min
        self._ahead = timedelta(seconds=settings.clock_ahead_s_max)
        self._quantity_max = settings.quantity_max
        self._price_max = settings.price_max
        # of thousandths times millionths
        self._amount_max = settings.amount_max * MILLI * MICRO
        whole: Any = Union[tuple(_EVENTS.values())]  # noqa: UP007 - made of what KINDS says
        self._whole = msgspec.json.Decoder(whole)
        self._array = msgspec.json.Decoder(list[whole])
        self._envelope = msgspec.json.Decoder(Envelope)
        self._data = {name: msgspec.json.Decoder(data) for name, data in DATA_TYPES.items()}
        # codes that were looked at; there are no more than 26^3
        self._currencies: set[str] = set()
        self._kind_of = {event: KINDS[name] for name, event in _EVENTS.items()}
        sale, return_ = _EVENTS[SALE.name], _EVENTS[RETURN.name]
        self._sales = SalesReader(settings, sale, return_, self._currencies)

    def parse_all(self, raws: Sequence[bytes]) -> list[Event | Fault]:
        """Parse many, each into an event; the clock is read once."""
        latest = self._now() + self._ahead
        # looked for once in all of them: asked of each, it would cost as much as its decoding
        suspect = _holds_escapes(b"".join(raws))
        return [self._finished(self._decoded(raw, latest), latest, suspect) for raw in raws]

    def parse(self, raw: bytes) -> Event | Fault:
        """Parse one structured CloudEvent; what is wrong with it comes back as a Fault, never as an exception."""
        return self.parse_all([raw])[0]

    def parse_array(self, body: bytes) -> Parsed | None:
        """Parse a JSON array of events in one go; None where one of them is not plain: parse each, then."""
        return self._parse_many(self._array.decode, body)

    def parse_lines(self, lines: Sequence[bytes]) -> Parsed:
        """Parse lines, each without its end; in one go where all of them are plain."""
        parsed = self._parse_many(self._whole.decode_lines, b"\n".join(lines))
        return self.parse_each(lines) if parsed is None or len(parsed) != len(lines) else parsed

    def parse_each(self, raws: Sequence[bytes]) -> Parsed:
        """Parse events one by one, and return the plain ones as columns all the same."""
        latest = self._now() + self._ahead
        suspect = _holds_escapes(b"".join(raws))
        return self._partition([self._decoded(raw, latest) for raw in raws], latest, suspect)

    def _parse_many(self, decode: Callable[[bytes], list[Any]], body: bytes) -> Parsed | None:
        try:
            wholes = decode(body)
        except NOT_PLAIN:
            return None
        return self._partition(wholes, self._now() + self._ahead, _holds_escapes(body))

    def _partition(self, items: Sequence[Any], latest: datetime, suspect: bool) -> Parsed:
        """Part decoded events, and what is an event or a fault already, into columns and the rest."""
        if len(items) < self._columns_min:
            return Parsed.of([self._finished(item, latest, suspect) for item in items])
        sales = self._read_some(items, range(len(items)), latest, suspect)
        if sales is not None:
            return Parsed((), [sales])
        index = [number for number, item in enumerate(items) if self._sales.may_be_plain(item)]
        sales = self._read_some(items, index, latest, suspect)
        if sales is None:
            # one of them is not plain after all, or wrong: look at each
            finished = [self._finished(item, latest, suspect) for item in items]
            index = [
                number
                for number in index
                if self._sales.is_plain(items[number]) and type(finished[number]) is StockEvent
            ]
            sales = self._read_some(items, index, latest, suspect)
        else:
            plain = set(index)
            finished = [
                item if number in plain else self._finished(item, latest, suspect)
                for number, item in enumerate(items)
            ]
        if sales is None:
            return Parsed.of(finished)
        plain = set(index)
        others = [(number, item) for number, item in enumerate(finished) if number not in plain]
        return Parsed(others, [sales])

    def _read_some(
        self, items: Sequence[Any], index: Sequence[int], latest: datetime, suspect: bool
    ) -> PlainSales | None:
        """Return columns of some; None where one of them is not plain, wrong, or stops our own code."""
        try:
            return self._sales.read([items[n] for n in index], index, latest, suspect=suspect)
        except Exception as error:  # noqa: BLE001 - it is logged; each is looked at alone then
            log("unreadable_events", error=repr(error)[:2000])
            return None

    def _finished(self, item: Any, latest: datetime, suspect: bool) -> Event | Fault:
        if isinstance(item, StockEvent | Correction | Fault):
            return item
        return self._checked(item, latest, suspect)

    def _decoded(self, raw: bytes, latest: datetime) -> Any:
        """Return a decoded event, or what the slow way makes of it."""
        try:
            return self._whole.decode(raw)
        except NOT_PLAIN:
            # other attributes are kept there, and faults are named
            return self._parse_slowly(raw, latest)

    def _checked(self, whole: Any, latest: datetime, suspect: bool) -> Event | Fault:
        data = whole.data
        try:
            self._refuse_reserved(whole.source)
            event = self._event(whole, self._kind_of[type(whole)], data, latest, None)
            if suspect:
                _refuse_unstorable(event)
        except NotAnEvent as error:
            return _of_event(error.fault, whole.source, whole.id)
        except Exception as error:  # noqa: BLE001 - it is logged, and stops no other event
            return _of_event(_unreadable(error), whole.source, whole.id)
        return event

    def _parse_slowly(self, raw: bytes, latest: datetime) -> Event | Fault:
        envelope: Envelope | None = None
        try:
            raw = LEAP_SECOND.sub(rb"\g<1>59\g<2>", raw)
            envelope = self._decode(self._envelope, raw, "")
            self._refuse_reserved(envelope.source)
            if envelope.specversion != "1.0":
                raise NotAnEvent(
                    "specversion",
                    f"specversion is {envelope.specversion!r}, not '1.0'.",
                    "specversion",
                )
            name = envelope.type.removeprefix(TYPE_PREFIX)
            if name not in KINDS or name == envelope.type:
                known = ", ".join(kind.type for kind in KINDS.values())
                raise NotAnEvent(
                    "unknown_kind", f"Type {envelope.type!r} is unknown; there are {known}.", "type"
                )
            data = self._decode(self._data[name], data_of(envelope), "data")
            event = self._event(envelope, KINDS[name], data, latest, other_attributes(raw))
            _refuse_unstorable(event)
        except NotAnEvent as error:
            return _of_event(error.fault, *_identity(envelope, raw))
        except Exception as error:  # noqa: BLE001 - it is logged, and stops no other event
            return _of_event(_unreadable(error), *_identity(envelope, raw))
        return event

    def _decode(
        self, decoder: "msgspec.json.Decoder[Any]", raw: bytes | msgspec.Raw, within: str
    ) -> Any:
        try:
            return decoder.decode(raw)
        except msgspec.ValidationError as error:
            raise not_valid(str(error), within) from None
        except msgspec.DecodeError as error:
            raise NotAnEvent("malformed_json", f"Not JSON: {error}.", within or None) from None
        except UnicodeDecodeError as error:
            raise NotAnEvent(
                "bad_encoding", f"Not UTF-8 text (byte {error.start}).", within or None
            ) from None
        except RecursionError:
            raise NotAnEvent("too_deep", "The JSON is nested too deeply.", within or None) from None

    def _event(
        self, envelope: Any, kind: EventKind, data: Any, latest: datetime, attributes: str | None
    ) -> Event:
        if (
            type(data) is Sale
            and data.unit is None
            and data.reservation_id is None
            and data.line_total is None
        ):
            return self._plain_sale(envelope, data, latest, attributes)
        occurred_at = self._instant(envelope.time, latest)
        if type(data) is CorrectionData:
            self._refuse_cancelling(data.corrects_source)
            return Correction(
                envelope.source,
                envelope.id,
                data.corrects_source or envelope.source,
                data.corrects_id,
                data.reason,
                occurred_at,
                attributes,
            )
        return self._any_event(envelope, kind, data, occurred_at, attributes)

    def _refuse_reserved(self, source: str) -> None:
        if is_reserved(source) and source != self._own:
            raise NotAnEvent(
                RESERVED_SOURCE,
                f"Only Stocktide itself sends events of {source!r}: give your events a source of your own.",
                "source",
            )

    def _refuse_cancelling(self, corrects_source: str | None) -> None:
        """Refuse to take back behind the desk what people ordered at it."""
        if corrects_source == ORDERS != self._own:
            raise NotAnEvent(
                RESERVED_SOURCE,
                "An order of the desk is cancelled on the page Orders or by POST /v1/orders, by a person and with a "
                "reason; a move between shops is sent back.",
                "data.corrects_source",
            )

    def _instant(self, time: datetime, latest: datetime) -> datetime:
        if time.tzinfo is None:
            raise NotAnEvent(
                "time_zone",
                f"time {time.isoformat()} has no time zone; end it with Z or +hh:mm.",
                "time",
            )
        if time.tzinfo is not UTC:
            try:
                time = time.astimezone(UTC)
            except OverflowError:
                raise NotAnEvent(
                    "time_range", f"time {time.isoformat()} is out of range.", "time"
                ) from None
        if time < self._earliest:
            raise NotAnEvent(
                "time_past",
                f"time {time:%Y-%m-%d} is too old: the earliest is {self._earliest:%Y-%m-%d}.",
                "time",
            )
        if time > latest:
            raise NotAnEvent(
                "time_future",
                f"time {time.isoformat()} is more than {self._ahead.total_seconds():g} s ahead of our clock, which "
                f"says {self._now().isoformat(timespec='seconds')}; check the sender's clock and zone.",
                "time",
            )
        return time

    def _plain_sale(
        self, envelope: Any, data: Sale, latest: datetime, attributes: str | None
    ) -> StockEvent:
        """Return the most frequent event by far, without a detour."""
        time = envelope.time
        if time.tzinfo is not UTC or not self._earliest <= time <= latest:
            time = self._instant(time, latest)
        quantity = scaled(data.quantity, "quantity", MILLI, self._quantity_max)
        if quantity <= 0:
            raise _not_positive(_SALE)
        price = None if data.price is None else self._price(data.price, "price")
        if price is not None and quantity * price > self._amount_max:
            raise self._too_much("price")
        return StockEvent(
            envelope.source, envelope.id, _SALE, data.product, data.location, None, _SALE_SIGN * quantity, None,
            price,
            data.currency if data.currency in self._currencies else self._currency(data.currency), None,
            data.order_id, data.order_line,
            data.customer_id, data.channel, None, None, time, None, None, None, data.lot,
            None, None, attributes,
        )  # fmt: skip

    def _any_event(
        self,
        envelope: Any,
        kind: EventKind,
        data: Any,
        occurred_at: datetime,
        attributes: str | None,
    ) -> StockEvent:
        get: Callable[[str], Any] = lambda name: getattr(data, name, None)  # noqa: E731
        if get("to_location") == data.location:
            raise NotAnEvent(
                "same_location",
                "to_location is the location that the goods leave.",
                "data.to_location",
            )
        reference = get("reservation_id") or get("transfer_id")
        moved, committed = self._quantities(kind, data)
        price, cost = (
            self._amount(moved or committed or 0, get(name), name) for name in ("price", "cost")
        )
        return StockEvent(
            source=envelope.source,
            event_id=envelope.id,
            kind=kind.name,
            product=data.product,
            location=data.location,
            to_location=get("to_location"),
            quantity_milli=moved,
            observed_milli=self._observed(kind, data),
            price_micros=price,
            currency=self._currency(get("currency")),
            promotion=get("promotion"),
            order_id=get("order_id"),
            order_line=get("order_line"),
            customer_id=get("customer_id"),
            channel=get("channel"),
            reason=get("reason"),
            counterparty=get("supplier") or get("device"),
            occurred_at=occurred_at,
            committed_milli=committed,
            reference=reference,
            cost_micros=cost,
            lot=get("lot"),
            expires_on=get("expires_on"),
            expected_on=get("expected_on"),
            attributes=attributes,
            unit=get("unit"),
            line_total_micros=self._line_total(get("line_total")),
        )

    def _observed(self, kind: EventKind, data: Any) -> int | None:
        name = kind.amount
        if name is None or not kind.observes:
            return None
        observed = scaled(getattr(data, name), name, MILLI, self._quantity_max)
        if observed < 0:
            raise NotAnEvent("negative", f"{name} must not be negative.", f"data.{name}")
        return observed

    def _currency(self, code: str | None) -> str | None:
        if code is None or code in self._currencies:
            return code
        if CURRENCY.fullmatch(code) is None:
            raise NotAnEvent(
                "wrong_type",
                f"data.currency: {code!r} is not a currency code such as EUR.",
                "data.currency",
            )
        self._currencies.add(code)
        return code

    def _price(self, value: int | float | str | None, name: str) -> int | None:
        if value is None:
            return None
        micros = scaled(value, name, MICRO, self._price_max)
        if micros < 0:
            raise NotAnEvent("negative", f"{name} must not be negative.", f"data.{name}")
        return micros

    def _amount(
        self, quantity_milli: int, value: int | float | str | None, name: str
    ) -> int | None:
        """Return a price or cost in millionths, one whose amount can be added up."""
        micros = self._price(value, name)
        if micros is not None and abs(quantity_milli) * micros > self._amount_max:
            raise self._too_much(name)
        return micros

    def _line_total(self, value: int | float | str | None) -> int | None:
        if value is None:
            return None
        micros = scaled(value, "line_total", MICRO, self._amount_max // (MILLI * MICRO))
        if micros < 0:
            raise NotAnEvent(
                "negative", "line_total must not be negative: send a return.", "data.line_total"
            )
        return micros

    def _too_much(self, name: str) -> NotAnEvent:
        return NotAnEvent(
            "too_large",
            f"quantity times {name} is larger than {self._amount_max // (MILLI * MICRO)}.",
            f"data.{name}",
        )

    def _quantities(self, kind: EventKind, data: Any) -> tuple[int, int | None]:
        """Return signed thousandths by which stock at the location changes, and thousandths opened or closed."""
        if not kind.has_quantity:
            return 0, None
        quantity = scaled(data.quantity, "quantity", MILLI, self._quantity_max)
        if kind.signed and quantity == 0:
            raise NotAnEvent(
                "zero", f"An {kind.name}'s quantity must not be zero.", "data.quantity"
            )
        if quantity <= 0 and not kind.signed:
            raise _not_positive(kind.name)
        names_one = kind.reference is not None and getattr(data, kind.reference)
        return kind.sign * quantity, quantity if names_one else None


def _holds_escapes(raw: bytes) -> bool:
    """Return True if characters that Postgres cannot keep may be in there: written as escapes, or as they are."""
    # one byte is looked for ten times faster than two, and hardly any event holds a backslash
    return (b"\\" in raw and b"\\u" in raw) or b"\x00" in raw


def _not_positive(kind: str) -> NotAnEvent:
    return NotAnEvent(
        "not_positive", f"The quantity of a {kind} must be above zero.", "data.quantity"
    )


class _Named(msgspec.Struct, gc=False):
    """What names an event, as far as it can be read."""

    source: Any = None
    id: Any = None


_NAMED = msgspec.json.Decoder(_Named)


def _identity(envelope: Envelope | None, raw: bytes) -> tuple[str | None, str | None]:
    """Return source and id of an event, also of one of which nothing else can be read."""
    if envelope is not None:
        return envelope.source, envelope.id
    try:
        named = _NAMED.decode(raw)
    except NOT_PLAIN:
        return None, None
    source, event_id = (
        value if isinstance(value, str) and 0 < len(value) <= TEXT_MAX else None
        for value in (named.source, named.id)
    )
    return source, event_id


def _unreadable(error: Exception) -> Fault:
    """Return the fault of an event on which our own code stops: those beside it are read all the same."""
    log("unreadable_event", error=repr(error)[:2000])
    return Fault(
        "not_storable",
        f"It could not be read: {type(error).__name__}. The fault is ours; replay it after an update.",
    )


def _of_event(fault: Fault, source: str | None, event_id: str | None) -> Fault:
    """Return the fault with the event that it is of, in what the database can keep."""
    return Fault(
        fault.reason,
        storable(fault.message),
        fault.field and storable(fault.field),
        source and storable(source),
        event_id and storable(event_id),
    )


def _refuse_unstorable(event: Event) -> None:
    """Raise NotAnEvent for text that Postgres cannot keep: a NUL character, or half a surrogate pair."""
    for name, value in zip(event.__struct_fields__, msgspec.structs.astuple(event), strict=True):
        if isinstance(value, str) and not is_storable_json(value):
            raise NotAnEvent(
                "bad_text",
                f"{name} holds a character that cannot be stored as text (NUL or half a surrogate pair).",
                name,
            )
