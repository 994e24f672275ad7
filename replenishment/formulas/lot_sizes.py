"""Economic lot sizes under a steady, known demand (Harris 1913).

Symbols: K cost of an order, h holding cost a unit and time, p shortage cost a unit and time, d demand a unit of time,
all of any one unit of time. Arguments broadcast against each other as NumPy's do; numbers give numbers. Formulas as
in Snyder & Shen, Fundamentals of Supply Chain Theory (2nd ed., 2019), chapter 3.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from replenishment.formulas.conditions import not_negative, positive


class LotSize(NamedTuple):
    """A lot in units, and what it costs a unit of time: orders and holding, and purchases where prices were given."""

    quantity: Any
    cost: Any


class BackorderedLot(NamedTuple):
    """A lot in units, the share of demand that waits, and the cost a unit of time."""

    quantity: Any
    backordered_share: Any
    cost: Any


def eoq(fixed_cost: ArrayLike, holding_cost: ArrayLike, demand_rate: ArrayLike) -> LotSize:
    """Return the economic order quantity, sqrt(2 K d / h). Raises ValueError for a negative cost or free holding."""
    not_negative(fixed_cost=fixed_cost, demand_rate=demand_rate)
    positive(holding_cost=holding_cost)
    K, h, d = _numbers(fixed_cost, holding_cost, demand_rate)
    return LotSize(np.sqrt(2 * K * d / h), np.sqrt(2 * K * d * h))


def eoq_with_backorders(
    fixed_cost: ArrayLike, holding_cost: ArrayLike, shortage_cost: ArrayLike, demand_rate: ArrayLike
) -> BackorderedLot:
    """Return the lot where customers wait at a cost a unit and time. The most that waits is quantity * share."""
    positive(holding_cost=holding_cost, shortage_cost=shortage_cost)
    not_negative(fixed_cost=fixed_cost, demand_rate=demand_rate)
    K, h, p, d = _numbers(fixed_cost, holding_cost, shortage_cost, demand_rate)
    quantity = np.sqrt(2 * K * d * (h + p) / (h * p))
    return BackorderedLot(quantity, h / (h + p), np.sqrt(2 * K * d * h * p / (h + p)))


def epq(
    fixed_cost: ArrayLike,
    holding_cost: ArrayLike,
    demand_rate: ArrayLike,
    production_rate: ArrayLike,
) -> LotSize:
    """Return the economic production quantity: the lot comes in at a rate, which must be above that of demand."""
    positive(production_rate=production_rate)
    if np.any(np.asarray(production_rate) <= np.asarray(demand_rate)):
        raise ValueError(f"production_rate must be above demand_rate, not {production_rate!r}")
    slower = 1 - np.asarray(demand_rate, dtype=float) / np.asarray(production_rate, dtype=float)
    return eoq(fixed_cost, np.asarray(holding_cost, dtype=float) * slower, demand_rate)


def _numbers(*values: ArrayLike) -> tuple[Any, ...]:
    # [()] makes numbers of arrays without axes
    return tuple(np.asarray(value, dtype=np.float64)[()] for value in values)
