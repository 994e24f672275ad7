"""Expected cost of an order along the paths, and the order of least cost.

The k-th unit of an order is sold when the running need reaches k: until the next order can arrive it saves a
shortage; later it was bought too early, and has cost its holding for the windows in which nobody wanted it. So the
marginal unit is charged its holding until it is sold or wanted again (`until_wanted`), not for one period as in the
textbook's ratio shortage / (shortage + holding), which orders far too much of what dies or sells seldom. On steady
demand both agree.

Symbols: M_k (n, B), need until the end of window k, k = 0 … K; N_t, need at the end of period t of window 0; w
(n, K + 2), what a unit costs that is sold in window k, at the end that is not sold in any. C(q) = mean over paths of
w_0 q + sum over pieces of rise · (q − top+)+: convex, piecewise linear. The rises of window k > 0 are w_{k+1} − w_k
at M_k. In window 0 a unit is held in each period until it is needed, and with backorders somebody waits from then on:
holding, or holding + shortage, at each N_t, and at M_0 what lacks of w_1 − w_0.
"""

from typing import NamedTuple

import numpy as np

from replenishment.formulas.conditions import Array
from replenishment.lines.lines import Lines
from replenishment.lines.walk import Needs, Single


class UnitCosts(NamedTuple):
    """w: (n, windows + 1) money a unit, by the window in which it is sold. each: (n,), the rise at each N_t."""

    w: Array
    each: Array

    def pieces(self, needs: Needs) -> list[tuple[Array, Single]]:
        """Return the rises (n,) and the needs (n, B) at which they come."""
        w, R = self.w, len(needs.within)
        first = [(self.each, within) for within in needs.within]
        rest = np.maximum(w[:, 1] - w[:, 0] - R * self.each, 0.0)
        rises = [rest, *np.diff(w[:, 1:], axis=1).T]
        return first + list(zip(rises, [needs.need, *needs.later], strict=True))


def unit_costs(
    lines: Lines, lead: Array, review: int, needs: Needs, *, backorders: bool
) -> UnitCosts:
    """Return what units cost. lead: (n,) mean periods until the order arrives.

    Where nothing is decided by cost, a unit sold in window 0 is held for half of it, and with backorders a shortage
    waits for half of it, too.
    """
    held = np.arange(len(needs.later) + 2) * float(review)
    w = lines.holding[:, None] * held
    if len(needs.within):
        w[:, 0] = -lines.worth * (review if backorders else 1)
    else:
        waits = (review + 1) / 2 if backorders else 1.0
        w[:, 0] = lines.holding * (review - 1) / 2 - lines.worth * waits
    # what outlives its shelf life, or the line itself, is sold for its salvage
    lost = lines.unit_cost - lines.salvage
    spoilt = held[None, :] >= lines.shelf_life[:, None]
    spoilt[:, 0] = False
    kept = lines.holding * np.minimum(lines.shelf_life, held[-1])
    w = np.where(spoilt, (kept + lost)[:, None], w)
    over = lines.ends <= lead + held[-1]
    to_end = lines.holding * np.clip(lines.ends - lead, 0, held[-1]) + lost
    w[:, -1] = np.where(over, np.maximum(w[:, -1], to_end), w[:, -1])
    each = lines.holding + (lines.worth if backorders else 0.0)
    return UnitCosts(np.maximum.accumulate(w, axis=1), each)


def expected_cost(needs: Needs, costs: UnitCosts, orders: Array) -> Array:
    """Return C of orders (n,) or (n, P), money, against ordering nothing; the cost of an order itself is not in it."""
    q = np.atleast_2d(orders.T).T.astype(np.float32)
    total = costs.w[:, :1] * q
    for rise, top in costs.pieces(needs):
        total = total + rise[:, None] * _left(np.maximum(top, 0), q)
    return np.asarray(total.reshape(orders.shape), dtype=np.float64)


def _left(top: Single, q: Single) -> Array:
    """Return the mean over paths of (q − top)+: (n, P)."""
    columns = [np.maximum(q[:, [p]] - top, 0).mean(axis=1) for p in range(q.shape[1])]
    return np.asarray(np.stack(columns, axis=1), dtype=np.float64)


def order_of_least_cost(needs: Needs, costs: UnitCosts) -> Array:
    """Return the order at which another unit stops saving: (n,) units, at least 0.

    Another unit costs w_0 and the rise of each piece that the order has reached: the least order at which that is
    not negative, by halving, to whole units where all needs are whole, else to thousandths.
    """
    pieces = [(rise, np.maximum(top, 0)) for rise, top in costs.pieces(needs)]
    tops = [top for _, top in pieces]
    n, B = needs.need.shape
    grid = 1.0 if all((top == np.rint(top)).all() for top in tops) else 1e-3
    rises, least = np.stack([rise for rise, _ in pieces], axis=1) / B, costs.w[:, 0]
    low = np.full(n, -1.0)
    high = np.ceil(np.max([top.max(axis=1) for top in tops], axis=0).astype(np.float64) / grid)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        reached = (middle * grid).astype(np.float32)[:, None]
        # products count a mask faster than its sum does
        counts = [(top <= reached).astype(np.float32) @ np.ones(B, np.float32) for top in tops]
        more = least + (rises * np.stack(counts, axis=1)).sum(axis=1)
        # a sum of hundreds of steps is 0 only to some digits
        done = more >= -1e-9 * np.abs(least)
        low, high = np.where(done, low, middle), np.where(done, middle, high)
    return np.where(least < 0, high * grid, 0.0)
