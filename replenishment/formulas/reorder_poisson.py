"""(r, Q) policies under Poisson demand, exact: order Q units when the inventory position falls to r.

Federgruen & Zheng (1992), An efficient algorithm for computing an optimal (r, Q) policy, Operations Research 40(4).
Units of time as in `reorder_normal`; what is short waits.
"""

from collections.abc import Callable

import numpy as np

from replenishment.formulas.conditions import not_negative, positive, whole
from replenishment.formulas.newsvendor import newsvendor_poisson, poisson_cost
from replenishment.formulas.reorder_normal import ReorderPolicy


def rq_cost_poisson(
    r: float,
    Q: float,
    holding_cost: float,
    shortage_cost: float,
    fixed_cost: float,
    demand_rate: float,
    lead_time: float,
) -> float:
    """Return the exact cost a unit of time of whole r and Q: g averaged over the positions r + 1 to r + Q."""
    _check(holding_cost, shortage_cost, fixed_cost, demand_rate, lead_time)
    whole(Q=Q, above_minus_Q=r + Q)
    positive(Q=Q)
    y = np.arange(r + 1, r + Q + 1)
    rates = poisson_cost(y, holding_cost, shortage_cost, demand_rate * lead_time)
    return float((fixed_cost * demand_rate + rates.sum()) / Q)


def rq_exact_poisson(
    holding_cost: float,
    shortage_cost: float,
    fixed_cost: float,
    demand_rate: float,
    lead_time: float,
) -> ReorderPolicy:
    """Return the whole r and Q of least cost.

    Q takes the cheapest positions one by one as long as the next one costs less than the average so far.
    """
    _check(holding_cost, shortage_cost, fixed_cost, demand_rate, lead_time)
    mean = demand_rate * lead_time

    def rate(y: int) -> float:
        return float(poisson_cost(y, holding_cost, shortage_cost, mean))

    best = int(newsvendor_poisson(holding_cost, shortage_cost, mean).quantity)
    return _widen(best, fixed_cost * demand_rate, rate)


def _widen(best: int, orders: float, rate: Callable[[int], float]) -> ReorderPolicy:
    below, above = best - 1, best + 1
    total = orders + rate(best)
    at_below, at_above = rate(below), rate(above)
    while min(at_below, at_above) < total / (above - below - 1):
        total += min(at_below, at_above)
        if at_below <= at_above:
            below -= 1
            at_below = rate(below)
        else:
            above += 1
            at_above = rate(above)
    Q = above - below - 1
    return ReorderPolicy(below, Q, total / Q)


def _check(h: float, p: float, K: float, rate: float, lead_time: float) -> None:
    positive(holding_cost=h, shortage_cost=p)
    not_negative(fixed_cost=K, demand_rate=rate, lead_time=lead_time)
