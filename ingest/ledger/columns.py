"""Rows of the ledger as columns: what a transaction claims, writes and sums, for thousands of rows at once.

What nearly every row has comes first and in one fixed block; what few rows have follows, and is left out of the
COPY altogether where no row has it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.ledger.binary import (
    INT4,
    INT8,
    NULL,
    TEXT,
    TIMESTAMPTZ,
    CachedCells,
    Cells,
    PgArray,
    array_of,
    array_of_cells,
    int4_cell,
    int8_cell,
    text_array_of,
    text_cell,
    text_column,
)
from ingest.ledger.rows import RARE, Row, rare_cells
from ingest.parsing.sales import PlainSales
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
USUAL = ("event_id", "observed_milli", "promotion", "kind", "price_micros", "currency", "order_id", "order_line",
         "customer_id", "channel")  # fmt: skip
IDENTITY = ("entry_id", "product_id", "location_id", "occurred_at", "source_id", "event_id")
# What moves stock and, mostly, does nothing else.
PLAIN = frozenset(name for name, kind in KINDS.items() if kind.usual and kind.sign)
IS_SCORED, IS_SALE, IS_KNOWN = 1, 2, 4
FLAGS = {
    name: IS_SCORED * kind.scored | IS_SALE * (kind.daily == "sold") | IS_KNOWN * kind.shows_stock
    for name, kind in KINDS.items()
}
# Columns of cells that every plain sale has, as the arrays of append_plain.sql, behind those that none has.
PLAIN_CELLS = (TEXT, INT8, TEXT, TEXT, INT4, TEXT, TEXT)
_NO_CELLS = NULL * (USUAL.index("kind") - 1)
_KINDS = (text_cell(RETURN.name), text_cell(SALE.name))
_TRUE, _FALSE = b"\0\0\0\1\1", b"\0\0\0\1\0"
# Shared by all threads: what one encodes in vain is the same.
_texts, _numbers, _lines = (CachedCells(cell) for cell in (text_cell, int8_cell, int4_cell))
Mask = NDArray[np.bool_]
# Surrogate keys of n sales: columns of sources, products and locations.
Keys = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]


@dataclass(frozen=True)
class EntryColumns:
    """n rows of the ledger. Each list has n elements, each array shape (n,).

    key: of the row's event, see `identity_keys`. event_id: UTF-8. leg: int16. quantity_milli: int64, thousandths.
    at: int64, microseconds since PostgreSQL's epoch. flags: int8, see FLAGS. cells: of what follows the event_id in a
    row of COPY; wide: RARE columns are among them.
    """

    key: list[bytes]
    event_id: list[bytes]
    source_id: NDArray[np.int32]
    product_id: NDArray[np.int32]
    location_id: NDArray[np.int32]
    quantity_milli: NDArray[np.int64]
    at: NDArray[np.int64]
    leg: NDArray[np.int16]
    flags: NDArray[np.int8]
    cells: list[Cells]
    wide: bool = False

    def __len__(self) -> int:
        return len(self.event_id)

    def filter(self, keep: Mask) -> "EntryColumns":
        """Return those rows where `keep`, shape (n,), is True."""
        if bool(keep.all()):
            return self
        numbers = np.flatnonzero(keep).tolist()
        taken: dict[str, object] = {
            name: column[keep] if isinstance(column, np.ndarray) else _take(column, numbers)
            for name, column in vars(self).items()
            if name not in ("cells", "wide")
        }
        cells = [tuple(_take(piece, numbers) for piece in column) for column in self.cells]
        return replace(self, cells=cells, **taken)  # type: ignore[arg-type]  # each is of its column's type

    def packed(self) -> "EntryColumns":
        """Return the same, ready for COPY: its cells joined row by row."""
        pieces = chain.from_iterable(self.cells)
        return replace(self, cells=[(list(map(b"".join, zip(*pieces, strict=True))),)])

    @classmethod
    def concat(cls, parts: Sequence["EntryColumns"]) -> "EntryColumns":
        """Return several as one, in order, without cells. parts: at least one."""
        if len(parts) == 1:
            return parts[0]
        joined: dict[str, object] = {}
        for name, first in vars(parts[0]).items():
            columns = [getattr(part, name) for part in parts]
            if isinstance(first, np.ndarray):
                joined[name] = np.concatenate(columns)
            elif isinstance(first, list):
                joined[name] = list(chain.from_iterable(columns))
        return cls(**(joined | {"cells": []}))  # type: ignore[arg-type]  # as above

    def plain_arrays(self) -> tuple[PgArray, ...]:
        """Return rows of plain sales, not packed, as append_plain.sql takes them."""
        cells = zip(self.cells[1:], PLAIN_CELLS, strict=True)
        return (
            array_of(self.source_id, INT4),
            text_array_of(self.event_id),
            array_of(self.product_id, INT4),
            array_of(self.location_id, INT4),
            array_of(self.quantity_milli, INT8),
            array_of(self.at, TIMESTAMPTZ),
            *(array_of_cells(column, kind) for column, kind in cells),
        )


class Ahead(NamedTuple):
    """Rows that were made of sales before their transaction, with their customers' pseudonyms as of some erasures."""

    columns: EntryColumns
    customers: Sequence[str | None]
    erasures: int


def _take(column: list[bytes], numbers: Sequence[int]) -> list[bytes]:
    return list(map(column.__getitem__, numbers))


def identity_keys(source_id: NDArray[np.int32], event_id: Iterable[bytes]) -> list[bytes]:
    """Return identities as bytes, which sort as the database sorts them: by source, then by the text's bytes."""
    sources: list[bytes] = source_id.astype(">i4").view("V4").tolist()
    return [source + event for source, event in zip(sources, event_id, strict=True)]


def identity_of(key: bytes) -> tuple[int, str]:
    """Return the source and event that a key stands for."""
    return int.from_bytes(key[:4], "big"), key[4:].decode()


def sales_columns(sales: PlainSales, keys: Keys) -> EntryColumns:
    """Encode plain sales as rows. keys: each of shape (n,)."""
    event_id = [event.encode() for event in sales.event_id]
    is_sale = np.array(sales.is_sale, dtype=np.bool_)
    source_id, product_id, location_id = keys
    return EntryColumns(
        key=identity_keys(source_id, event_id),
        event_id=event_id,
        source_id=source_id,
        product_id=product_id,
        location_id=location_id,
        quantity_milli=np.array(sales.quantity_milli, dtype=np.int64),
        at=np.array(sales.at, dtype=np.int64),
        leg=np.zeros(len(event_id), dtype=np.int16),
        flags=np.where(is_sale, FLAGS[SALE.name], FLAGS[RETURN.name]).astype(np.int8),
        cells=[
            ([_NO_CELLS] * len(event_id),),
            ([_KINDS[sold] for sold in sales.is_sale],),
            _numbers.column(sales.price_micros),
            _texts.column(sales.currency),
            text_column(sales.order_id),
            _lines.column(sales.order_line),
            text_column(sales.customer_id),
            _texts.column(sales.channel),
        ],
    )


def row_columns(rows: Sequence[Row], *, wide: bool) -> EntryColumns:
    """Encode rows of events, with their RARE cells or without."""
    event_id = [row.event.event_id.encode() for row in rows]
    source_id = np.array([row.source_id for row in rows], dtype=np.int32)
    usual: Cells = ([_usual_cells(row) for row in rows],)
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
        cells=[usual, ([rare_cells(row) for row in rows],)] if wide else [usual],
        wide=wide,
    )


def _usual_cells(row: Row) -> bytes:
    event = row.event
    kind = _texts[event.kind]
    if row.leg:
        return _NO_CELLS + kind + NULL * len(PLAIN_CELLS[1:])
    return b"".join(
        (
            _numbers[event.observed_milli],
            NULL if event.promotion is None else _TRUE if event.promotion else _FALSE,
            kind,
            _numbers[event.price_micros],
            _texts[event.currency],
            text_cell(event.order_id),
            _lines[event.order_line],
            text_cell(event.customer_id),
            _texts[event.channel],
        )
    )


def ledger_rows(columns: EntryColumns, entry_id: NDArray[np.int64]) -> Iterable[bytes]:
    """Return rows for COPY in the columns FIXED, USUAL and, where they are wide, RARE. entry_id: shape (n,)."""
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
    pieces = chain.from_iterable(columns.cells)
    return chain.from_iterable(zip(fixed, columns.event_id, *pieces, strict=True))


def identity_rows(
    columns: EntryColumns, entry_id: NDArray[np.int64], order: Sequence[int]
) -> Iterable[bytes]:
    """Return rows for COPY in the columns IDENTITY, in the order given. entry_id: shape (n,)."""
    fields = (
        (entry_id, ">i8"),
        (columns.product_id, ">i4"),
        (columns.location_id, ">i4"),
        (columns.at, ">i8"),
        (columns.source_id, ">i4"),
    )
    fixed = _fixed_cells(len(IDENTITY), fields, columns.event_id)
    return chain.from_iterable((fixed[number], columns.event_id[number]) for number in order)


def _fixed_cells(
    width: int, fields: Sequence[tuple[NDArray[np.generic], str]], text: Sequence[bytes]
) -> list[bytes]:
    """Return the head of each row: its number of cells, cells of fixed length, the length of the text that follows."""
    cells = [
        (f"{what}{number}", kind)
        for number, (_, cell) in enumerate(fields)
        for what, kind in (("length", ">i4"), ("cell", cell))
    ]
    layout = np.dtype([("width", ">i2"), *cells, ("text", ">i4")])
    rows = np.empty(len(text), dtype=layout)
    rows["width"] = width
    for number, (values, cell) in enumerate(fields):
        rows[f"length{number}"] = np.dtype(cell).itemsize
        rows[f"cell{number}"] = values
    rows["text"] = np.fromiter(map(len, text), dtype=np.int32, count=len(text))
    made: list[bytes] = rows.view(f"V{layout.itemsize}").tolist()
    return made
