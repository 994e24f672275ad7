"""What a location can put away on a day: of more than that some packs wait, and before a peak some come sooner."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from replenishment.formulas.conditions import Array, not_negative
from replenishment.sharing.budget import cut_within_budget
from replenishment.sharing.suppliers import SupplierTerms, join_order


class Received(NamedTuple):
    """quantity (k,) units; sooner, later (k,): what is more and less than was proposed."""

    quantity: Array
    sooner: Array
    later: Array


def needed_ahead(expected: ArrayLike, room: ArrayLike, arrives: NDArray[np.bool_]) -> float:
    """Return the units that must come now, because the days ahead bring more than they have room for.

    expected: (T,) units wanted on each day from now on, what the delivery of the day after must make good. room: (T,)
    units that can still be put away on the days that follow; arrives: (T,), days on which deliveries come. The most by
    which what is wanted up to some delivery exceeds the room of all deliveries up to it.
    """
    wanted, free = (np.asarray(x, dtype=np.float64) for x in (expected, room))
    not_negative(expected=wanted, room=free)
    over = np.cumsum(wanted) - np.cumsum(np.where(arrives, free, 0.0))
    return float(np.max(over, initial=0.0, where=arrives))


def fit_delivery(
    grid: Array, costs: Array, quantity: Array, room: float, *, ahead: float = 0.0
) -> Received:
    """Return what of one day's delivery comes, so that it is at most `room` units, and brings `ahead` more if it can.

    grid: (k, P), possible orders of each line, ascending, 0 among them; costs: (k, P), their expected costs, of
    `order_costs`; quantity: (k,), the proposed ones, out of the grid. What comes sooner are the packs that cost least,
    what waits are the parts that save least a unit.
    """
    not_negative(room=room, ahead=ahead)
    ones, found = np.ones(quantity.size), quantity
    # a pack more than is asked for may be too much for the room
    further = np.where(grid[:, 1:] > quantity[:, None], np.diff(grid, axis=1), 0.0)
    least = min(room, float(quantity.sum()) + ahead) - float(further.max(initial=0.0))
    if ahead > 0 and least > quantity.sum():
        terms = SupplierTerms(minimum=least)
        found = join_order(grid, costs, quantity, ones, terms, may_wait=False).quantity
    if found.sum() > room + 1e-9:
        found = cut_within_budget(grid, costs, found, ones, room).quantity
    return Received(found, np.maximum(found - quantity, 0.0), np.maximum(quantity - found, 0.0))
