"""Events as rows of the ledger: which rows an event writes, and their form for a binary COPY.

What nearly every row has comes first and in one fixed block; what few rows have follows, and is left out of the
COPY altogether where no row of a batch has it.
"""

import struct
from collections.abc import Sequence

import msgspec

from ingest.ledger.binary import NULL, days_of
from ingest.parsing.events import StockEvent

FIXED = (
    "entry_id",
    "source_id",
    "leg",
    "product_id",
    "location_id",
    "quantity_milli",
    "occurred_at",
)
USUAL = ("event_id", "kind", "observed_milli", "price_micros", "currency", "promotion", "order_id", "order_line",
         "customer_id", "channel")  # fmt: skip
RARE = ("reason", "counterparty", "committed_milli", "reference", "cost_micros", "lot", "expires_on", "expected_on",
        "corrects", "attributes", "to_location_id")  # fmt: skip
IDENTITY = ("source_id", "event_id", "entry_id", "product_id", "location_id", "occurred_at")

_int = struct.Struct("!i").pack
_int4 = struct.Struct("!ii").pack
_int8 = struct.Struct("!iq").pack
_fixed = struct.Struct("!hiqiiihiiiiiqiqi").pack
_identity = struct.Struct("!hiii").pack
_place = struct.Struct("!iqiiiiiq").pack
_NULLS_OF_RARE = NULL * len(RARE)
_TRUE, _FALSE = _int(1) + b"\x01", _int(1) + b"\x00"
# Kinds, currencies, orders' codes: the same few texts again and again, and prices alike. Bounded by a start anew.
_CACHE_MAX = 20_000


class Row(msgspec.Struct, gc=False):
    """One row of the ledger: leg 0 of an event, or leg 1, which arrives elsewhere.

    at: microseconds of PostgreSQL's epoch. place: of the event in its batch. entry_id is given when it is written.
    """

    event: StockEvent
    source_id: int
    product_id: int
    location_id: int
    quantity_milli: int
    at: int
    place: int = 0
    to_location_id: int | None = None
    leg: int = 0
    entry_id: int = 0


def second_leg(first: Row) -> Row:
    """The row of the place where goods go to."""
    event = first.event
    assert first.to_location_id is not None  # noqa: S101 - the caller asks
    # what is dispatched is on its way only: the other place has it when it arrives
    arrives = -first.quantity_milli if event.kind == "transfer" else 0
    return Row(
        event,
        first.source_id,
        first.product_id,
        first.to_location_id,
        arrives,
        first.at,
        leg=1,
        entry_id=first.entry_id + 1,
    )


class RowEncoder:
    """Encodes rows for COPY; keeps what it encodes again and again. One a writer."""

    def __init__(self) -> None:
        self._texts: dict[str | None, bytes] = {None: NULL}
        self._numbers: dict[int | None, bytes] = {None: NULL}

    def ledger(self, rows: Sequence[Row]) -> tuple[tuple[str, ...], list[bytes]]:
        """Give the columns that the rows need, and the rows in that form."""
        if len(self._texts) + len(self._numbers) > _CACHE_MAX:
            self._texts, self._numbers = {None: NULL}, {None: NULL}
        rare = any(has_rare(row.event) for row in rows)
        columns = FIXED + USUAL + (RARE if rare else ())
        return columns, [self._row(row, rare, len(columns)) for row in rows]

    def _row(self, row: Row, rare: bool, width: int) -> bytes:
        event = row.event
        event_id = event.event_id.encode()
        parts = [
            _fixed(width, 8, row.entry_id, 4, row.source_id, 2, row.leg, 4, row.product_id, 4, row.location_id,
                   8, row.quantity_milli, 8, row.at, len(event_id)),
            event_id,
            self._texts.get(event.kind) or self._text(event.kind),
        ]  # fmt: skip
        if row.leg:
            parts.append(_NULLS_OF_USUAL)
        else:
            parts += (
                self._numbers.get(event.observed_milli) or self._number(event.observed_milli),
                self._numbers.get(event.price_micros) or self._number(event.price_micros),
                self._texts.get(event.currency) or self._text(event.currency),
                NULL if event.promotion is None else _TRUE if event.promotion else _FALSE,
                NULL if event.order_id is None else _plain(event.order_id),
                NULL if event.order_line is None else _int4(4, event.order_line),
                NULL if event.customer_id is None else _plain(event.customer_id),
                self._texts.get(event.channel) or self._text(event.channel),
            )
        if rare:
            parts.append(_rare(row) if has_rare(event) else _NULLS_OF_RARE)
        return b"".join(parts)

    def _text(self, value: str | None) -> bytes:
        cached = self._texts[value] = _plain(value)
        return cached

    def _number(self, value: int | None) -> bytes:
        cached = self._numbers[value] = NULL if value is None else _int8(8, value)
        return cached


_NULLS_OF_USUAL = NULL * (len(USUAL) - 2)


def has_rare(event: StockEvent) -> bool:
    """Tell whether an event fills one of the RARE columns."""
    if event.kind in ("sale", "return", "price", "stocktake"):
        return not (
            event.lot is None
            and event.attributes is None
            and event.reference is None
            and event.corrects is None
        )
    return True


def identity_rows(rows: Sequence[Row]) -> list[bytes]:
    """Rows of leg 0 as identities for COPY, in the columns IDENTITY."""
    encoded = []
    for row in rows:
        if row.leg == 0:
            event_id = row.event.event_id.encode()
            encoded.append(
                _identity(len(IDENTITY), 4, row.source_id, len(event_id))
                + event_id
                + _place(8, row.entry_id, 4, row.product_id, 4, row.location_id, 8, row.at)
            )
    return encoded


def _plain(value: str | None) -> bytes:
    if value is None:
        return NULL
    encoded = value.encode()
    return _int(len(encoded)) + encoded


def _rare(row: Row) -> bytes:
    event, leg = row.event, row.leg
    # what is promised by a dispatch is promised where it will arrive
    committed = None if (event.kind == "dispatch") == (leg == 0) else event.committed_milli
    return b"".join(
        (
            _plain(event.reason),
            _plain(event.counterparty),
            NULL if committed is None else _int8(8, committed),
            _plain(event.reference),
            NULL if event.cost_micros is None else _int8(8, event.cost_micros),
            _plain(event.lot),
            NULL if event.expires_on is None else _int4(4, days_of(event.expires_on)),
            NULL if event.expected_on is None else _int4(4, days_of(event.expected_on)),
            NULL if event.corrects is None else _int8(8, event.corrects),
            _jsonb(event.attributes if leg == 0 else None),
            NULL if row.to_location_id is None else _int4(4, row.to_location_id),
        )
    )


def _jsonb(value: str | None) -> bytes:
    if value is None:
        return NULL
    encoded = b"\x01" + value.encode()
    return _int(len(encoded)) + encoded
