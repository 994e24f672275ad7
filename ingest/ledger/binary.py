"""PostgreSQL's binary formats: cells, and of whole columns of them arrays as parameters, or rows for COPY.

A cell is its length and its bytes, in an array as in a row of COPY; one encoder serves both. Formats:
https://www.postgresql.org/docs/current/sql-copy.html (binary format) and array_send, whose header is dimensions,
has-null flag, element type, length, lower bound. All numbers are big-endian.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg.adapt import Dumper
from psycopg.pq import Format

from ingest.parsing.numbers import EPOCH

COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack("!ii", 0, 0)
COPY_END = struct.pack("!h", -1)
NULL = struct.pack("!i", -1)
EPOCH_DAY = EPOCH.toordinal()
# Types by their oid in pg_type, which never changes.
INT4, INT8, FLOAT8, BOOL, TEXT, TIMESTAMPTZ = 23, 20, 701, 16, 25, 1184
# Kinds, currencies, channels: the same few texts again and again, and prices alike. Emptied when it is full.
_CACHE_MAX = 20_000
_int = struct.Struct("!i").pack
_int4 = struct.Struct("!ii").pack
_int8 = struct.Struct("!iq").pack
# Cells of a column, each as one piece, or as several that follow each other. Each list has n elements.
Cells = tuple[list[bytes], ...]


class PgArray(bytes):
    """An encoded array, to be bound where the statement casts its parameter to the array's type."""

    __slots__ = ()


class PgArrayDumper(Dumper):
    """Hands a PgArray to the server as it stands."""

    format = Format.BINARY

    def dump(self, obj: PgArray) -> bytes:
        """Return the bytes."""
        return obj


def text_cell(value: str | None) -> bytes:
    """Encode a text."""
    if value is None:
        return NULL
    encoded = value.encode()
    return _int(len(encoded)) + encoded


def int8_cell(value: int | None) -> bytes:
    """Encode a bigint."""
    return NULL if value is None else _int8(8, value)


def int4_cell(value: int | None) -> bytes:
    """Encode an int."""
    return NULL if value is None else _int4(4, value)


def date_cell(day: date | None) -> bytes:
    """Encode a date: days since PostgreSQL's epoch."""
    return NULL if day is None else _int4(4, day.toordinal() - EPOCH_DAY)


def jsonb_cell(value: str | None) -> bytes:
    """Encode JSON text."""
    if value is None:
        return NULL
    encoded = b"\x01" + value.encode()
    return _int(len(encoded)) + encoded


class CachedCells(dict[object, bytes]):
    """Encoded cells by their values, each encoded once."""

    def __init__(self, encode: Callable[[Any], bytes]) -> None:
        super().__init__()
        self._encode = encode

    def column(self, values: Sequence[object]) -> Cells:
        """Return the cells of a column."""
        return (list(map(self.__getitem__, values)),)

    def __missing__(self, value: object) -> bytes:
        if len(self) >= _CACHE_MAX:
            self.clear()
        cell = self[value] = self._encode(value)
        return cell


def text_column(values: Sequence[str | None]) -> Cells:
    """Encode texts that hardly repeat."""
    if values.count(None) == len(values):
        return ([NULL] * len(values),)
    if None in values:
        return (list(map(text_cell, values)),)
    return text_pieces([value.encode() for value in values if value is not None])


def text_pieces(texts: list[bytes]) -> Cells:
    """Return cells of UTF-8 texts, as lengths and texts."""
    lengths = np.fromiter(map(len, texts), dtype=">i4", count=len(texts))
    return lengths.view("V4").tolist(), texts


def array_of_cells(cells: Cells, kind: int) -> PgArray:
    """Make an array of a column's cells, nulls among them."""
    pieces = cells[0] if len(cells) == 1 else chain.from_iterable(zip(*cells, strict=True))
    return PgArray(_head(len(cells[0]), kind, nulls=True) + b"".join(pieces))


def text_array_of(texts: list[bytes]) -> PgArray:
    """Encode a column of UTF-8 texts."""
    return array_of_cells(text_pieces(texts), TEXT)


def array_of(numbers: NDArray[np.generic], kind: int) -> PgArray:
    """Encode a column without nulls. numbers: shape (n,), of the type that `kind` names."""
    cells = np.empty(
        numbers.size, dtype=[("width", ">i4"), ("value", numbers.dtype.newbyteorder(">"))]
    )
    cells["width"] = numbers.dtype.itemsize
    cells["value"] = numbers
    return PgArray(_head(numbers.size, kind) + cells.tobytes())


def nullable_array_of(numbers: NDArray[np.int64], valid: NDArray[np.bool_], kind: int) -> PgArray:
    """Encode a column of eight bytes each of which some cells are null. valid: shape (n,), False where null."""
    if bool(valid.all()):
        return array_of(numbers, kind)
    values = zip(numbers.tolist(), valid.tolist(), strict=True)
    return array_of_cells(([_int8(8, value) if ok else NULL for value, ok in values],), kind)


def _head(size: int, element: int, *, nulls: bool = False) -> bytes:
    if size == 0:
        return struct.pack("!iii", 0, 0, element)
    return struct.pack("!iiiii", 1, int(nulls), element, size, 1)


def copy_of(rows: Iterable[bytes]) -> bytes:
    """Return the stream of a binary COPY from encoded rows, whole or in pieces."""
    return b"".join(chain((COPY_HEADER,), rows, (COPY_END,)))
