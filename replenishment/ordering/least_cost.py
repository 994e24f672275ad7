"""Expected cost of an order along the paths, and the order of least cost.

The k-th unit of an order is sold when the running need reaches k: until the next order can arrive it saves a
shortage; later it was bought too early, and has cost its holding for the windows in which nobody wanted it. So the
marginal unit is charged its holding until it is sold or wanted again, not for one period as in the textbook's ratio
shortage / (shortage + holding), which orders far too much of what dies or sells seldom. On steady demand both agree.

Symbols: M_k (n, B), need until the end of window k, k = 0 … K; w (n, K + 2), what a unit costs that is sold in window
k, at the end that is not sold in any. C(q) = mean over paths of w_0 q + sum over k of (w_{k+1} − w_k) (q − M_k+)+:
convex, piecewise linear.
"""

import numpy as np

from replenishment.formulas.conditions import Array
from replenishment.lines.lines import Lines
from replenishment.lines.walk import Needs, Single


def unit_costs(lines: Lines, lead: Array, review: int, windows: int, *, backorders: bool) -> Array:
    """Return w: (n, windows + 1) money a unit. lead: (n,) mean periods until the order arrives.

    A unit sold in window 0 is held for half of it. With backorders a shortage waits for half of it, too.
    """
    held = np.arange(windows + 1) * float(review)
    w = lines.holding[:, None] * held
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
    return np.asarray(np.maximum.accumulate(w, axis=1))


def expected_cost(needs: Needs, w: Array, orders: Array) -> Array:
    """Return C of orders (n,) or (n, P), money, against ordering nothing; the cost of an order itself is not in it."""
    q = np.atleast_2d(orders.T).T.astype(np.float32)
    total = w[:, :1] * q
    for k, top in enumerate(_tops(needs)):
        rise = (w[:, k + 1] - w[:, k])[:, None]
        total = total + rise * _left(np.maximum(top, 0), q)
    return np.asarray(total.reshape(orders.shape), dtype=np.float64)


def _left(top: Single, q: Single) -> Array:
    """Return the mean over paths of (q − top)+: (n, P)."""
    columns = [np.maximum(q[:, [p]] - top, 0).mean(axis=1) for p in range(q.shape[1])]
    return np.asarray(np.stack(columns, axis=1), dtype=np.float64)


def order_of_least_cost(needs: Needs, w: Array) -> Array:
    """Return the order at which another unit stops saving: (n,) units, at least 0.

    Another unit costs w_0 and the step of w at each need that the order has reached: the least order at which that is
    not negative, by halving, to whole units where all needs are whole, else to thousandths.
    """
    tops = [np.maximum(top, 0) for top in _tops(needs)]
    n, B = needs.need.shape
    grid = 1.0 if all((top == np.rint(top)).all() for top in tops) else 1e-3
    rises = np.diff(w, axis=1) / B
    low = np.full(n, -1.0)
    high = np.ceil(np.max([top.max(axis=1) for top in tops], axis=0).astype(np.float64) / grid)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        reached = (middle * grid).astype(np.float32)[:, None]
        # products count a mask faster than its sum does
        counts = [(top <= reached).astype(np.float32) @ np.ones(B, np.float32) for top in tops]
        more = w[:, 0] + (rises * np.stack(counts, axis=1)).sum(axis=1)
        # a sum of hundreds of steps is 0 only to some digits
        done = more >= -1e-9 * np.abs(w[:, 0])
        low, high = np.where(done, low, middle), np.where(done, middle, high)
    return np.where(w[:, 0] < 0, high * grid, 0.0)


def _tops(needs: Needs) -> list[Single]:
    return [needs.need, *needs.later]
