"""(s, S) policies: at a review with an inventory position of s or less, order up to S.

Exact: Zheng & Federgruen (1991), Finding optimal (s, S) policies is about as simple as evaluating a single policy,
Operations Research 39(4). Power approximation: Ehrhardt & Mosier (1984), Management Science 30(5). Costs a unit and
review period; what is short waits.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import poisson

from replenishment.formulas.conditions import (
    Array,
    not_negative,
    positive,
    probabilities,
    whole,
)

# What is left of a Poisson distribution beyond its last probability.
TAIL = 1e-15
# More positions than this between s and S are a mistake in the costs.
POSITIONS_MAX = 200_000


class MinMaxPolicy(NamedTuple):
    """Reorder level s and order-up-to level S in units, and the expected cost a period."""

    s: float
    S: float
    cost: float


def poisson_probabilities(mean: float) -> Array:
    """Return the probabilities of 0, 1, 2, … of Poisson demand, up to what cannot be told from 0."""
    not_negative(mean=mean)
    most = int(poisson.isf(TAIL, mean)) + 1 if mean > 0 else 0
    return np.asarray(poisson.pmf(np.arange(most + 1), mean), dtype=np.float64)


def min_max_cost(
    s: int,
    S: int,
    holding_cost: float,
    shortage_cost: float,
    fixed_cost: float,
    demand: ArrayLike,
    *,
    lead_time: int = 0,
) -> float:
    """Return the exact cost a period of whole s < S. demand: probabilities of 0, 1, 2, … units a period."""
    p, G = _item(holding_cost, shortage_cost, fixed_cost, demand, lead_time)
    whole(levels_apart=S - s - 1)
    m = _renewal(p, S - s)
    return float((fixed_cost + m @ G(S - np.arange(S - s))) / m.sum())


def min_max_exact(
    holding_cost: float,
    shortage_cost: float,
    fixed_cost: float,
    demand: ArrayLike,
    *,
    lead_time: int = 0,
) -> MinMaxPolicy:
    """Return the whole s and S of least cost. demand: probabilities of 0, 1, 2, … units a period, independent.

    lead_time: whole periods between an order and its arrival, 0: it arrives before the period's demand.
    """
    p, G = _item(holding_cost, shortage_cost, fixed_cost, demand, lead_time)
    if p[0] >= 1:
        return MinMaxPolicy(-1, 0, 0.0)
    return _search(fixed_cost, p, _Cached(G))


class _Cached:
    """G by position, computed in runs: the search goes up and down one by one."""

    def __init__(self, G: "_PeriodCost") -> None:
        self.G, self.low = G, G.best
        self.values = G(np.arange(self.low, self.low + 256))

    def __call__(self, y: int) -> float:
        if not self.low <= y < self.low + self.values.size:
            wide = max(256, self.values.size)
            low, high = min(y - wide, self.low), max(y + wide, self.low + self.values.size)
            self.low, self.values = low, self.G(np.arange(low, high))
        return float(self.values[y - self.low])

    def down(self, S: int, count: int) -> Array:
        """Return G(S), G(S − 1), …: (count,)."""
        self(S), self(S - count + 1)
        at = S - self.low
        return self.values[at - count + 1 : at + 1][::-1]


def _search(K: float, p: Array, G: _Cached) -> MinMaxPolicy:
    best = G.G.best
    m, wide = _renewal(p, 256), 256

    def cost(s: int, S: int) -> float:
        nonlocal m, wide
        while S - s > wide:
            if wide > POSITIONS_MAX:
                raise ValueError(
                    "fixed_cost is too large beside the other costs: the lot has no end"
                )
            wide *= 2
            m = _renewal(p, wide)
        return float((K + m[: S - s] @ G.down(S, S - s)) / m[: S - s].sum())

    S, s = best, best - 1
    while cost(s, S) > G(s):
        s -= 1
    least, top = cost(s, S), S
    S += 1
    while G(S) <= least:
        if cost(s, S) < least:
            top = S
            while s < S - 1 and cost(s, S) <= G(s + 1):
                s += 1
            least = cost(s, S)
        S += 1
    return MinMaxPolicy(s, top, least)


class _PeriodCost:
    """Expected cost of the period at whose end an inventory position shows: (n,) positions to (n,) costs."""

    def __init__(self, h: float, p: float, demand: Array) -> None:
        self.h, self.p = h, p
        self.mean = float(demand @ np.arange(demand.size))
        reached = np.cumsum(demand)
        # E[(y − D)+] for y = 0, 1, …
        self.left = np.concatenate([[0.0], np.cumsum(reached)])
        # the position of least cost: the newsvendor's
        self.best = min(int(np.searchsorted(reached, p / (p + h))), demand.size - 1)

    def __call__(self, y: NDArray[np.int64]) -> Array:
        last = self.left.size - 1
        inside = self.left[np.clip(y, 0, last)]
        # beyond the last value of demand each unit more is left over
        left = inside + np.maximum(y - last, 0)
        return np.asarray(self.h * left + self.p * (left + self.mean - y))


def _item(
    h: float, p: float, K: float, demand: ArrayLike, lead_time: int
) -> tuple[Array, _PeriodCost]:
    positive(holding_cost=h, shortage_cost=p)
    not_negative(fixed_cost=K)
    whole(lead_time=lead_time)
    one = probabilities("demand", demand)
    total = one
    for _ in range(int(lead_time)):
        total = np.convolve(total, one)
    return one, _PeriodCost(h, p, total)


def _renewal(p: Array, count: int) -> Array:
    """Return how often a position j below S is seen before the next order: (count,)."""
    m = np.zeros(count)
    m[0] = 1 / (1 - p[0])
    for j in range(1, count):
        reach = min(j, p.size - 1)
        m[j] = p[1 : reach + 1] @ m[j - reach : j][::-1] / (1 - p[0])
    return m


def min_max_power(
    holding_cost: float,
    shortage_cost: float,
    fixed_cost: float,
    demand_mean: float,
    demand_sd: float,
    *,
    lead_time: int = 0,
) -> MinMaxPolicy:
    """Return the power approximation's s and S; it knows no cost, which is NaN.

    demand_mean, demand_sd: a period. lead_time: whole periods, 0: an order arrives before the period's demand.
    """
    positive(
        holding_cost=holding_cost,
        shortage_cost=shortage_cost,
        fixed_cost=fixed_cost,
        demand_mean=demand_mean,
        demand_sd=demand_sd,
    )
    whole(lead_time=lead_time)
    mean, sd = demand_mean * (lead_time + 1), demand_sd * np.sqrt(lead_time + 1)
    Q = (
        1.30
        * demand_mean**0.494
        * (fixed_cost / holding_cost) ** 0.506
        * (1 + (sd / demand_mean) ** 2) ** 0.116
    )
    z = np.sqrt(Q / sd * holding_cost / shortage_cost)
    s = 0.973 * mean + sd * (0.183 / z + 1.063 - 2.192 * z)
    return MinMaxPolicy(float(s), float(s + Q), float("nan"))
