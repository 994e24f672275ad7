"""(r, Q) policies under normal lead-time demand: order Q units when the inventory position falls to r.

Symbols: h holding and p shortage cost a unit and time, K cost of an order, d and sd demand's mean and standard
deviation a unit of time, L lead time, of one unit of time; what is short waits. g(y) = h E[(y − D)+] + p E[(D − y)+]
over lead-time demand D. Exact cost and Q: Zheng (1992), Management Science 38(1); approximations: Snyder & Shen
(2019), section 5.2 to 5.4.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import norm

from replenishment.formulas.conditions import not_negative, positive
from replenishment.formulas.loss import inverse_standard_loss, normal_loss, normal_second_loss
from replenishment.formulas.lot_sizes import eoq, eoq_with_backorders

# Iterations of the two fixed points; both contract by half or more a step.
ROUNDS_MAX = 500


class ReorderPolicy(NamedTuple):
    """Reorder point r and quantity Q in units, and the expected cost a unit of time."""

    r: float
    Q: float
    cost: float


class NormalItem(NamedTuple):
    """Costs and demand of one item, all of one unit of time."""

    holding_cost: float
    shortage_cost: float
    fixed_cost: float
    demand_mean: float
    demand_sd: float
    lead_time: float

    @property
    def mean(self) -> float:
        """Mean of lead-time demand, units."""
        return self.demand_mean * self.lead_time

    @property
    def sd(self) -> float:
        """Standard deviation of lead-time demand, units."""
        return float(self.demand_sd * np.sqrt(self.lead_time))

    def rate(self, y: float) -> float:
        """Return the expected cost a unit of time of an inventory position of y."""
        missed = float(normal_loss(y, self.mean, self.sd))
        return self.holding_cost * (y - self.mean + missed) + self.shortage_cost * missed


def rq_cost(r: float, Q: float, item: NormalItem) -> float:
    """Return the exact cost a unit of time of any r and Q. Raises ValueError unless Q > 0."""
    _check(item)
    positive(Q=Q)
    h, p, mean, sd = item.holding_cost, item.shortage_cost, item.mean, item.sd
    missed = float(normal_second_loss(r, mean, sd) - normal_second_loss(r + Q, mean, sd))
    held = h * Q * (r + Q / 2 - mean) + (h + p) * missed
    return (item.fixed_cost * item.demand_mean + held) / Q


def rq_point_for(Q: float, item: NormalItem) -> float:
    """Return the best r of a given Q: where g(r) = g(r + Q)."""
    _check(item)
    not_negative(Q=Q)
    ratio = item.shortage_cost / (item.shortage_cost + item.holding_cost)
    best = item.mean + (item.sd * float(norm.ppf(ratio)) if item.sd > 0 else 0.0)
    if Q == 0:
        return best
    # the minimum of g lies between r and r + Q
    return float(
        brentq(lambda r: item.rate(r) - item.rate(r + Q), best - Q, best, xtol=1e-12, rtol=1e-14)
    )


def rq_exact(item: NormalItem) -> ReorderPolicy:
    """Return the r and Q of least cost: with the best r of each Q the cost is convex in Q."""
    _check(item)
    positive(fixed_cost=item.fixed_cost, demand_mean=item.demand_mean)
    low = float(eoq_with_backorders(*_lot(item)).quantity)
    # Zheng: Q is at most sqrt(EOQ² + the variance that is paid for); four of both is far beyond
    high = 2 * low + 8 * item.sd + 1e-9
    found = minimize_scalar(
        lambda Q: rq_cost(rq_point_for(Q, item), Q, item),
        bounds=(low * 0.5, high),
        method="bounded",
        options={"xatol": 1e-9 * high},
    )
    return _policy(rq_point_for(float(found.x), item), float(found.x), item)


def rq_by_eoq_with_backorders(item: NormalItem) -> ReorderPolicy:
    """Return Q of the lot with backorders, and its best r (EOQB): at most 1/8 above the least cost."""
    _check(item)
    Q = float(eoq_with_backorders(*_lot(item)).quantity)
    return _policy(rq_point_for(Q, item), Q, item)


def rq_by_eoq(item: NormalItem) -> ReorderPolicy:
    """Return the EOQ, and the newsvendor's level for lead-time demand as r (EOQ + safety stock)."""
    _check(item)
    Q = float(eoq(item.fixed_cost, item.holding_cost, item.demand_mean).quantity)
    return _policy(rq_point_for(0.0, item), Q, item)


def rq_by_loss(item: NormalItem) -> ReorderPolicy:
    """Return the fixed point of the loss-function approximation of Hadley & Whitin (1963): shortages are short."""
    _check(item)
    positive(demand_sd=item.sd)
    h, p = item.holding_cost, item.shortage_cost
    Q, r = float(eoq(item.fixed_cost, h, item.demand_mean).quantity), 0.0
    for _ in range(ROUNDS_MAX):
        r = item.mean + item.sd * inverse_standard_loss(h * Q / ((h + p) * item.sd))
        second = float(normal_second_loss(r, item.mean, item.sd))
        new = float(np.sqrt(2 * (item.fixed_cost * item.demand_mean + (h + p) * second) / h))
        if abs(new - Q) <= 1e-12 * new:
            break
        Q = new
    return _policy(r, Q, item)


def rq_by_lost_units(item: NormalItem, *, lost_sales: bool = False) -> ReorderPolicy:
    """Return Hadley & Whitin's fixed point where a unit short costs once, however long (Nahmias, section 5.4).

    lost_sales: what is short is lost, and was never held; else it waits. shortage_cost is here a unit. The cost is
    the approximate one of that model. Raises ValueError where a shortage is so cheap that nothing should be ordered.
    """
    _check(item)
    h, p, d = item.holding_cost, item.shortage_cost, item.demand_mean
    Q = float(eoq(item.fixed_cost, h, d).quantity)
    r, missed = item.mean, 0.0
    for _ in range(ROUNDS_MAX):
        tail = Q * h / (p * d + (Q * h if lost_sales else 0.0))
        if tail >= 1:
            raise ValueError("a shortage costs less than holding a unit from order to order")
        r = item.mean + (item.sd * float(norm.isf(tail)) if item.sd > 0 else 0.0)
        missed = float(normal_loss(r, item.mean, item.sd))
        new = float(np.sqrt(2 * d * (item.fixed_cost + p * missed) / h))
        if abs(new - Q) <= 1e-12 * new:
            break
        Q = new
    cost = h * (r - item.mean + Q / 2) + item.fixed_cost * d / Q + p * d * missed / Q
    return ReorderPolicy(r, Q, cost)


def _lot(item: NormalItem) -> tuple[float, float, float, float]:
    return item.fixed_cost, item.holding_cost, item.shortage_cost, item.demand_mean


def _policy(r: float, Q: float, item: NormalItem) -> ReorderPolicy:
    return ReorderPolicy(r, Q, rq_cost(r, Q, item))


def _check(item: NormalItem) -> None:
    positive(holding_cost=item.holding_cost, shortage_cost=item.shortage_cost)
    not_negative(
        fixed_cost=item.fixed_cost,
        demand_mean=item.demand_mean,
        demand_sd=item.demand_sd,
        lead_time=item.lead_time,
    )
