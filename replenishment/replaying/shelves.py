"""Stock of n lines from period to period: lots by the life that is left, and open orders by their age.

A period: orders are placed, what is due arrives, customers come, what has reached its end is thrown away.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replenishment.formulas.conditions import Array
from replenishment.lines.lead_times import LeadTimes
from replenishment.lines.lines import Lines

Ints = NDArray[np.int64]


class Day(NamedTuple):
    """What happened to n lines in one period, units: received, sold, missed (lost, or now waiting) and wasted."""

    received: Array
    sold: Array
    missed: Array
    wasted: Array


class Shelves:
    """Lots and open orders of n lines.

    lots: (n, A) units that can be sold for 1, 2, … A periods more, the last column forever where a line keeps. waiting:
    (n,) units that customers wait for. open: (n, L + 1) units ordered 0, 1, … L periods ago that have not come, and
    leads: (n, L + 1) the periods after which they will.
    """

    def __init__(self, lines: Lines, longest: int, *, backorders: bool) -> None:
        n = len(lines)
        self.backorders = backorders
        finite = np.isfinite(lines.shelf_life)
        self.life = np.where(finite, np.maximum(lines.shelf_life, 1), 0).astype(np.int64)
        width = max(int(self.life.max(initial=0)), lines.expiring.shape[1], 1)
        self.keeps = ~finite
        self.any_ends = bool(finite.any() or lines.expiring.any())
        self.lots = np.zeros((n, width + 1))
        self.lots[:, : lines.expiring.shape[1]] = lines.expiring
        rest = np.maximum(lines.on_hand, 0.0) - lines.expiring.sum(axis=1)
        # what is there at the start without a date is as good as new
        self.lots[np.arange(n), self._column()] += np.maximum(rest, 0.0)
        self.waiting = np.maximum(-lines.on_hand, 0.0)
        size = max(longest, lines.on_order.shape[1], lines.in_transit.shape[1]) + 1
        self.open, self.leads = np.zeros((n, size)), np.full((n, size), size)
        for column, units in enumerate(lines.arriving(size - 1).T):
            # as if it had been ordered so long ago that it arrives in this period
            age = size - 1 - column
            self.open[:, age], self.leads[:, age] = units, size - 1

    @property
    def on_hand(self) -> Array:
        """Return the units that are there: (n,)."""
        return np.asarray(self.lots.sum(axis=1))

    @property
    def position(self) -> Array:
        """Return the inventory position, on hand + on order − waiting: (n,) units."""
        return np.asarray(self.on_hand + self.open.sum(axis=1) - self.waiting)

    def seen(self, lines: Lines, leads: LeadTimes, periods: int) -> Lines:
        """Return the lines as a buyer sees them: what is on order is expected when its kind comes on average."""
        expiring = self.lots[:, :-1].copy()
        facts = {name: getattr(lines, name) for name in lines.__dataclass_fields__}
        return Lines(
            **{
                **facts,
                "on_hand": self.on_hand - self.waiting,
                "on_order": self.expected(leads, periods),
                "in_transit": np.zeros((len(lines), 0)),
                "expiring": expiring if self.any_ends else np.zeros((len(lines), 0)),
            }
        )

    def expected(self, leads: LeadTimes, periods: int) -> Array:
        """Return open orders by the period in which they are expected, (n, periods): never known better than that.

        An order of age a comes after the mean of those lead times that are longer than what has passed; one that is
        later than any is expected in the present period.
        """
        made = np.zeros((self.open.shape[0], periods))
        rows = np.arange(self.open.shape[0])
        length = np.arange(leads.shares.shape[1])
        for age in np.flatnonzero(self.open.any(axis=0)).tolist():
            left = leads.shares * (length >= age)
            chance = left.sum(axis=1)
            mean = np.divide(
                left @ length, chance, out=np.full(chance.shape, float(age)), where=chance > 0
            )
            ahead = np.clip(np.rint(mean).astype(np.int64) - age, 0, periods - 1)
            np.add.at(made, (rows, np.broadcast_to(ahead, rows.shape)), self.open[:, age])
        return made

    def step(self, ordered: Array, lead: Ints, demand: Array) -> Day:
        """Go on by one period. ordered: (n,) units; lead: (n,) periods until they come; demand: (n,) units."""
        self.open[:, 0], self.leads[:, 0] = ordered, lead
        received = self._receive()
        before = self.waiting
        wanted = demand + before
        sold = np.minimum(wanted, self.on_hand)
        self._sell(sold)
        short = wanted - sold
        if self.backorders:
            self.waiting = short
            # who waited already was missed before
            missed = np.minimum(short, demand)
        else:
            missed = short
        wasted = self._expire()
        self.open[:, 1:], self.leads[:, 1:] = self.open[:, :-1].copy(), self.leads[:, :-1].copy()
        self.open[:, 0] = 0.0
        return Day(received, sold, missed, wasted)

    def _column(self) -> Ints:
        return np.where(self.keeps, self.lots.shape[1] - 1, self.life - 1)

    def _receive(self) -> Array:
        due = self.leads == np.arange(self.open.shape[1])
        received = (self.open * due).sum(axis=1)
        self.open[due] = 0.0
        self.lots[np.arange(received.size), self._column()] += received
        return np.asarray(received)

    def _sell(self, sold: Array) -> None:
        """Take the units out of the lots, first those that end first."""
        if not self.any_ends:
            self.lots[:, -1] -= sold
            return
        upto = np.cumsum(self.lots, axis=1)
        left = np.maximum(upto - sold[:, None], 0.0)
        self.lots = np.diff(left, axis=1, prepend=0.0)

    def _expire(self) -> Array:
        """Throw away what could be sold in this period for the last time, and age the rest."""
        wasted = self.lots[:, 0].copy()
        if not self.any_ends:
            return wasted
        self.lots[:, :-2] = self.lots[:, 1:-1]
        self.lots[:, -2] = 0.0
        return wasted
