"""Rows that hold an array, in PostgreSQL's binary COPY format: millions of numbers without writing them as text.

Source: PostgreSQL 18 documentation, COPY, "Binary Format"; array_send and float4send in its source.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
FLOAT4_OID = 700
EPOCH = date(2000, 1, 1)
# Records are made and sent so many numbers at a time: 8 bytes each, so some 32 MB.
CHUNK_NUMBERS = 1 << 22


@dataclass(frozen=True)
class ArrayRows:
    """Rows of one table: the same texts and dates in all, a node each, and its array.

    fixed: values of the columns between node_id and units, in their order. nodes: (k,) int. units: (k, …), finite.
    """

    nodes: NDArray[np.int64]
    units: NDArray[np.float64]
    fixed: Sequence[str | date] = ()

    def __post_init__(self) -> None:
        """Refuse values that the tables cannot hold."""
        assert self.nodes.size == self.units.shape[0]
        assert np.isfinite(self.units).all()


def copy_arrays(
    connection: sa.Connection,
    table: str,
    columns: Sequence[str],
    forecast_run_id: int,
    groups: Sequence[ArrayRows],
) -> None:
    """Copy rows into (forecast_run_id, node_id, *columns, units); the caller commits."""
    names = ", ".join(["forecast_run_id", "node_id", *columns, "units"])
    raw = connection.connection.driver_connection
    assert raw is not None
    with (
        raw.cursor() as cursor,
        cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT binary)") as copy,
    ):
        copy.write(HEADER)
        for group in groups:
            for chunk in encode(group, forecast_run_id):
                copy.write(chunk)
        copy.write(TRAILER)


def encode(rows: ArrayRows, forecast_run_id: int) -> Iterator[bytes]:
    """Encode rows as COPY records, a chunk at a time."""
    shape = rows.units.shape[1:]
    record = _record(rows.fixed, shape)
    step = max(1, CHUNK_NUMBERS // max(1, int(np.prod(shape))))
    for start in range(0, rows.nodes.size, step):
        units = rows.units[start : start + step]
        out = np.zeros(units.shape[0], dtype=record)
        out["fields"] = 3 + len(rows.fixed)
        out["run_length"], out["run"] = 8, forecast_run_id
        out["node_length"], out["node"] = 4, rows.nodes[start : start + step]
        for position, value in enumerate(rows.fixed):
            encoded = _encoded(value)
            out[f"fixed_{position}_length"] = len(encoded)
            out[f"fixed_{position}"] = np.frombuffer(encoded, dtype=np.uint8)
        out["units_length"] = record["body"].itemsize
        body = out["body"]
        body["ndim"], body["element"] = len(shape), FLOAT4_OID
        body["bounds"] = np.array([[size, 1] for size in shape], dtype=">i4")
        body["values"]["length"] = 4
        body["values"]["value"] = units.reshape(units.shape[0], -1)
        yield out.tobytes()


def _record(fixed: Sequence[str | date], shape: tuple[int, ...]) -> np.dtype[np.void]:
    value = np.dtype([("length", ">i4"), ("value", ">f4")])
    body = np.dtype(
        [
            ("ndim", ">i4"),
            ("has_null", ">i4"),
            ("element", ">i4"),
            ("bounds", ">i4", (len(shape), 2)),
            ("values", value, (int(np.prod(shape)),)),
        ]
    )
    head: list[tuple[str, str]] = [
        ("fields", ">i2"),
        ("run_length", ">i4"),
        ("run", ">i8"),
        ("node_length", ">i4"),
        ("node", ">i4"),
    ]
    between: list[tuple[str, object]] = []
    for position, item in enumerate(fixed):
        between.append((f"fixed_{position}_length", ">i4"))
        between.append((f"fixed_{position}", np.dtype((np.uint8, (len(_encoded(item)),)))))
    return np.dtype([*head, *between, ("units_length", ">i4"), ("body", body)])


def _encoded(value: str | date) -> bytes:
    if isinstance(value, date):
        return (value - EPOCH).days.to_bytes(4, "big", signed=True)
    return value.encode("utf-8")
