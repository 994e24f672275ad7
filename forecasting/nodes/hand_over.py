"""A successor takes over its predecessor's history, in a share, up to the day from which it sells.

m rows (leaves, or nodes of a level), T periods, k links between rows. Nothing is doubled: what a successor takes over
leaves its predecessor, so that sums over all rows stay what they were.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from forecasting.nodes.successions import Links
from stocktide.foundation.successions import WHOLE_SHARE

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Codes = NDArray[np.int64]


def hand_over(values: Array, links: Links, part: Array) -> Array:
    """Move shares of the predecessors' values to their successors; sums over all rows stay. Returns a new (m, T).

    values: (m, T). part: (k, T) of each period that is handed over, in [0, 1].
    """
    assert part.shape == (links.share.size, values.shape[1])
    out = values.copy()
    for at in links.steps():
        _move(out, links, at, links.share[at, None] * part[at])
    return out


def _move(out: Array, links: Links, at: Codes, given: Array) -> None:
    """Move the values of one step in place. given: (k', T) of each period."""
    p, s = links.predecessor[at], links.successor[at]
    moved = out[p] * given
    rows, total = _summed(p, given)
    out[rows] *= np.clip(1.0 - total, 0.0, 1.0)
    np.add.at(out, s, moved)


def _summed(rows: Codes, values: Array) -> tuple[Codes, Array]:
    """Sum values (k, T) by row: which rows there are, (r,), and their sums, (r, T)."""
    found, code = np.unique(rows, return_inverse=True)
    total = np.zeros((found.size, values.shape[1]))
    np.add.at(total, code, values)
    return found, total


def hand_over_history(
    units: Array, empty: Mask, links: Links, part: Array
) -> tuple[Array, Mask, Links]:
    """Move units and their flags of an empty shelf, (m, T) each; returns copies, and the weighted links.

    A period is one with an empty shelf where it was so at any row that its units come from. A successor that has not
    begun to sell has no days to count, a predecessor that has handed over all has no shelf that could be empty.
    """
    sold, flags, weight = units.copy(), empty.copy(), np.zeros(links.share.size)
    for at in links.steps():
        p, s, given = links.predecessor[at], links.successor[at], links.share[at, None] * part[at]
        rows, moving = _summed(s, given)
        own = np.where(moving > 0, sold[rows], 0.0).sum(axis=1)
        begun = np.maximum.accumulate(sold[rows] > 0, axis=1)
        _, told = _summed(s, given * flags[p])
        weight[at] = _weights(s, (sold[p] * given).sum(axis=1), rows, own)
        flags[rows] = (flags[rows] & (begun | (moving <= 0))) | (told > 0)
        givers, total = _summed(p, given)
        flags[givers] &= total < WHOLE_SHARE
        _move(sold, links, at, given)
    return sold, flags, replace(links, weight=weight)


def _weights(s: Codes, moved: Array, rows: Codes, own: Array) -> Array:
    """Weigh what comes from each predecessor, (k',), against all that its successor then has. rows, own: (r,)."""
    whole = (own + _summed(s, moved[:, None])[1][:, 0])[np.searchsorted(rows, s)]
    return np.divide(moved, whole, out=np.zeros_like(moved), where=whole > 0)


def blend(X: Array, links: Links, since: Array, cutoff: np.datetime64) -> Array:
    """Blend values of rows, such as prices, as their histories are blended. Returns a new (m, D).

    Before its first day a successor has what its predecessors had; from then on a predecessor that still is forecast
    for both has what its successors have. X: (m, D). since: (k, D). cutoff: last day of the history.
    """
    out = X.copy()
    is_ahead = links.first_day > cutoff
    for at in links.steps():
        at = at[~is_ahead[at]]
        _mix(
            out,
            links.successor[at],
            links.predecessor[at],
            links.weight[at, None] * (1 - since[at]),
        )
    for at in reversed(list(links.steps())):
        at = at[is_ahead[at]]
        _mix(out, links.predecessor[at], links.successor[at], links.share[at, None] * since[at])
    return out


def _mix(out: Array, into: Codes, source: Codes, weight: Array) -> None:
    """Replace rows by weighted means of themselves and of others, in place. weight: (k, D) of the others."""
    rows, total = _summed(into, weight)
    _, summed = _summed(into, weight * out[source])
    out[rows] = out[rows] * np.clip(1.0 - total, 0.0, 1.0) + summed


def wholly_replaced(links: Links, m: int) -> Mask:
    """Return which rows have handed over all that they had, (m,)."""
    left = np.ones(m)
    for at in links.steps():
        rows, total = _summed(links.predecessor[at], links.share[at, None])
        left[rows] *= np.clip(1.0 - total[:, 0], 0.0, 1.0)
    return np.asarray(left <= 1.0 - WHOLE_SHARE)
