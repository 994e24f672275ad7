"""Orders of one supplier together: an order's minimum, full trucks and price breaks.

Every way to meet the supplier's terms is made of single steps of single lines, the cheapest first, and costed on the
lines' own expected costs; the cheapest way is taken. Ordering nothing is one of them.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from replenishment.formulas.conditions import Array, not_negative

Way = Literal["as proposed", "minimum", "full truck", "fewer trucks", "price break", "nothing"]


class SupplierTerms(NamedTuple):
    """Terms of one supplier: minimum, the least money of an order; truck, its volume, and freight, the money of each.

    breaks: (money from which on, share off the whole order), ascending. 0 and () where there is no such term.
    """

    minimum: float = 0.0
    truck: float = 0.0
    freight: float = 0.0
    breaks: tuple[tuple[float, float], ...] = ()


class JoinedOrder(NamedTuple):
    """quantity (k,) of the supplier's lines, the way taken, and what each way costs, less what it saves."""

    quantity: Array
    way: Way
    costs: dict[Way, float]


def join_order(
    grid: Array,
    costs: Array,
    quantity: Array,
    unit_cost: Array,
    terms: SupplierTerms,
    *,
    volume: Array | None = None,
    may_wait: bool = True,
) -> JoinedOrder:
    """Return the cheapest orders of one supplier's k lines under its terms.

    grid: (k, P), possible orders of each line, ascending, 0 among them, such as of `pack_grid`; costs: (k, P), their
    expected costs, of `order_costs`; quantity: (k,), the proposed ones, out of the grid. volume: (k,) of a unit, for
    trucks. may_wait: ordering nothing is one of the ways.
    """
    _check(grid, costs, quantity, terms)
    size = np.zeros(quantity.size) if volume is None else volume
    start = np.argmax(grid >= quantity[:, None] - 1e-9, axis=1)
    order = _Order(grid, costs, start)
    ways: dict[Way, NDArray[np.int64]] = {
        "nothing": np.argmin(np.abs(grid), axis=1),
        "as proposed": start,
    }
    ways["minimum"] = order.raised(start, unit_cost, terms.minimum)
    for least, _ in terms.breaks:
        at = order.raised(start, unit_cost, least)
        if order.total(at, unit_cost) >= least:
            ways["price break"] = _cheaper(
                ways.get("price break"), at, order, unit_cost, size, terms
            )
    if terms.truck > 0:
        trucks = order.total(ways["minimum"], size) / terms.truck
        ways["full truck"] = order.raised(
            ways["minimum"], size, np.ceil(trucks - 1e-9) * terms.truck, most=True
        )
        ways["fewer trucks"] = order.lowered(start, size, np.floor(trucks + 1e-9) * terms.truck)
    found = {way: _cost(at, order, unit_cost, size, terms) for way, at in ways.items()}
    # of equal costs the way that changes least
    ranked: list[Way] = [
        "as proposed",
        "minimum",
        "full truck",
        "price break",
        "fewer trucks",
        "nothing",
    ]
    if not may_wait:
        ranked.remove("nothing")
    best = min((way for way in ranked if way in found), key=lambda way: found[way])
    return JoinedOrder(order.units(ways[best]), best, found)


def _cheaper(
    old: NDArray[np.int64] | None,
    new: NDArray[np.int64],
    order: "_Order",
    unit_cost: Array,
    size: Array,
    terms: SupplierTerms,
) -> NDArray[np.int64]:
    if old is None:
        return new
    return min((old, new), key=lambda at: _cost(at, order, unit_cost, size, terms))


def _cost(
    at: NDArray[np.int64], order: "_Order", unit_cost: Array, size: Array, terms: SupplierTerms
) -> float:
    money = order.total(at, unit_cost)
    if money == 0 and not order.units(at).any():
        return 0.0
    if money < terms.minimum * (1 - 1e-12):
        return float("inf")
    trucks = np.ceil(order.total(at, size) / terms.truck - 1e-9) if terms.truck > 0 else 0.0
    off = max((share for least, share in terms.breaks if money >= least), default=0.0)
    return float(order.cost(at) + trucks * terms.freight - off * money)


class _Order:
    """Places in the grids of all lines, moved by the cheapest steps."""

    def __init__(self, grid: Array, costs: Array, start: NDArray[np.int64]) -> None:
        self.grid, self.costs, self.rows = grid, costs, np.arange(start.size)

    def units(self, at: NDArray[np.int64]) -> Array:
        return np.asarray(self.grid[self.rows, at])

    def cost(self, at: NDArray[np.int64]) -> float:
        return float(self.costs[self.rows, at].sum())

    def total(self, at: NDArray[np.int64], size: Array) -> float:
        return float(size @ self.units(at))

    def raised(
        self, start: NDArray[np.int64], size: Array, least: float, *, most: bool = False
    ) -> NDArray[np.int64]:
        """Add the cheapest steps until the total is `least`, or as far as the grid goes; `most`: never beyond it."""
        at = start.copy()
        while (total := self.total(at, size)) < least - 1e-9:
            step, price = self._steps(at, +1, size)
            if most:
                price = np.where(total + step > least + 1e-9, np.inf, price)
            if price.min() == np.inf:
                break
            at[int(np.argmin(price))] += 1
        return at

    def lowered(self, start: NDArray[np.int64], size: Array, most: float) -> NDArray[np.int64]:
        """Take the steps away that are missed least until the total is at most `most`."""
        at = start.copy()
        while self.total(at, size) > most + 1e-9:
            _, price = self._steps(at, -1, size)
            if price.min() == np.inf:
                break
            at[int(np.argmin(price))] -= 1
        return at

    def _steps(self, at: NDArray[np.int64], way: int, size: Array) -> tuple[Array, Array]:
        """Return the size of each line's next step, and what it costs by size; infinite where there is none."""
        there = np.clip(at + way, 0, self.grid.shape[1] - 1)
        moved = np.abs(self.grid[self.rows, there] - self.grid[self.rows, at])
        step = size * moved
        extra = self.costs[self.rows, there] - self.costs[self.rows, at]
        with np.errstate(divide="ignore", invalid="ignore"):
            price = np.where(step > 0, extra / step, np.inf)
        # a place with the same order is passed at once, so that the one behind it is seen
        price[(moved == 0) & (there != at)] = -np.inf
        return step, price


def _check(grid: Array, costs: Array, quantity: Array, terms: SupplierTerms) -> None:
    not_negative(minimum=terms.minimum, truck=terms.truck, freight=terms.freight, grid=grid)
    if grid.ndim != 2 or grid.shape != costs.shape or quantity.shape != grid.shape[:1]:
        raise ValueError("grid and costs must be lines x orders, and quantity one of each line")
    if (np.diff(grid, axis=1) < 0).any() or grid[:, 0].any():
        raise ValueError("each line's possible orders must ascend from 0")
    if (np.abs(grid - quantity[:, None]).min(axis=1) > 1e-6).any():
        raise ValueError("each proposed order must be one of the possible ones")
