"""Lots under quantity discounts, for all units or for those above each break.

Symbols: K cost of an order, d demand a unit of time, b_j and c_j breaks and unit costs; holding costs i c a unit and
time, and s more where storing costs the same at every price. Snyder & Shen (2019), section 3.4.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from replenishment.formulas.conditions import Array, finite, not_negative, positive


class DiscountedLot(NamedTuple):
    """A lot in units, the break that it reaches (0: the first), and the cost a unit of time with purchases."""

    quantity: float
    tier: int
    cost: float


def eoq_all_units(
    fixed_cost: float,
    holding_rate: float,
    demand_rate: float,
    breaks: Sequence[float],
    unit_costs: Sequence[float],
    *,
    storage_cost: float = 0.0,
) -> DiscountedLot:
    """Return the best lot when the price of the break reached holds for all units.

    breaks: from how many units on each price holds, the first 0, ascending; unit_costs: the prices, descending.
    holding_rate: interest a unit of time; storage_cost: a unit and time. Raises ValueError for anything else.
    """
    b, c = _tiers(fixed_cost, holding_rate, demand_rate, breaks, unit_costs, storage_cost)
    h = _holding(holding_rate, c, storage_cost)
    free = np.sqrt(2 * fixed_cost * demand_rate / h)
    # a lot below its break is raised to it; one beyond the next has that one's price
    quantity = np.maximum(free, b)
    allowed = quantity < np.append(b[1:], np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        orders = np.where(quantity > 0, fixed_cost * demand_rate / quantity, 0.0)
    cost = np.where(allowed, c * demand_rate + orders + h * quantity / 2, np.inf)
    return _best(quantity, cost)


def eoq_incremental(
    fixed_cost: float,
    holding_rate: float,
    demand_rate: float,
    breaks: Sequence[float],
    unit_costs: Sequence[float],
    *,
    storage_cost: float = 0.0,
) -> DiscountedLot:
    """Return the best lot when each price holds for the units above its break alone. Arguments of `eoq_all_units`."""
    b, c = _tiers(fixed_cost, holding_rate, demand_rate, breaks, unit_costs, storage_cost)
    h = _holding(holding_rate, c, storage_cost)
    # what the units below the break cost more than at this price
    extra = np.concatenate([[0.0], np.cumsum((c[:-1] - c[1:]) * b[1:])])
    quantity = np.sqrt(2 * (fixed_cost + extra) * demand_rate / h)
    allowed = (quantity >= b) & (quantity < np.append(b[1:], np.inf))
    with np.errstate(divide="ignore", invalid="ignore"):
        orders = np.where(quantity > 0, (fixed_cost + extra) * demand_rate / quantity, 0.0)
    cost = c * demand_rate + holding_rate * extra / 2 + orders + h * quantity / 2
    return _best(quantity, np.where(allowed, cost, np.inf))


def _holding(holding_rate: float, c: Array, storage_cost: float) -> Array:
    return np.asarray(holding_rate * c + storage_cost)


def _best(quantity: Array, cost: Array) -> DiscountedLot:
    # of equal costs the smaller lot
    tier = int(np.argmin(cost))
    return DiscountedLot(float(quantity[tier]), tier, float(cost[tier]))


def _tiers(
    fixed_cost: float,
    holding_rate: float,
    demand_rate: float,
    breaks: Sequence[float],
    unit_costs: Sequence[float],
    storage_cost: float,
) -> tuple[Array, Array]:
    not_negative(
        fixed_cost=fixed_cost,
        demand_rate=demand_rate,
        holding_rate=holding_rate,
        storage_cost=storage_cost,
    )
    b, c = np.atleast_1d(finite("breaks", breaks)), np.atleast_1d(finite("unit_costs", unit_costs))
    positive(unit_costs=c, holding=holding_rate + storage_cost)
    if b.shape != c.shape or b.ndim != 1:
        raise ValueError(f"each break needs one unit cost, not {b.size} and {c.size}")
    if b[0] != 0 or (np.diff(b) <= 0).any():
        raise ValueError(f"breaks must ascend from 0, not {breaks!r}")
    if (np.diff(c) > 0).any():
        raise ValueError(f"unit_costs must not rise with the quantity, not {unit_costs!r}")
    return b, c
