"""PostgreSQL's binary formats, built from whole columns: arrays as parameters, rows for COPY.

Formats: https://www.postgresql.org/docs/current/sql-copy.html (binary format) and array_send, whose header is
dimensions, has-null flag, element type, length, lower bound. All numbers are big-endian.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from psycopg.adapt import Dumper
from psycopg.pq import Format

from ingest.parsing.instants import EPOCH

COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack("!ii", 0, 0)
COPY_END = struct.pack("!h", -1)
NULL = struct.pack("!i", -1)
EPOCH_DAY = EPOCH.toordinal()
# Types by their oid in pg_type, which never changes.
INT4, INT8, FLOAT8, BOOL, TEXT, TIMESTAMPTZ = 23, 20, 701, 16, 25, 1184


@dataclass(frozen=True)
class PgArray:
    """An encoded array, to be bound where the statement casts its parameter to the array's type."""

    data: bytes


class PgArrayDumper(Dumper):
    """Hands a PgArray to the server as it stands."""

    format = Format.BINARY

    def dump(self, obj: PgArray) -> bytes:
        """Give the bytes."""
        return obj.data


def days_of(day: date) -> int:
    """Days since PostgreSQL's epoch."""
    return day.toordinal() - EPOCH_DAY


def array_of(numbers: NDArray[np.generic], kind: int) -> PgArray:
    """Encode a column without nulls. numbers: shape (n,), of the type that `kind` names."""
    width = numbers.dtype.itemsize
    cells = np.empty(
        numbers.size, dtype=[("width", ">i4"), ("value", numbers.dtype.newbyteorder(">"))]
    )
    cells["width"] = width
    cells["value"] = numbers
    return PgArray(_head(numbers.size, kind) + cells.tobytes())


def nullable_array_of(numbers: NDArray[np.generic], valid: NDArray[np.bool_], kind: int) -> PgArray:
    """Encode a column of which some cells are null. valid: shape (n,), False where null."""
    if bool(valid.all()):
        return array_of(numbers, kind)
    whole = array_of(numbers, kind).data[20:]
    step = 4 + numbers.dtype.itemsize
    cells = [
        whole[i * step : (i + 1) * step] if ok else NULL for i, ok in enumerate(valid.tolist())
    ]
    return PgArray(_head(numbers.size, kind, nulls=True) + b"".join(cells))


def text_array_of(texts: Sequence[bytes]) -> PgArray:
    """Encode a column of UTF-8 texts."""
    pack = struct.Struct("!i").pack
    cells = [part for text in texts for part in (pack(len(text)), text)]
    return PgArray(_head(len(texts), TEXT) + b"".join(cells))


def nullable_text_array_of(texts: Sequence[str | None]) -> PgArray:
    """Encode a column of texts of which some are null."""
    if not any(text is not None for text in texts):
        return PgArray(_head(len(texts), TEXT, nulls=True) + NULL * len(texts))
    pack = struct.Struct("!i").pack
    cells: list[bytes] = []
    for text in texts:
        if text is None:
            cells.append(NULL)
        else:
            encoded = text.encode()
            cells += (pack(len(encoded)), encoded)
    return PgArray(_head(len(texts), TEXT, nulls=True) + b"".join(cells))


def nullable_ints_of(numbers: Sequence[int | None], kind: int) -> PgArray:
    """Encode a column of integers of which some are null."""
    valid = np.array([number is not None for number in numbers])
    dtype = np.int32 if kind == INT4 else np.int64
    return nullable_array_of(
        np.array([number or 0 for number in numbers], dtype=dtype), valid, kind
    )


def _head(size: int, element: int, *, nulls: bool = False) -> bytes:
    if size == 0:
        return struct.pack("!iii", 0, 0, element)
    return struct.pack("!iiiii", 1, int(nulls), element, size, 1)


def copy_of(rows: Iterable[bytes]) -> bytes:
    """The stream of a binary COPY from encoded rows, whole or in pieces."""
    return b"".join(chain((COPY_HEADER,), rows, (COPY_END,)))
