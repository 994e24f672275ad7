"""Stock, prices and open orders of the chain while it goes on live."""

import heapq
from dataclasses import dataclass, field

import numpy as np

from data.arrays import CENT_MICROS, BoolArray, FloatArray, IntArray
from data.simulator import SampleChain
from data.truth import Truth


@dataclass(frozen=True, slots=True)
class OpenLine:
    """A line of a purchase order that has not come: numbers of the order and the line, quantity in milli."""

    number: int
    line: int
    quantity: int


# Days of history from which the live chain learns its sales rates.
RECENT_DAYS = 28


@dataclass
class LiveState:
    """State of N pairs; quantities in milli, int64, shape (N,).

    physical, book, on_order, reorder_point. weight: (N,), how often a pair sells, 0 when it is
    not in the assortment. regular_micros, price_micros, promotion: (N,). sensors: (S, shelves).
    due: heap of (number of the event after which a delivery comes, pair). open_lines: by pair, what
    on_order is made of. last_order: number of the last purchase order.
    """

    physical: IntArray
    book: IntArray
    on_order: IntArray
    reorder_point: IntArray
    case_milli: IntArray
    weight: FloatArray
    regular_micros: IntArray
    price_micros: IntArray
    promotion: BoolArray
    sensors: IntArray
    last_order: int
    open_lines: dict[int, list[OpenLine]]
    due: list[tuple[int, int]] = field(default_factory=list)

    def move(self, pair: int, quantity: int) -> None:
        """Add a booked movement."""
        self.physical[pair] += quantity
        self.book[pair] += quantity

    def sell(self, pair: int, wanted: int) -> int:
        """Sell what is there of what is wanted; returns it."""
        sold = min(wanted, int(self.physical[pair]))
        self.move(pair, -sold)
        return sold

    def lose(self, pair: int, quantity: int) -> None:
        """Remove goods without an event, as theft does."""
        self.physical[pair] -= min(quantity, int(self.physical[pair]))

    def count(self, pair: int) -> int:
        """Count a shelf and put the books right; returns the count."""
        self.book[pair] = self.physical[pair]
        return int(self.physical[pair])

    def reorder(self, pair: int, *, due: int) -> OpenLine | None:
        """Order whole cases when the stock position is below the reorder point; returns the order's only line."""
        position = int(self.book[pair] + self.on_order[pair])
        point, case = int(self.reorder_point[pair]), int(self.case_milli[pair])
        if position >= point:
            return None
        self.last_order += 1
        ordered = OpenLine(self.last_order, 1, case * (1 + (point - position) // case))
        self.on_order[pair] += ordered.quantity
        if pair not in self.open_lines:
            heapq.heappush(self.due, (due, pair))
        self.open_lines.setdefault(pair, []).append(ordered)
        return ordered

    def delivery_due(self, number: int) -> int | None:
        """Return the pair whose delivery has come, if any."""
        if self.due and self.due[0][0] <= number:
            return heapq.heappop(self.due)[1]
        return None

    def deliver(self, pair: int) -> list[OpenLine]:
        """Receive all that is on order; returns its lines."""
        self.move(pair, int(self.on_order[pair]))
        self.on_order[pair] = 0
        return self.open_lines.pop(pair)

    def toggle_promotion(self, pair: int, *, discount: float) -> bool:
        """Start or end a promotion at `discount` times the regular price; returns whether one runs."""
        self.promotion[pair] = not self.promotion[pair]
        regular = int(self.regular_micros[pair])
        cents = round(regular * discount / CENT_MICROS)
        self.price_micros[pair] = cents * CENT_MICROS if self.promotion[pair] else regular
        return bool(self.promotion[pair])


def live_state(sample: SampleChain) -> LiveState:
    """Copy the state that the last day left; what is on order comes one by one, by its days, or never."""
    truth = sample.truth
    weight = truth.intensity[:, -RECENT_DAYS:].mean(axis=1) * truth.sold_on[:, -1]
    open_lines = _open_lines(truth)
    on_order = np.zeros_like(truth.on_order)
    for pair, lines in open_lines.items():
        on_order[pair] = sum(line.quantity for line in lines)
    return LiveState(
        physical=truth.on_hand[:, -1].copy(),
        book=truth.book[:, -1].copy(),
        on_order=on_order,
        reorder_point=np.maximum(truth.reorder_point, truth.chain.case_milli // 2),
        case_milli=truth.chain.case_milli,
        weight=weight,
        regular_micros=np.array([p.price_micros for p in truth.chain.products], np.int64)[
            truth.chain.product_of
        ],
        price_micros=truth.price_micros[:, -1].copy(),
        promotion=truth.promotion[:, -1].copy(),
        sensors=sample.sensors,
        last_order=int(truth.purchases.number.max(initial=0)),
        open_lines=open_lines,
        due=[(10 * i, pair) for i, pair in enumerate(open_lines, start=1)],
    )


def _open_lines(truth: Truth) -> dict[int, list[OpenLine]]:
    """Return the lines of each pair that had not come by the end; pairs in the order in which they are due."""
    coming = truth.purchases.deliveries()
    open_now = np.flatnonzero(coming.day >= truth.days.size)
    order = open_now[np.argsort(coming.day[open_now], kind="stable")]
    pending = truth.purchases.take(coming.row[order])
    columns = (pending.pair, pending.number, pending.line, coming.quantity_milli[order])
    found: dict[int, list[OpenLine]] = {}
    for pair, number, line, quantity in zip(*(c.tolist() for c in columns), strict=True):
        found.setdefault(pair, []).append(OpenLine(number, line, quantity))
    return found
