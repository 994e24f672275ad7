"""Walk history through a policy, period by period, all lines and seeds at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from replenishment.formulas.conditions import Array, not_negative, whole
from replenishment.lines.lead_times import LeadTimes
from replenishment.lines.lines import Lines
from replenishment.replaying.measures import Count, Measures
from replenishment.replaying.shelves import Day, Shelves

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Moment:
    """What a buyer knows when a period begins, before anything arrives or is sold.

    period: its number. lines: on hand less what customers wait for, and on order by the period in which it is expected.
    due: (n,) lines whose review it is.
    """

    period: int
    lines: Lines
    due: NDArray[np.bool_]

    @property
    def position(self) -> Array:
        """Return the inventory position of each line: (n,) units."""
        return np.asarray(self.lines.on_hand + self.lines.on_order.sum(axis=1))


# Returns units to order, (n,); what is not due is not ordered.
Decide = Callable[[Moment], Array]


@dataclass(frozen=True)
class ReplayTerms:
    """Terms of a replay: lead times, (n,) periods between reviews, and whether customers wait.

    warm_up: periods that are played and not counted.
    """

    leads: LeadTimes
    review: ArrayLike = 1
    backorders: bool = False
    warm_up: int = 0

    @property
    def span(self) -> int:
        """Return the periods until the next order arrives, lead time and review, of the mean line."""
        review = np.asarray(self.review, dtype=np.float64)
        return int(np.ceil(self.leads.mean.mean() + review.mean() - 1e-9))


class Replay:
    """A replay under way. `step` plays one period; `measures` is what was counted so far.

    lines: as they are at the start, on hand and on order with it. uniform: draws (n,) in [0, 1) for the lead time of an
    order, one call a period, the same for every policy that is compared.
    """

    def __init__(self, lines: Lines, terms: ReplayTerms, draw: Callable[[], Array]) -> None:
        self.lines, self.terms, self.draw = lines, terms, draw
        self.period = 0
        whole(review=terms.review)
        self.review = np.broadcast_to(np.asarray(terms.review, dtype=np.int64), (len(lines),))
        if (self.review < 1).any():
            raise ValueError("review must be at least one period")
        self.longest = int(terms.leads.longest.max())
        self.shelves = Shelves(lines, self.longest, backorders=terms.backorders)
        self.count = Count(lines, backorders=terms.backorders)

    def moment(self) -> Moment:
        """Return what a buyer knows now."""
        seen = self.shelves.seen(self.lines, self.terms.leads, self.longest + 1)
        return Moment(self.period, seen, self.period % self.review == 0)

    def step(self, decide: Decide, demand: Array) -> tuple[Day, Array]:
        """Order, receive, sell and throw away. demand: (n,) units. Returns what happened, and what was ordered."""
        not_negative(demand=demand)
        if np.shape(demand) != (len(self.lines),):
            raise ValueError(f"demand must be of {len(self.lines)} lines, not {np.shape(demand)}")
        ordered = np.zeros(len(self.lines))
        moment = self.moment()
        if moment.due.any():
            ordered = np.where(moment.due, decide(moment), 0.0)
        not_negative(orders=ordered)
        day = self.shelves.step(ordered, self._leads(), demand)
        if self.period >= self.terms.warm_up:
            self.count.add(
                day,
                ordered,
                demand,
                self.shelves.on_hand,
                self.shelves.position,
                self.shelves.waiting,
            )
        self.period += 1
        return day, ordered

    def _leads(self) -> Ints:
        reached = np.cumsum(self.terms.leads.shares, axis=1)
        drawn = (self.draw()[:, None] >= reached - 1e-12).sum(axis=1)
        return np.asarray(np.minimum(drawn, self.terms.leads.longest), dtype=np.int64)

    def measures(self) -> Measures:
        """Return what was counted."""
        return self.count.measures()


def replay(
    lines: Lines, demand: NDArray[Any], decide: Decide, terms: ReplayTerms, *, seed: int = 0
) -> Measures:
    """Play demand (T, n) units through a policy. The same seed gives the same lead times to every policy."""
    played = Replay(lines, terms, draws(seed, len(lines)))
    for units in np.asarray(demand, dtype=np.float64):
        played.step(decide, units)
    return played.measures()


def draws(seed: int, n: int) -> Callable[[], Array]:
    """Return what draws (n,) numbers in [0, 1) at each call."""
    rng = np.random.default_rng(seed)
    return lambda: rng.random(n)
