"""Order lines: one product in one location each, all facts of a line in arrays of the same length."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from replenishment.formulas.conditions import Array, not_negative

Rows = slice | NDArray[np.int64]
# By period; all others are one number a line.
BY_PERIOD = ("on_order", "in_transit", "expiring")
# Pack times multiple in thousandths is what they share at most, and has to be a whole number of 64 bits.
STEPS_MAX = 9e12
# What may be infinite: no limit, no end.
UNBOUNDED = ("capacity", "shelf_life", "ends", "most_sold")


@dataclass(frozen=True)
class Lines:
    """Facts of n lines; make them with `make_lines`.

    All arrays float64: (n,), or (n, T) by period; period 0 is the present one.

    - Stock, units: on_hand; reserved, promised out of it; on_order and in_transit, (n, T), by the period at whose
      start they are expected, on_order never after an order of now (`walk`), in_transit on its day whatever comes;
      expiring, (n, T), units on hand that cannot be sold after a period.
    - Order, units: pack; multiple, orders are whole multiples of it and of the pack; minimum; capacity, the most
      that may be there when an order arrives; presentation, stock that is to be there always; most_sold, the most
      ever sold over an interval of lead time and review.
    - Money: unit_cost, price and salvage a unit; holding a unit and period; shortage a unit missed, or with
      backorders a unit and period that it waits; order_cost an order of the line.
    - Life: shelf_life of what arrives, periods; ends, the period from which the line is not sold any more.
    """

    on_hand: Array
    reserved: Array
    on_order: Array
    in_transit: Array
    expiring: Array
    pack: Array
    multiple: Array
    minimum: Array
    capacity: Array
    presentation: Array
    most_sold: Array
    unit_cost: Array
    price: Array
    salvage: Array
    holding: Array
    shortage: Array
    order_cost: Array
    shelf_life: Array
    ends: Array

    def __len__(self) -> int:
        return self.on_hand.size

    def take(self, rows: Rows) -> "Lines":
        """Return some of the lines."""
        return Lines(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def replace(self, **facts: Array) -> "Lines":
        """Return the lines with some facts changed, arrays as they stand."""
        return replace(self, **facts)

    def arriving(self, periods: int) -> Array:
        """Return what is on its way, by period of arrival: (n, periods); later arrivals are left out."""
        total = np.zeros((len(self), periods))
        for coming in (self.on_order, self.in_transit):
            seen = min(periods, coming.shape[1])
            total[:, :seen] += coming[:, :seen]
        return total

    @property
    def step(self) -> Array:
        """Return the least units by which an order grows: the least common multiple of pack and multiple."""
        pack, multiple = (
            np.rint(one * 1000).astype(np.int64) for one in (self.pack, self.multiple)
        )
        return np.asarray(np.lcm(pack, multiple) / 1000.0)

    @property
    def worth(self) -> Array:
        """Return what a unit missed costs: the shortage cost, or where it is 0 the margin, price − unit_cost."""
        margin = np.maximum(self.price - self.unit_cost, 0.0)
        return np.where(self.shortage > 0, self.shortage, margin)


DEFAULTS: dict[str, float] = {
    "reserved": 0.0,
    "pack": 1.0,
    "multiple": 0.001,
    "minimum": 0.0,
    "capacity": np.inf,
    "presentation": 0.0,
    "most_sold": np.inf,
    "unit_cost": 0.0,
    "price": 0.0,
    "salvage": 0.0,
    "holding": 0.0,
    "shortage": 0.0,
    "order_cost": 0.0,
    "shelf_life": np.inf,
    "ends": np.inf,
}


def make_lines(on_hand: ArrayLike, **facts: ArrayLike) -> Lines:
    """Return lines of these facts: numbers for all lines, or an array; what is not given has no effect.

    on_hand: (n,) units; may be below 0 where customers wait. Raises ValueError for an unknown or impossible fact.
    """
    stock = np.atleast_1d(np.asarray(on_hand, dtype=np.float64))
    if stock.ndim != 1 or not np.isfinite(stock).all():
        raise ValueError("on_hand must be one finite number a line")
    if unknown := sorted(facts.keys() - {*DEFAULTS, *BY_PERIOD}):
        raise ValueError(f"lines have no {', '.join(unknown)}")
    made: dict[str, Any] = {"on_hand": stock}
    for name, default in DEFAULTS.items():
        made[name] = _number(name, facts.get(name, default), stock.size)
    for name in BY_PERIOD:
        made[name] = _by_period(name, facts.get(name), stock.size)
    if (made["pack"] < 0.001).any() or (made["multiple"] < 0.001).any():
        raise ValueError("pack and multiple must be at least a thousandth of a unit")
    if (made["pack"] * made["multiple"] > STEPS_MAX).any():
        raise ValueError("pack and multiple are too large to have a common step")
    if (made["expiring"].sum(axis=1) > np.maximum(stock, 0.0) + 1e-9).any():
        raise ValueError("expiring must not be more than on_hand")
    return Lines(**made)


def _number(name: str, value: ArrayLike, n: int) -> Array:
    number = np.asarray(value, dtype=np.float64)
    if name in UNBOUNDED:
        not_negative(**{name: np.where(np.isposinf(number), 0.0, number)})
    else:
        not_negative(**{name: number})
    if number.shape not in ((), (1,), (n,)):
        raise ValueError(f"{name} must be a number, or one of each of {n} lines")
    return np.ascontiguousarray(np.broadcast_to(number, (n,)))


def _by_period(name: str, value: ArrayLike | None, n: int) -> Array:
    if value is None:
        return np.zeros((n, 0))
    found = np.asarray(value, dtype=np.float64)
    not_negative(**{name: found})
    if found.ndim == 1:
        found = found[None, :]
    if found.ndim != 2 or found.shape[0] not in (1, n):
        raise ValueError(f"{name} must be units of each of {n} lines by period")
    return np.ascontiguousarray(np.broadcast_to(found, (n, found.shape[1])))
