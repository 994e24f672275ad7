"""Events of the simulated days as columns of numbers, before they become text."""

from dataclasses import dataclass, fields

import numpy as np

from data.arrays import IntArray
from stocktide.domain import kinds

KINDS = (
    kinds.SALE, kinds.RETURN, kinds.RECEIPT, kinds.TRANSFER, kinds.ADJUSTMENT, kinds.STOCKTAKE, kinds.READING,
    kinds.PRICE, kinds.ORDER, kinds.CORRECTION,
)  # fmt: skip
SALE, RETURN, RECEIPT, TRANSFER, ADJUSTMENT, STOCKTAKE, READING, PRICE, ORDER, CORRECTION = range(
    10
)
CHANNELS = ("store", "click_and_collect", "online")


@dataclass(frozen=True)
class Events:
    """E events, sorted by time; all columns int64 of shape (E,).

    kind: index of KINDS. time: epoch seconds. quantity: milli; signed for adjustments, counted
    or observed for stocktakes and readings, 1 or 0 (promotion or not) for prices.
    price: micros. number: of the order (sale, return, order,
    and the correction of an order's line) or of the event within its kind.
    line: of the order, the line of the purchase order that a receipt brings, or the shelf of a reading.
    customer: 0 for nobody known. channel: index of CHANNELS. to_pair: where a transfer goes.
    purchase: number of the purchase order of a receipt. expected_on: of an order, days since 1970.
    """

    kind: IntArray
    pair: IntArray
    time: IntArray
    quantity: IntArray
    price: IntArray
    number: IntArray
    line: IntArray
    customer: IntArray
    channel: IntArray
    to_pair: IntArray
    purchase: IntArray
    expected_on: IntArray

    def __len__(self) -> int:
        return int(self.kind.size)

    def take(self, rows: IntArray) -> "Events":
        """Return the events of some rows, in that order."""
        return Events(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def events_of(kind: int, pair: IntArray, time: IntArray, **columns: IntArray) -> Events:
    """Make events of one kind; columns that are not given are zero."""
    zeros = {f.name: np.zeros(pair.size, np.int64) for f in fields(Events)}
    kinds = np.full(pair.size, kind, np.int64)
    return Events(**{**zeros, "kind": kinds, "pair": pair, "time": time, **columns})
