"""One fill rate of all lines of a location together, as targets of its lines."""

import numpy as np
from numpy.typing import NDArray

from replenishment import LeadTimes, Lines, Paths, Policy, line_needs, make_policy, spread_goal

# The measure of a service target that lines of a location share.
TOTAL = "total_fill_rate"


def shared_goal(
    lines: Lines, demand: Paths, leads: LeadTimes, review: NDArray[np.int64], goal: float
) -> Policy:
    """Return the policy by which the sales of all lines together are met from stock at the share `goal`.

    Counted at selling prices, and with the least money in stock: the last unit of each line saves as much by what it
    costs as that of any other (`spread_goal`). A unit whose price or cost is not known counts as one.
    """
    value = np.where(
        lines.price > 0, lines.price, np.where(lines.unit_cost > 0, lines.unit_cost, 1.0)
    )
    cost = np.where(lines.unit_cost > 0, lines.unit_cost, value)
    needs = line_needs(lines, demand, leads, review)
    targets = spread_goal(needs, goal, value=value, cost=cost)
    return make_policy(
        "order_up_to", len(lines), review=review, cycle_service=targets.cycle_service
    )
