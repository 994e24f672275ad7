"""What a replay is judged by: service, stock, waste, orders and cost, item by item and in total."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from replenishment.formulas.conditions import Array
from replenishment.lines.lines import Lines
from replenishment.replaying.shelves import Day


@dataclass(frozen=True)
class Measures:
    """Sums over the counted periods of a replay, all (n,) float64; the shares follow from them.

    Units: demand, sold_at_once, missed, wasted, received; stock and position are sums over periods, at their ends.
    Periods: periods; short, with demand missed; empty, that end without stock. cycles: between two deliveries of a
    line, and cycles_short, in which something was missed. orders, deliveries: lines. Money: holding, shortage, waste
    (what it cost to buy, less its salvage) and ordering.
    """

    periods: Array
    demand: Array
    sold_at_once: Array
    missed: Array
    received: Array
    wasted: Array
    stock: Array
    position: Array
    short: Array
    empty: Array
    cycles: Array
    cycles_short: Array
    orders: Array
    deliveries: Array
    holding: Array
    shortage: Array
    waste: Array
    ordering: Array

    def __len__(self) -> int:
        return self.periods.size

    def take(self, rows: NDArray[np.int64] | slice) -> "Measures":
        """Return those of some lines; a line may come more than once, as in a bootstrap."""
        return Measures(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def total(self) -> "Measures":
        """Return the sum over all lines, as one line. Average stock is then the stock of all of them."""
        summed = {f.name: getattr(self, f.name).sum(keepdims=True) for f in fields(self)}
        return Measures(**{**summed, "periods": self.periods.max(initial=0, keepdims=True)})

    @property
    def fill_rate(self) -> Array:
        """Return the share of demand that was met from stock at once: (n,), 1 where nothing was asked for."""
        return _share(self.sold_at_once, self.demand)

    @property
    def cycle_service(self) -> Array:
        """Return the share of cycles in which nothing was missed: (n,), 1 without a cycle."""
        return _share(self.cycles - self.cycles_short, self.cycles)

    @property
    def mean_stock(self) -> Array:
        """Return the average stock on hand at the end of a period: (n,) units."""
        return _a_period(self.stock, self.periods)

    @property
    def mean_position(self) -> Array:
        """Return the average inventory position at the end of a period: (n,) units."""
        return _a_period(self.position, self.periods)

    @property
    def cost(self) -> Array:
        """Return holding, shortage, waste and ordering together: (n,) money."""
        return np.asarray(self.holding + self.shortage + self.waste + self.ordering)


def _a_period(total: Array, periods: Array) -> Array:
    """Return the mean of the periods that were counted: NaN where all were warm-up."""
    none = np.full_like(total, np.nan)
    return np.asarray(np.divide(total, periods, out=none, where=periods > 0))


def _share(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.ones_like(part), where=whole > 0)


class Count:
    """Adds up measures period by period."""

    def __init__(self, lines: Lines, *, backorders: bool) -> None:
        self.lines, self.backorders = lines, backorders
        self.sums = {f.name: np.zeros(len(lines)) for f in fields(Measures)}
        self.missed_in_cycle = np.zeros(len(lines), dtype=bool)
        self.running = np.zeros(len(lines), dtype=bool)

    def add(
        self, day: Day, ordered: Array, demand: Array, stock: Array, position: Array, waiting: Array
    ) -> None:
        """Count one period. stock, position, waiting: (n,) units at its end."""
        lines, missed = self.lines, day.missed > 0
        self._cycle(day.received > 0, missed)
        short = waiting if self.backorders else day.missed
        for name, value in (
            ("periods", 1.0),
            ("demand", demand),
            ("sold_at_once", demand - day.missed),
            ("missed", day.missed),
            ("received", day.received),
            ("wasted", day.wasted),
            ("stock", stock),
            ("position", position),
            ("short", missed),
            ("empty", stock <= 0),
            ("orders", ordered > 0),
            ("deliveries", day.received > 0),
            ("holding", lines.holding * stock),
            ("shortage", lines.worth * short),
            ("waste", (lines.unit_cost - lines.salvage) * day.wasted),
            ("ordering", lines.order_cost * (ordered > 0)),
        ):
            self.sums[name] += value

    def _cycle(self, delivered: NDArray[np.bool_], missed: NDArray[np.bool_]) -> None:
        """End a cycle at the next delivery; neither the time before the first delivery nor the open end is one."""
        ends = delivered & self.running
        self.sums["cycles"] += ends
        self.sums["cycles_short"] += ends & self.missed_in_cycle
        self.missed_in_cycle = np.where(delivered, False, self.missed_in_cycle) | missed
        self.running |= delivered

    def measures(self) -> Measures:
        """Return what was counted."""
        return Measures(**self.sums)
