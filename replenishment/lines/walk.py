"""Walk stock along joint sample paths until an order arrives, and find what would be needed of it from then on.

n lines, B paths, T periods. y is what is missing: minus the stock, so that customers wait or are lost above 0. Until
the order arrives (at the start of period l of a path) lost sales keep it at most 0; from then on it runs freely,
and its running maximum is the order that would have met all demand so far: with lost sales the units lost are exactly
what this maximum exceeds the order by (reflection at 0). Cost: about four passes over the paths, in single precision.

What is on order comes on its day, but never after the order of now, and what is expected no sooner than an order of
now comes with it. Otherwise the new order is credited on every path on which it would come a day before what is on its
way, and the same need is ordered again however much is.
"""

# ruff: noqa: S101 - a kernel asserts shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from replenishment.lines.lines import Lines

Single = NDArray[np.float32]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_] | bool
# More than any stock, and finite, so that 0 times it is 0.
BEYOND = np.float32(1e30)


@dataclass(frozen=True)
class Needs:
    """What n lines need of an order on each of B paths, units; all float32.

    need: (n, B), the order without which something would be missed until the next one can arrive; below 0: there is
    more than enough. later: (K, n, B), the same until the K arrivals after that. demand: (n, B), from now until the
    next order's arrival. window: (n, B), the part of it after this order's arrival. stock: (n, B), what is there when
    the order arrives, other arrivals of the period with it. lost: (n, B), demand lost, or waiting, by then. used:
    (K, n, B), units sold, or asked for, before each of the K reviews after this one. within: (R, n, B), need at the end
    of each period between two arrivals, with lost sales the highest so far; empty where they are one period apart, or
    nothing is decided by cost.
    """

    need: Single
    later: Single
    demand: Single
    window: Single
    stock: Single
    lost: Single
    used: Single
    within: Single


def walk(
    lines: Lines,
    paths: Single,
    leads: Ints,
    review: int,
    *,
    backorders: bool,
    windows: int,
    usual: Ints | None = None,
    by_cost: bool = False,
) -> Needs:
    """Walk one block of lines. paths: (T, n, B) units, period-major. leads: () or (n, B). windows: 1 + K.

    usual: (n,) middle lead times, by which what is on order is expected; None where the lead time is sure.
    by_cost: costs decide, so each period counts.

    The presentation stock counts as needed. What a shelf life does not reach is not.
    """
    T, n, B = paths.shape
    assert len(lines) == n
    assert leads.shape in ((), (n, B))
    state = _State(
        lines, (n, B), leads, review, windows, usual, backorders=backorders, by_cost=by_cost
    )
    assert state.periods <= T
    for t in range(state.periods):
        state.step(t, paths[t])
    return state.needs()


class _State:
    """The walk's arrays. A mask is an array (n, B), or True or False for all paths, which costs nothing."""

    def __init__(
        self,
        lines: Lines,
        shape: tuple[int, int],
        leads: Ints,
        review: int,
        windows: int,
        usual: Ints | None,
        *,
        backorders: bool,
        by_cost: bool,
    ) -> None:
        self.review, self.windows, self.backorders = review, windows, backorders
        # the narrower the numbers, the faster they are compared
        self.leads, self.first, self.last = (
            leads.astype(np.int16),
            int(leads.min()),
            int(leads.max()),
        )
        self.periods = self.last + review * windows
        self.coming = lines.arriving(self.periods).astype(np.float32)
        self.behind = None
        if usual is not None and self.first < self.last and lines.on_order.any():
            self.behind = _Behind(lines, leads, self.last, usual)
            self.coming[:, : self.last + 1] -= self.behind.expected
        self.any_coming = np.asarray(self.coming.any(axis=0))
        # promised units go before anybody else is served
        start = (lines.reserved - lines.on_hand).astype(np.float32)
        self.owes = bool((start > 0).any())
        self.y = np.repeat(start[:, None], shape[1], axis=1)
        self.top = np.full(shape, -BEYOND, dtype=np.float32)
        self.over = np.empty(shape, dtype=np.float32)
        self.total, self.lost, self.before, self.stock, self.demand = (
            np.zeros(shape, dtype=np.float32) for _ in range(5)
        )
        self.tops = np.zeros((windows, *shape), dtype=np.float32)
        self.used = np.zeros((windows - 1, *shape), dtype=np.float32)
        inside = review if review > 1 and by_cost else 0
        self.within = np.zeros((inside, *shape), dtype=np.float32)
        # a shelf that will be cleared before the next order need not look full
        stays = lines.ends > self.last + review
        self.presentation = np.where(stays, lines.presentation, 0.0).astype(np.float32)
        self.cover: Ints = np.minimum(review, np.maximum(lines.shelf_life, 1.0)).astype(np.int64)
        self.short_lived = bool((self.cover < review).any())
        self.ends = lines.ends if np.isfinite(lines.ends).any() else None
        self.lots = _Lots(lines, shape) if lines.expiring.any() else None

    def step(self, t: int, sold: Single) -> None:
        """Go on by one period in which `sold` (n, B) is asked for."""
        if self.ends is not None:
            sold = sold * (self.ends > t).astype(np.float32)[:, None]
        if self.any_coming[t]:
            self.y -= self.coming[:, t, None]
        if self.behind is not None and t <= self.last:
            self.y -= self.behind.arriving(t)
        if (arrived := self._since(t, 0)) is not False:
            # with what arrives beside it, which takes its room
            _put(self.stock, -self.y, arrived)
            _put(self.before, self.total, arrived)
        free = t >= self.last or (self.leads <= t if t >= self.first else False)
        if free is True or self.backorders:
            self.y += sold
        else:
            self._lose(sold, free)
        self.total += sold
        self._review(t + 1)
        if self.lots is not None:
            self.y += self.lots.expired(t, self.total - self.lost)
        if free is not False:
            np.maximum(self.top, _only(self.y, self._reached(t, free)), out=self.top)
        # who waits is served by what comes; what was lost, or cannot be reached, is not
        needed = self.y if self.backorders and not self.short_lived else self.top
        for passed in range(len(self.within)):
            if (now := self._since(t, passed)) is not False:
                _put(self.within[passed], needed, now)
        if (done := self._since(t, self.review - 1)) is not False:
            _put(self.demand, self.total, done)
        for k in range(self.windows):
            if (done := self._since(t, (k + 1) * self.review - 1)) is not False:
                _put(self.tops[k], self.top, done)

    def _review(self, t: int) -> None:
        """Note what was used, if t is one of the later reviews."""
        number, rest = divmod(t, self.review)
        if rest == 0 and 0 < number < self.windows:
            np.subtract(self.total, self.lost, out=self.used[number - 1])

    def _since(self, t: int, passed: int) -> Mask:
        """Return on which paths the order arrived so many periods before t."""
        if not self.first <= t - passed <= self.last:
            return False
        return True if self.first == self.last else self.leads == t - passed

    def _lose(self, sold: Single, free: Mask) -> None:
        """Sell what is there, and lose the rest where the order is still to come."""
        # who waits for a promised unit is not lost
        low = np.maximum(self.y, 0) if self.owes else np.float32(0)
        self.y += sold
        np.subtract(self.y, low, out=self.over)
        np.maximum(self.over, 0, out=self.over)
        if free is not False:
            self.over *= np.logical_not(free).astype(np.float32)
        self.y -= self.over
        self.lost += self.over

    def _reached(self, t: int, free: Mask) -> Mask:
        """Return the paths whose order can serve period t: what it does not live to serve is no reason for it."""
        if not self.short_lived:
            return free
        since = t - self.leads
        lives = (since < self.cover[:, None]) | (since >= self.review)
        return np.broadcast_to(lives, self.y.shape) & free

    def needs(self) -> Needs:
        """Return what was found."""
        tops, within = self.tops, self.within
        if self.presentation.any():
            tops, within = (one + self.presentation[None, :, None] for one in (tops, within))
        return Needs(
            tops[0],
            tops[1:],
            self.demand,
            self.demand - self.before,
            self.stock,
            np.maximum(-self.stock, 0) if self.backorders else self.lost,
            self.used,
            within,
        )


def _put(into: Single, values: Single, mask: Mask) -> None:
    """Put values where the mask says, once each, into an array of zeros. Products take a hundredth of a masked copy."""
    if mask is True:
        into[...] = values
    else:
        into += values * np.asarray(mask, dtype=np.float32)


def _only(values: Single, mask: Mask) -> Single:
    """Return the values where the mask says, and what no maximum takes elsewhere."""
    if mask is True:
        return values
    return np.asarray(values - BEYOND * np.logical_not(mask).astype(np.float32))


class _Behind:
    """What is on order and expected before an order of now must have come: on its day, or with that order if sooner.

    expected: (n, last + 1) units by the period in which they are expected. What is expected no sooner than an order of
    now usually comes is as good as one of now, and comes with it, late or early.
    """

    def __init__(self, lines: Lines, leads: Ints, last: int, usual: Ints) -> None:
        n, T = lines.on_order.shape
        self.leads = leads
        self.expected = np.zeros((n, last + 1), dtype=np.float32)
        self.expected[:, : min(T, last + 1)] = lines.on_order[:, : last + 1]
        # what is due in the present period is there, unless an order of now comes no later
        self.expected[usual > 0, 0] = 0.0
        early = np.arange(last + 1) < usual[:, None]
        self.early = np.where(early, self.expected, np.float32(0))
        # what comes with an order of now that comes in a period
        self.left = (
            self.expected.sum(axis=1, keepdims=True) - np.cumsum(self.early, axis=1) + self.early
        )

    def arriving(self, t: int) -> Single:
        """Return the units that come in period t: (n, B)."""
        on_its_day = self.early[:, t, None] * (self.leads > t).astype(np.float32)
        with_order = self.left[:, t, None] * (self.leads == t).astype(np.float32)
        return np.asarray(on_its_day + with_order)


class _Lots:
    """Lots that expire, first to expire first sold; promised units are taken from them before all others."""

    def __init__(self, lines: Lines, shape: tuple[int, int]) -> None:
        until = np.cumsum(lines.expiring, axis=1) - lines.reserved[:, None]
        self.until = until.astype(np.float32)
        self.gone = np.zeros(shape, dtype=np.float32)

    def expired(self, t: int, served: Single) -> Single:
        """Return the units that expire at the end of period t unsold. served: (n, B), all units sold by then."""
        if t >= self.until.shape[1]:
            return np.float32(0)  # type: ignore[return-value]
        now = np.maximum(self.until[:, t, None] - served - self.gone, 0)
        self.gone += now
        return np.asarray(now)
