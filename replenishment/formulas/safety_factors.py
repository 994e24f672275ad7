"""Safety factors k of s = mean + k sd, by what is known of shortages: Silver, Pyke & Thomas (2017), section 6.7.

Normal lead-time demand of standard deviation sd, lots of Q, demand d a unit of time, holding cost h a unit and time.
Arguments broadcast. A factor is never below 0: a cost so small that less would do is not followed.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from replenishment.formulas.conditions import positive


def factor_for_occasion_cost(
    cost: ArrayLike, Q: ArrayLike, sd: ArrayLike, demand_rate: ArrayLike, holding_cost: ArrayLike
) -> Any:
    """Return the factor of least cost where each cycle with a shortage costs as much, however large it is (rule B1)."""
    B, q, s, d, h = _positive(
        cost=cost, Q=Q, sd=sd, demand_rate=demand_rate, holding_cost=holding_cost
    )
    ratio = d * B / (np.sqrt(2 * np.pi) * q * s * h)
    return np.sqrt(2 * np.log(np.maximum(ratio, 1.0)))[()]


def factor_for_unit_cost(
    cost: ArrayLike, Q: ArrayLike, demand_rate: ArrayLike, holding_cost: ArrayLike
) -> Any:
    """Return the factor of least cost where each unit short costs as much, however long it is (rule B2)."""
    B, q, d, h = _positive(cost=cost, Q=Q, demand_rate=demand_rate, holding_cost=holding_cost)
    return norm.isf(np.minimum(q * h / (d * B), 0.5))[()]


def factor_for_time_between(time: ArrayLike, Q: ArrayLike, demand_rate: ArrayLike) -> Any:
    """Return the factor that lets a cycle end in a shortage once in so long a time on average (rule TBS)."""
    T, q, d = _positive(time=time, Q=Q, demand_rate=demand_rate)
    return norm.isf(np.minimum(q / (d * T), 0.5))[()]


def _positive(**values: ArrayLike) -> tuple[Any, ...]:
    positive(**values)
    return tuple(np.asarray(value, dtype=float) for value in values.values())
