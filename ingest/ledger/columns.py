"""Rows of the ledger as columns: what a transaction claims, copies and sums, for thousands of rows at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stocktide.domain.kinds import KINDS

# What moves stock and, mostly, does nothing else.
PLAIN = frozenset(name for name, kind in KINDS.items() if kind.usual and kind.sign)
IS_SCORED, IS_SALE, IS_KNOWN = 1, 2, 4
FLAGS = {
    name: IS_SCORED * kind.scored | IS_SALE * (kind.daily == "sold") | IS_KNOWN * kind.shows_stock
    for name, kind in KINDS.items()
}
Mask = NDArray[np.bool_]


class Moves(NamedTuple):
    """What n rows do to stock; fields as in EntryColumns."""

    product_id: NDArray[np.int32]
    location_id: NDArray[np.int32]
    quantity_milli: NDArray[np.int64]
    at: NDArray[np.int64]
    flags: NDArray[np.int8]


@dataclass(frozen=True)
class EntryColumns:
    """n rows of the ledger. Each list has n elements, each array shape (n,).

    key: of the row's event, see `identity_keys`. event_id: UTF-8. leg: int16. quantity_milli: int64, thousandths.
    at: int64, microseconds since PostgreSQL's epoch. flags: int8, see FLAGS. cells: what follows the event_id in a row
    of COPY, as columns of encoded cells; wide: RARE columns are among them.
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
    cells: list[list[bytes]]
    wide: bool

    def __len__(self) -> int:
        return len(self.event_id)

    def kept(self, keep: Mask) -> "EntryColumns":
        """Those rows where `keep`, shape (n,), is True."""
        if bool(keep.all()):
            return self
        chosen = keep.tolist()
        kept: dict[str, object] = {
            name: list(compress(column, chosen)) if isinstance(column, list) else column[keep]
            for name, column in vars(self).items()
            if name not in ("cells", "wide")
        }
        cells = [list(compress(column, chosen)) for column in self.cells]
        return replace(self, cells=cells, **kept)  # type: ignore[arg-type]  # each is of its column's type

    @classmethod
    def together(cls, parts: Sequence["EntryColumns"]) -> "EntryColumns":
        """Several as one, in order, without cells. parts: at least one."""
        if len(parts) == 1:
            return parts[0]
        joined: dict[str, object] = {}
        for name, first in vars(parts[0]).items():
            columns = [getattr(part, name) for part in parts]
            if isinstance(first, np.ndarray):
                joined[name] = np.concatenate(columns)
            elif isinstance(first, list):
                joined[name] = [value for column in columns for value in column]
        return cls(**(joined | {"cells": [], "wide": False}))  # type: ignore[arg-type]  # as above


def identity_keys(source_id: NDArray[np.int32], event_id: Iterable[bytes]) -> list[bytes]:
    """Identities as bytes, which sort as the database sorts them: by source, then by the text's bytes."""
    sources: list[bytes] = source_id.astype(">i4").view("V4").tolist()
    return [source + event for source, event in zip(sources, event_id, strict=True)]


def identity_of(key: bytes) -> tuple[int, str]:
    """Source and event that a key stands for."""
    return int.from_bytes(key[:4], "big"), key[4:].decode()
