"""Joint replenishment: items of one supplier share the cost of an order.

Every T units of time an order goes out; item i is in every m_i-th one. Symbols: A cost of an order, a_i more for item
i in it, h_i holding cost a unit and time, d_i demand. Silver (1976), A simple method of determining order quantities
in joint replenishments under deterministic demand, Management Science 22(12); RAND: Kaspi & Rosenblatt (1991),
International Journal of Production Economics 22(2).
"""

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike

from replenishment.formulas.conditions import Array, finite, not_negative, positive

# Starting cycles of RAND; its authors found ten to be enough for 99.8 % of their problems.
STARTS = 64
ROUNDS_MAX = 100


Method = Literal["rand", "silver"]
METHODS: tuple[Method, ...] = get_args(Method)


class JointLots(NamedTuple):
    """Time between orders, each item's multiple of it and lot in units, and the cost a unit of time."""

    cycle: float
    multiples: Array
    quantities: Array
    cost: float


def joint_lots(
    order_cost: float,
    item_costs: ArrayLike,
    holding_costs: ArrayLike,
    demand_rates: ArrayLike,
    *,
    method: Method = "rand",
) -> JointLots:
    """Return the cycle and multiples of low cost: by RAND, or by Silver's formula without iterations. Lists: (n,)."""
    A = order_cost
    a, h, d = (
        np.atleast_1d(finite(name, value))
        for name, value in (
            ("item_costs", item_costs),
            ("holding_costs", holding_costs),
            ("demand_rates", demand_rates),
        )
    )
    not_negative(order_cost=A, item_costs=a)
    positive(holding_costs=h, demand_rates=d, some_cost=A + a.sum())
    if not a.shape == h.shape == d.shape or a.ndim != 1:
        raise ValueError("item_costs, holding_costs and demand_rates must be equally many")
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    if method == "silver":
        return _joint(A, a, h, d, _silver(A, a, h * d))
    return _rand(A, a, h, d)


def joint_cost(
    order_cost: float,
    item_costs: Array,
    holding_costs: Array,
    demand_rates: Array,
    multiples: Array,
) -> JointLots:
    """Return cycle, lots and cost that go with given multiples."""
    return _joint(order_cost, item_costs, holding_costs, demand_rates, np.asarray(multiples, float))


def _joint(A: float, a: Array, h: Array, d: Array, m: Array) -> JointLots:
    orders, held = A + (a / m).sum(), (h * d * m).sum()
    T = float(np.sqrt(2 * orders / held))
    return JointLots(T, m, T * m * d, float(np.sqrt(2 * orders * held)))


def _silver(A: float, a: Array, held: Array) -> Array:
    first = int(np.argmin(a / held))
    m = np.sqrt(a / held * held[first] / (A + a[first])) if A + a[first] > 0 else np.ones(a.size)
    m = np.maximum(np.floor(m + 0.5), 1.0)
    m[first] = 1.0
    return m


def _rand(A: float, a: Array, h: Array, d: Array) -> JointLots:
    held = h * d
    longest = np.sqrt(2 * (A + a.sum()) / held.sum())
    shortest = min(np.sqrt(2 * a / held).min(), longest)
    best = _joint(A, a, h, d, _silver(A, a, held))
    for T in np.linspace(max(shortest, longest * 1e-3), longest, STARTS):
        found = _settle(float(T), A, a, h, d)
        if found.cost < best.cost * (1 - 1e-12):
            best = found
    return best


def _settle(T: float, A: float, a: Array, h: Array, d: Array) -> JointLots:
    """Alternate between the best multiples of a cycle and the best cycle of multiples until nothing moves."""
    m = _multiples(T, a, h * d)
    found = _joint(A, a, h, d, m)
    for _ in range(ROUNDS_MAX):
        m = _multiples(found.cycle, a, h * d)
        if np.array_equal(m, found.multiples):
            break
        found = _joint(A, a, h, d, m)
    return found


def _multiples(T: float, a: Array, held: Array) -> Array:
    # the least k with k (k + 1) >= 2 a / (h d T²)
    k = np.ceil((np.sqrt(1 + 8 * a / (held * T * T)) - 1) / 2 - 1e-12)
    return np.maximum(k, 1.0)
