"""Walk stock along joint sample paths until an order arrives, and find what would be needed of it from then on.

n lines, B paths, T periods. y is what is missing: minus the stock, so that customers wait or are lost above 0. Until
the order arrives (at the start of period l of a path) lost sales keep it at most 0; from then on it runs freely,
and its running maximum is the order that would have met all demand so far: with lost sales the units lost are exactly
what this maximum exceeds the order by (reflection at 0). Cost: about four passes over the paths, in single precision.
"""

# ruff: noqa: S101 - a kernel asserts shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from replenishment.lines.lines import Lines

Single = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Needs:
    """What n lines need of an order on each of B paths, units; all float32.

    need: (n, B), the order without which something would be missed until the next one can arrive; below 0: there is
    more than enough. later: (K, n, B), the same until the K arrivals after that. demand: (n, B), from now until the
    next order's arrival. window: (n, B), the part of it after this order's arrival. stock: (n, B), what is there when
    the order arrives. lost: (n, B), demand lost, or waiting, by then.
    """

    need: Single
    later: Single
    demand: Single
    window: Single
    stock: Single
    lost: Single


def walk(
    lines: Lines,
    paths: Single,
    leads: Ints,
    review: int,
    *,
    backorders: bool,
    windows: int,
) -> Needs:
    """Walk one block of lines. paths: (T, n, B) units, period-major. leads: () or (n, B). windows: 1 + K.

    The presentation stock counts as needed. What a shelf life does not reach is not.
    """
    T, n, B = paths.shape
    assert len(lines) == n
    assert leads.shape in ((), (n, B))
    longest = int(leads.max())
    assert longest + review * windows <= T
    state = _State(lines, (n, B), longest, review, windows, backorders=backorders)
    for t in range(longest + review * windows):
        state.step(t, paths[t], leads)
    return state.needs()


class _State:
    """The walk's arrays. One lead time for all keeps the masks away: `leads` is then a number."""

    def __init__(
        self,
        lines: Lines,
        shape: tuple[int, int],
        longest: int,
        review: int,
        windows: int,
        *,
        backorders: bool,
    ) -> None:
        self.review, self.windows, self.backorders = review, windows, backorders
        self.coming = lines.arriving(longest + review * windows).astype(np.float32)
        self.any_coming = np.asarray(self.coming.any(axis=0))
        # promised units go before anybody else is served
        start = (lines.reserved - lines.on_hand).astype(np.float32)
        self.owes = bool((start > 0).any())
        self.y = np.repeat(start[:, None], shape[1], axis=1)
        self.top = np.full(shape, -np.inf, dtype=np.float32)
        self.total, self.lost, self.before, self.stock = (
            np.zeros(shape, dtype=np.float32) for _ in range(4)
        )
        self.demand = np.zeros(shape, dtype=np.float32)
        self.tops = np.zeros((windows, *shape), dtype=np.float32)
        # a shelf that will be cleared before the next order need not look full
        stays = lines.ends > longest + review
        self.presentation = np.where(stays, lines.presentation, 0.0).astype(np.float32)
        self.cover: Ints = np.minimum(review, np.maximum(lines.shelf_life, 1.0)).astype(np.int64)
        self.short_lived = bool((self.cover < review).any())
        self.ends = lines.ends if np.isfinite(lines.ends).any() else None
        self.lots = _Lots(lines, shape) if lines.expiring.any() else None

    def step(self, t: int, sold: Single, leads: Ints) -> None:
        """Go on by one period in which `sold` (n, B) is asked for."""
        if self.ends is not None:
            sold = np.where(self.ends[:, None] <= t, np.float32(0), sold)
        if leads.ndim == 0:
            self._one(t, sold, int(leads))
        else:
            self._many(t, sold, leads)

    def _one(self, t: int, sold: Single, lead: int) -> None:
        if t == lead:
            np.negative(self.y, out=self.stock)
            self.before[...] = self.total
        if self.any_coming[t]:
            self.y -= self.coming[:, t, None]
        free = t >= lead
        # who waits for a promised unit is not lost
        low = np.maximum(self.y, 0) if self.owes and not free else np.float32(0)
        self.y += sold
        if not free and not self.backorders:
            over = np.maximum(self.y - low, 0)
            self.y -= over
            self.lost += over
        self.total += sold
        if self.lots is not None:
            self.y += self.lots.expired(t, self.total - self.lost)
        if free:
            self._raise_top(t - lead)
        self._note(t - lead + 1)

    def _raise_top(self, since: int) -> None:
        if self.short_lived and since < self.review:
            # what this order cannot serve any more is no reason for it
            alive = self.cover[:, None] > since
            self.top = np.where(alive, np.maximum(self.top, self.y), self.top)
        else:
            np.maximum(self.top, self.y, out=self.top)

    def _note(self, passed: int) -> None:
        if passed == self.review:
            self.demand[...] = self.total
        if passed > 0 and passed % self.review == 0 and passed // self.review <= self.windows:
            self.tops[passed // self.review - 1] = self.top

    def _many(self, t: int, sold: Single, leads: Ints) -> None:
        arrives, free = leads == t, leads <= t
        self.stock = np.where(arrives, -self.y, self.stock)
        self.before = np.where(arrives, self.total, self.before)
        if self.any_coming[t]:
            self.y -= self.coming[:, t, None]
        low = np.maximum(self.y, 0)
        self.y += sold
        if not self.backorders:
            over = np.where(free, np.float32(0), np.maximum(self.y - low, 0))
            self.y -= over
            self.lost += over
        self.total += sold
        if self.lots is not None:
            self.y += self.lots.expired(t, self.total - self.lost)
        since = t - leads
        alive = free & ((since < self.cover[:, None]) | (since >= self.review))
        self.top = np.where(alive, np.maximum(self.top, self.y), self.top)
        self.demand = np.where(since + 1 == self.review, self.total, self.demand)
        for k in range(self.windows):
            at = since + 1 == (k + 1) * self.review
            self.tops[k] = np.where(at, self.top, self.tops[k])

    def needs(self) -> Needs:
        """Return what was found."""
        tops = self.tops
        if self.presentation.any():
            tops = tops + self.presentation[None, :, None]
        return Needs(
            tops[0],
            tops[1:],
            self.demand,
            self.demand - self.before,
            self.stock,
            np.maximum(-self.stock, 0) if self.backorders else self.lost,
        )


class _Lots:
    """Lots that expire, first to expire first sold."""

    def __init__(self, lines: Lines, shape: tuple[int, int]) -> None:
        self.until = np.cumsum(lines.expiring, axis=1).astype(np.float32)
        self.gone = np.zeros(shape, dtype=np.float32)

    def expired(self, t: int, served: Single) -> Single:
        """Return the units that expire at the end of period t unsold. served: (n, B), all units sold by then."""
        if t >= self.until.shape[1]:
            return np.float32(0)  # type: ignore[return-value]
        now = np.maximum(self.until[:, t, None] - served - self.gone, 0)
        self.gone += now
        return np.asarray(now)
