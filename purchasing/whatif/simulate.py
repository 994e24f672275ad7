"""Lines walked ahead on joint paths: what is ordered at each review, what arrives, what is sold and what is missed.

n lines, B paths, H periods. Customers who find nothing are lost. What ends first is sold first, and what has ended is
thrown away at the end of its period.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from replenishment import LeadTimes, Lines, make_lines, make_policy, propose_orders
from replenishment.ordering.rounding import round_orders

Array = NDArray[np.float64]
Demand = NDArray[np.float32]
Mask = NDArray[np.bool_]
Index = NDArray[np.int64]
# Lines at a time: 200 paths of them and 28 periods fit into the cache of a machine.
BLOCK = 256
SUMS = (
    "demand", "sold", "ordered", "stock_value", "holding", "missed", "spoiled", "spoiled_units", "spent", "empty",
    "lines",
)  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """How lines are ordered. kind, targets: of `make_policy`, (n,) each. orders: (n, H), periods that take an order."""

    kind: Literal["order_up_to", "least_cost"]
    targets: Mapping[str, Array]
    orders: Mask


@dataclass(frozen=True)
class Ahead:
    """What comes of it, summed over lines. stock: (B, H) units at the end of each period. Others (B,).

    demand, sold, ordered, spoiled_units: units. stock_value: money, mean over the periods. holding, missed, spoiled (at
    cost), spent: money. empty:
    line-periods in which somebody found too little. lines: orders of a line. today: units ordered in the first period,
    of each line (n,).
    """

    stock: Array
    demand: Array
    sold: Array
    ordered: Array
    stock_value: Array
    holding: Array
    missed: Array
    spoiled: Array
    spoiled_units: Array
    spent: Array
    empty: Array
    lines: Array
    today: Array


def simulate(
    lines: Lines,
    demand: Demand,
    leads: LeadTimes,
    rule: Rule,
    *,
    today: Array | None = None,
    bought: Mask | None = None,
) -> Ahead:
    """Walk lines ahead over the periods of rule.orders.

    demand: (n, B, T) units, reaching a lead time and a review beyond the last order. today: (n,) units that are ordered
    now, the same on all paths; NaN, or without it: what a line needs by itself, if it can be ordered in this period.
    Later orders bring each path's stock to the level that meets the target from then on, as far as there is room; a
    path's lead time is the same for all its orders. bought: (n,) lines whose orders cost money, all without it:
    goods of our own are paid for already.
    """
    n, B = demand.shape[:2]
    H = rule.orders.shape[1]
    assert rule.orders.shape[0] == n == len(lines)
    given = np.full(n, np.nan) if today is None else today
    paid = np.ones(n, dtype=np.bool_) if bought is None else bought
    parts = []
    for start in range(0, n, BLOCK):
        rows = slice(start, min(n, start + BLOCK))
        targets = {name: of[rows] for name, of in rule.targets.items()}
        some = Rule(rule.kind, targets, rule.orders[rows])
        place = np.arange(rows.start, rows.stop)
        taken = lines.take(place), demand[rows], leads.take(place, n), some, given[rows], paid[rows]
        parts.append(_block(*taken, H))
    summed = {
        name: sum(getattr(part, name) for part in parts)
        for name in Ahead.__dataclass_fields__
        if name != "today"
    }
    assert summed["stock"].shape == (B, H)
    return Ahead(**summed, today=np.concatenate([part.today for part in parts]))


def reviews(orders: Mask) -> Index:
    """Return the periods from each order to the next chance, (n, H); after the last one as many as before it."""
    n, H = orders.shape
    found = np.ones((n, H), dtype=np.int64)
    for line in range(n):
        at = np.flatnonzero(orders[line])
        gaps = np.diff(at)
        usual = int(gaps[-1]) if gaps.size else H
        found[line, at] = np.append(gaps, usual)
    return found


def _block(
    lines: Lines, demand: Demand, leads: LeadTimes, rule: Rule, given: Array, paid: Mask, H: int
) -> Ahead:
    n, B, _ = demand.shape
    lead = leads.of_paths(demand[:, :, :H].sum(axis=2))
    review = reviews(rule.orders)
    coming = np.zeros((n, B, H + int(lead.max()) + 1))
    coming[:, :, :H] += lines.arriving(H)[:, None, :]
    # below 0: promised to customers, who are served before others when something comes
    stock = np.repeat((lines.on_hand - lines.reserved)[:, None], B, axis=1)
    # what limits an order, for each line and path
    limits = make_lines(
        np.zeros(n * B),
        **{name: np.repeat(getattr(lines, name), B) for name in ("pack", "multiple", "minimum")},
    )
    unit, worth, holding = (x[:, None] for x in (lines.unit_cost, lines.worth, lines.holding))
    ends = _Ends(lines, (n, B), H)
    stocks = np.zeros((B, H))
    told = {name: np.zeros(B) for name in SUMS}
    today = np.nan_to_num(given)
    row, path = np.arange(n)[:, None], np.arange(B)[None, :]
    for t in range(H):
        placed = np.flatnonzero(rule.orders[:, t])
        if placed.size:
            order = np.zeros((n, B))
            if t == 0:
                own = placed[np.isnan(given[placed])]
                if own.size:
                    today[own] = _proposed(lines, demand, leads, rule, review, own)
                order[:] = today[:, None]
            else:
                level = _levels(lines, demand, leads, rule, review, placed, t)
                position = stock + coming[:, :, t:].sum(axis=2)
                wanted = np.zeros((n, B))
                wanted[placed] = level[:, None] - position[placed]
                room = np.floor(lines.capacity[:, None] - position).ravel()
                order = round_orders(wanted.ravel(), limits, room=room).quantity.reshape(n, B)
            np.add.at(coming, (row, path, t + lead), order)
            told["ordered"] += order.sum(axis=0)
            told["spent"] += (order * unit)[paid].sum(axis=0)
            told["lines"] += (order > 0).sum(axis=0)
        asked = demand[:, :, t].astype(np.float64)
        owed, stock = np.maximum(-stock, 0.0), stock + coming[:, :, t]
        sold = np.minimum(np.maximum(stock, 0.0), asked)
        handed_over = owed - np.maximum(-stock, 0.0)
        spoiled = ends.spoil(t, coming[:, :, : t + 1], sold + handed_over)
        stock = stock - sold - spoiled
        there = np.maximum(stock, 0.0)
        stocks[:, t] = there.sum(axis=0)
        told["demand"] += asked.sum(axis=0)
        told["sold"] += sold.sum(axis=0)
        told["missed"] += ((asked - sold) * worth).sum(axis=0)
        told["spoiled_units"] += np.broadcast_to(spoiled, (n, B)).sum(axis=0)
        told["spoiled"] += (spoiled * unit).sum(axis=0)
        told["empty"] += (asked > sold).sum(axis=0)
        told["holding"] += (there * holding).sum(axis=0)
        told["stock_value"] += (there * unit).sum(axis=0) / H
    return Ahead(stock=stocks, today=today, **told)


class _Ends:
    """Units by the last period in which they can be sold: lots as named, and what arrives by its shelf life."""

    def __init__(self, lines: Lines, shape: tuple[int, int], H: int) -> None:
        finite = np.isfinite(lines.shelf_life)
        self.any = bool(finite.any() or lines.expiring.any())
        self.life = np.where(finite, np.maximum(lines.shelf_life, 1), H + 1).astype(np.int64)
        self.ended = np.zeros((len(lines), H + 1))
        seen = min(H, lines.expiring.shape[1])
        self.ended[:, :seen] = lines.expiring[:, :seen]
        # what is there without a date is as good as new
        rest = np.maximum(lines.on_hand - lines.expiring.sum(axis=1), 0.0)
        self.ended[np.arange(len(lines)), np.minimum(self.life - 1, H)] += rest
        # promised units leave first
        gone = np.minimum(lines.reserved, lines.on_hand)[:, None]
        self.over, self.out = np.zeros(shape), np.repeat(gone, shape[1], axis=1)

    def spoil(self, t: int, came: Array, sold: Array) -> Array:
        """Return what ends unsold with period t, (n, B). came: (n, B, t + 1) arrivals of the periods so far."""
        self.out += sold
        if not self.any:
            return np.zeros((1, 1))
        self.over += self.ended[:, [t]]
        since = t + 1 - self.life
        at = np.flatnonzero(since >= 0)
        self.over[at] += came[at, :, since[at]]
        spoiled = np.maximum(self.over - self.out, 0.0)
        self.out += spoiled
        return np.asarray(spoiled)


def _proposed(
    lines: Lines, demand: Demand, leads: LeadTimes, rule: Rule, review: Index, rows: Index
) -> Array:
    """Return what some lines need today, each by itself, as on the order desk."""
    targets = {name: of[rows] for name, of in rule.targets.items()}
    policy = make_policy(rule.kind, rows.size, review=review[rows, 0], **targets)
    found = propose_orders(
        lines.take(rows), demand[rows], leads.take(rows, len(lines)), policy, workers=1
    )
    return found.quantity


def _levels(
    lines: Lines, demand: Demand, leads: LeadTimes, rule: Rule, review: Index, rows: Index, t: int
) -> Array:
    """Return the stock, with what is on order, to which an order of period t brings some lines."""
    facts = {
        name: getattr(lines, name)[rows]
        for name in ("unit_cost", "price", "holding", "shortage", "presentation", "shelf_life")
    }
    bare = make_lines(np.zeros(rows.size), **facts)
    targets = {name: of[rows] for name, of in rule.targets.items()}
    policy = make_policy(rule.kind, rows.size, review=review[rows, t], **targets)
    ahead = demand[rows][:, :, t:]
    found = propose_orders(
        bare, ahead, leads.take(rows, len(lines)), policy, backorders=True, workers=1
    )
    return found.level
