"""From what is needed to what can be ordered: whole packs, minimum, multiple and room, and what that adds."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replenishment.formulas.conditions import Array
from replenishment.lines.lines import Lines

# Units are exact to thousandths; what is less of a pack is a matter of digits.
DIGITS = 1e-6


class Rounded(NamedTuple):
    """Orders of n lines, units, and which facts of the line changed them."""

    quantity: Array
    raised_to_minimum: NDArray[np.bool_]
    cut_by_room: NDArray[np.bool_]


def round_orders(
    wanted: Array,
    lines: Lines,
    *,
    room: Array | None = None,
    down: NDArray[np.bool_] | None = None,
) -> Rounded:
    """Return what can be ordered of what is wanted (n,), units: up to whole steps, or down where `down` is True.

    A step is the least common multiple of pack and multiple. An order is at least the minimum, or 0 where that has no
    room. room: (n,) the most units that fit. Wanting more never orders less.
    """
    step = lines.step
    least = np.ceil(lines.minimum / step - DIGITS) * step
    steps = np.maximum(wanted, 0.0) / step
    whole = np.ceil(steps - DIGITS)
    if down is not None:
        whole = np.where(down, np.floor(steps + DIGITS), whole)
    # 0 is added for those who print it: nothing to order is 0 and not −0
    quantity = np.round(whole * step, 3) + 0.0
    raised = (quantity > 0) & (quantity < least)
    quantity = np.where(raised, least, quantity)
    if room is None:
        return Rounded(quantity, raised, np.zeros(quantity.shape, dtype=bool))
    most = np.floor(np.maximum(np.minimum(room, 1e15), 0.0) / step + DIGITS) * step
    cut = quantity > most
    quantity = np.where(cut, most, quantity)
    quantity = np.where(quantity < least, 0.0, quantity)
    return Rounded(quantity, raised & (quantity > 0), cut)
