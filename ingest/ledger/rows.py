"""Events as rows of the ledger: which rows an event writes, and their form for a binary COPY.

What nearly every row has comes first and in one fixed block; what few rows have follows, and is left out of the
COPY altogether where no row has it.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ingest.ledger.binary import NULL, days_of
from ingest.ledger.columns import FLAGS, EntryColumns, identity_keys
from ingest.parsing.events import StockEvent
from ingest.parsing.plain_sales import PlainSales
from stocktide.domain.kinds import KINDS, RETURN, SALE

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
IDENTITY = ("entry_id", "product_id", "location_id", "occurred_at", "source_id", "event_id")

_int = struct.Struct("!i").pack
_int4 = struct.Struct("!ii").pack
_int8 = struct.Struct("!iq").pack
_TRUE, _FALSE = _int(1) + b"\x01", _int(1) + b"\x00"
# Kinds, currencies, channels: the same few texts again and again, and prices alike. Bounded by a start anew.
_CACHE_MAX = 20_000


class Row(msgspec.Struct, gc=False):
    """One row of the ledger: leg 0 of an event, or leg 1, which arrives elsewhere.

    at: microseconds of PostgreSQL's epoch. place: of the event in its batch.
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


def with_second_legs(rows: Sequence[Row]) -> list[Row]:
    """Rows of leg 0, each with the row of the place where its goods go to right behind it."""
    both: list[Row] = []
    for row in rows:
        both.append(row)
        if row.to_location_id is not None:
            both.append(_second_leg(row, row.to_location_id))
    return both


def _second_leg(first: Row, location_id: int) -> Row:
    event = first.event
    kind = KINDS[event.kind]
    # a reversal has both turned round
    arrives = kind.sign * (kind.second_sign or 0) * first.quantity_milli
    ids = (first.source_id, first.product_id, location_id)
    return Row(event, *ids, arrives, first.at, first.place, leg=1)


def row_key(row: Row) -> bytes:
    """The key of a row's event; see `identity_keys`."""
    return row.source_id.to_bytes(4, "big") + row.event.event_id.encode()


class RowEncoder:
    """Encodes the cells of rows; keeps what it encodes again and again. One a writer."""

    def __init__(self) -> None:
        self._texts = _Cells(_text)
        self._numbers = _Cells(_number)
        self._lines = _Cells(_line)

    def sales(
        self,
        sales: PlainSales,
        source_id: NDArray[np.int32],
        product_id: NDArray[np.int32],
        location_id: NDArray[np.int32],
    ) -> EntryColumns:
        """Plain sales as rows; the keys have shape (n,)."""
        event_id = [event.encode() for event in sales.event_id]
        kinds = [FLAGS[SALE.name], FLAGS[RETURN.name]]
        # with the column behind it, which sales leave empty
        kind = [_text(RETURN.name) + NULL, _text(SALE.name) + NULL]
        columns = [
            [kind[is_sale] for is_sale in sales.is_sale.tolist()],
            self._numbers.of(sales.price_micros),
            self._texts.of(sales.currency),
            [NULL] * len(event_id),
            *_texts(sales.order_id),
            self._lines.of(sales.order_line),
            *_texts(sales.customer_id),
            self._texts.of(sales.channel),
        ]
        return EntryColumns(
            key=identity_keys(source_id, event_id),
            event_id=event_id,
            source_id=source_id,
            product_id=product_id,
            location_id=location_id,
            quantity_milli=sales.quantity_milli,
            at=sales.at,
            leg=np.zeros(len(event_id), dtype=np.int16),
            flags=np.where(sales.is_sale, *kinds).astype(np.int8),
            cells=[list(map(b"".join, zip(*columns, strict=True)))],
            wide=False,
        )

    def rows(self, rows: Sequence[Row], *, wide: bool) -> EntryColumns:
        """Rows of events, with their RARE cells or without."""
        event_id = [row.event.event_id.encode() for row in rows]
        source_id = np.array([row.source_id for row in rows], dtype=np.int32)
        cells = [self._usual(row) for row in rows]
        return EntryColumns(
            key=identity_keys(source_id, event_id),
            event_id=event_id,
            source_id=source_id,
            product_id=np.array([row.product_id for row in rows], dtype=np.int32),
            location_id=np.array([row.location_id for row in rows], dtype=np.int32),
            quantity_milli=np.array([row.quantity_milli for row in rows], dtype=np.int64),
            at=np.array([row.at for row in rows], dtype=np.int64),
            leg=np.array([row.leg for row in rows], dtype=np.int16),
            flags=np.array([FLAGS[row.event.kind] for row in rows], dtype=np.int8),
            cells=[cells, [_rare(row) for row in rows]] if wide else [cells],
            wide=wide,
        )

    def _usual(self, row: Row) -> bytes:
        event = row.event
        kind = self._texts[event.kind]
        if row.leg:
            return kind + _NULLS_OF_USUAL
        return b"".join(
            (
                kind,
                self._numbers[event.observed_milli],
                self._numbers[event.price_micros],
                self._texts[event.currency],
                NULL if event.promotion is None else _TRUE if event.promotion else _FALSE,
                _text(event.order_id),
                self._lines[event.order_line],
                _text(event.customer_id),
                self._texts[event.channel],
            )
        )


_NULLS_OF_USUAL = NULL * (len(USUAL) - 2)
_USUAL_KINDS = frozenset(name for name, kind in KINDS.items() if kind.usual)
_COMMIT_LEG = {name: kind.commit_leg for name, kind in KINDS.items()}


def has_rare(event: StockEvent) -> bool:
    """Tell whether an event fills one of the RARE columns."""
    if event.kind in _USUAL_KINDS:
        return not (
            event.lot is None
            and event.attributes is None
            and event.reference is None
            and event.corrects is None
        )
    return True


def ledger_rows(columns: EntryColumns, entry_id: NDArray[np.int64]) -> Iterable[bytes]:
    """Rows for COPY in the columns FIXED, USUAL and, where they are wide, RARE. entry_id: shape (n,)."""
    fields = (
        (entry_id, ">i8"),
        (columns.source_id, ">i4"),
        (columns.leg, ">i2"),
        (columns.product_id, ">i4"),
        (columns.location_id, ">i4"),
        (columns.quantity_milli, ">i8"),
        (columns.at, ">i8"),
    )
    width = len(FIXED) + len(USUAL) + (len(RARE) if columns.wide else 0)
    fixed = _fixed_cells(width, fields, columns.event_id)
    return chain.from_iterable(zip(fixed, columns.event_id, *columns.cells, strict=True))


def identity_rows(
    columns: EntryColumns, entry_id: NDArray[np.int64], order: Sequence[int]
) -> Iterable[bytes]:
    """Rows for COPY in the columns IDENTITY, in the order given. entry_id: shape (n,)."""
    fields = (
        (entry_id, ">i8"),
        (columns.product_id, ">i4"),
        (columns.location_id, ">i4"),
        (columns.at, ">i8"),
        (columns.source_id, ">i4"),
    )
    fixed = _fixed_cells(len(IDENTITY), fields, columns.event_id)
    return chain.from_iterable((fixed[place], columns.event_id[place]) for place in order)


def _fixed_cells(
    width: int, fields: Sequence[tuple[NDArray[np.generic], str]], text: Sequence[bytes]
) -> list[bytes]:
    """The head of each row: its number of cells, cells of fixed length, and the length of the text that follows."""
    cells = [
        (f"{what}{place}", kind)
        for place, (_, cell) in enumerate(fields)
        for what, kind in (("length", ">i4"), ("cell", cell))
    ]
    layout = np.dtype([("width", ">i2"), *cells, ("text", ">i4")])
    rows = np.empty(len(text), dtype=layout)
    rows["width"] = width
    for place, (values, cell) in enumerate(fields):
        rows[f"length{place}"] = np.dtype(cell).itemsize
        rows[f"cell{place}"] = values
    rows["text"] = np.fromiter(map(len, text), dtype=np.int32, count=len(text))
    made: list[bytes] = rows.view(f"V{layout.itemsize}").tolist()
    return made


class _Cells(dict[object, bytes]):
    """Encoded cells by their values, each encoded once."""

    def __init__(self, encode: Callable[[Any], bytes]) -> None:
        super().__init__()
        self._encode = encode

    def of(self, values: Sequence[object]) -> list[bytes]:
        """The cells of a column."""
        return list(map(self.__getitem__, values))

    def __missing__(self, value: object) -> bytes:
        if len(self) >= _CACHE_MAX:
            self.clear()
        cell = self[value] = self._encode(value)
        return cell


def _texts(values: Sequence[str | None]) -> list[list[bytes]]:
    """A column of texts that hardly repeat, as one column of cells, or as lengths and texts."""
    if values.count(None) == len(values):
        return [[NULL] * len(values)]
    if None in values:
        return [[_text(value) for value in values]]
    encoded = [value.encode() for value in values if value is not None]
    lengths = np.fromiter(map(len, encoded), dtype=">i4", count=len(encoded))
    return [lengths.view("V4").tolist(), encoded]


def _text(value: str | None) -> bytes:
    if value is None:
        return NULL
    encoded = value.encode()
    return _int(len(encoded)) + encoded


def _number(value: int | None) -> bytes:
    return NULL if value is None else _int8(8, value)


def _line(value: int | None) -> bytes:
    return NULL if value is None else _int4(4, value)


def _rare(row: Row) -> bytes:
    event, leg = row.event, row.leg
    committed = event.committed_milli if leg == _COMMIT_LEG[event.kind] else None
    return b"".join(
        (
            _text(event.reason),
            _text(event.counterparty),
            _number(committed),
            _text(event.reference),
            _number(event.cost_micros),
            _text(event.lot),
            NULL if event.expires_on is None else _int4(4, days_of(event.expires_on)),
            NULL if event.expected_on is None else _int4(4, days_of(event.expected_on)),
            _number(event.corrects),
            _jsonb(event.attributes if leg == 0 else None),
            _line(row.to_location_id),
        )
    )


def _jsonb(value: str | None) -> bytes:
    if value is None:
        return NULL
    encoded = b"\x01" + value.encode()
    return _int(len(encoded)) + encoded
