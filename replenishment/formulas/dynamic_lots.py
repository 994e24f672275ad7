"""Lots for known demand that differs by period: Wagner & Whitin (1958), Dynamic version of the economic lot size model.

Costs of T periods: K_t of an order, h_t of a unit kept at the end of period t, c_t of a unit bought.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from replenishment.formulas.conditions import Array, finite, not_negative

# Of all units: sums of floats are exact to more digits than this.
DIGITS = 1e-12


class DynamicLots(NamedTuple):
    """Units to order in each period, (T,), and the cost of all periods."""

    quantities: Array
    cost: float


def wagner_whitin(
    demand: ArrayLike,
    fixed_cost: ArrayLike,
    holding_cost: ArrayLike,
    unit_cost: ArrayLike = 0.0,
    *,
    on_hand: float = 0.0,
) -> DynamicLots:
    """Return the orders of least cost. demand: (T,) units; costs: numbers or (T,).

    on_hand: units there at the start, which serve the first demands; what they cost to keep is in the cost.
    """
    d = np.atleast_1d(finite("demand", demand))
    if d.ndim != 1:
        raise ValueError("demand must be one number a period")
    K, h, c = (
        _per_period(name, value, d.size)
        for name, value in (
            ("fixed_cost", fixed_cost),
            ("holding_cost", holding_cost),
            ("unit_cost", unit_cost),
        )
    )
    not_negative(demand=d, fixed_cost=K, holding_cost=h, on_hand=on_hand)
    left = np.maximum(on_hand - np.cumsum(d), 0.0)
    net = d - (np.concatenate([[on_hand], left[:-1]]) - left)
    # what is left of a difference of sums is digits, and no reason for an order
    net[np.abs(net) < DIGITS * max(on_hand, float(d.sum()))] = 0.0
    quantities, cost = _plan(net, K, h, c)
    return DynamicLots(quantities, cost + float(h @ left))


def _per_period(name: str, value: ArrayLike, periods: int) -> Array:
    number = finite(name, value)
    if number.shape not in ((), (periods,)):
        raise ValueError(f"{name} must be a number, or one of each of {periods} periods")
    return np.broadcast_to(number, (periods,)).astype(np.float64)


def _plan(d: Array, K: Array, h: Array, c: Array) -> tuple[Array, float]:
    T = d.size
    # to keep a unit from period t to period u costs kept[u] − kept[t]
    kept = np.concatenate([[0.0], np.cumsum(h)])[:T]
    total = np.concatenate([[0.0], np.cumsum(d)])
    moments = np.concatenate([[0.0], np.cumsum(d * kept)])
    wanted = np.concatenate([[0], np.cumsum(d > 0)])
    to_go, until = np.zeros(T + 1), np.full(T, T)
    for t in range(T - 1, -1, -1):
        ends = np.arange(t + 1, T + 1)
        units = total[ends] - total[t]
        costs = (
            np.where(wanted[ends] > wanted[t], K[t], 0.0)
            + (c[t] - kept[t]) * units
            + moments[ends] - moments[t]
            + to_go[ends]
        )  # fmt: skip
        until[t] = ends[int(np.argmin(costs))]
        to_go[t] = costs.min()
    quantities, t = np.zeros(T), 0
    while t < T:
        quantities[t] = d[t : until[t]].sum()
        t = int(until[t])
    return quantities, float(to_go[0])
