"""Item targets out of one aggregate goal, by marginal analysis.

The same fill rate for every item costs far more stock than the same sum of money missed. Of all orders that reach the
goal the cheapest have one exchange rate: v_i P(need_i > q_i) = theta c_i, the last unit of each line saves as much
per money bound as that of any other (Silver, Pyke & Thomas 2017, section 6.10; Sherbrooke, Optimal Inventory Modeling
of Systems, 2nd ed. 2004, chapter 2).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from replenishment.formulas.conditions import Array, inside, not_negative, positive
from replenishment.lines.walk import Needs

Ints = NDArray[np.int64]
# Halvings of the logarithm of theta: far below what one path of one line changes.
HALVINGS = 60


class ItemTargets(NamedTuple):
    """cycle_service and orders (n,) of the lines, and the aggregate fill rate that they reach."""

    cycle_service: Array
    orders: Array
    fill_rate: float


def spread_goal(
    needs: Needs, goal: float, *, value: ArrayLike = 1.0, cost: ArrayLike = 1.0
) -> ItemTargets:
    """Return the cheapest targets whose orders together meet a share `goal` of the demand of all lines.

    needs: of `line_needs`. value: (n,) weight of a unit of demand, such as its price; cost: (n,) of a unit of stock,
    such as unit_cost. The targets are for `make_policy(cycle_service=…)`; a goal that stock on hand exceeds asks for
    the least.
    """
    n, B = needs.need.shape
    inside(0, 1, goal=goal)
    positive(cost=cost)
    not_negative(value=value)
    v, c = (np.broadcast_to(np.asarray(x, dtype=np.float64), (n,)) for x in (value, cost))
    need = np.sort(needs.need, axis=1).astype(np.float64)
    above = np.concatenate(
        [np.cumsum(np.maximum(need, 0)[:, ::-1], axis=1)[:, ::-1], np.zeros((n, 1))], axis=1
    )
    wanted = v @ needs.window.mean(axis=1, dtype=np.float64)
    rows = np.arange(n)

    def place(theta: float) -> Ints:
        # a line that is worth nothing has its tail at 1
        tail = np.minimum(theta * c, v) / np.maximum(v, 1e-300) + (v == 0)
        return np.asarray(np.clip(np.ceil((1 - tail) * B - 1e-9).astype(np.int64) - 1, 0, B - 1))

    def missed(at: Ints) -> float:
        order = np.maximum(need[rows, at], 0)
        return float(v @ ((above[rows, at + 1] - (B - 1 - at) * order) / B).clip(min=0))

    low, high = -60.0, 60.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if missed(place(float(np.exp(middle)))) <= (1 - goal) * wanted:
            low = middle
        else:
            high = middle
    at = place(float(np.exp(low)))
    # half a path short of the place: `order_for_cycle_service` finds the same
    reached = 1 - missed(at) / wanted if wanted > 0 else 1.0
    return ItemTargets((at + 0.5) / B, np.maximum(need[rows, at], 0.0), reached)
