"""When a later order would want a unit that this one leaves over.

Who orders a unit too early pays its holding only until a later order would have brought it anyway: from then on it
is that order's stock, sold or not. With demand that is steady each next order wants what is left, and a unit too early
costs one review of holding: the ratio shortage / (shortage + holding) of the newsvendor. Where sales of the first weeks
say that there is less to come, the later buyer wants less, and the unit waits until it is sold.

What a buyer wants at the k-th review from now is the quantile of what is needed until the end of its window, given
what was sold by then: a regression over the paths, as those who price options early exercised have it (Longstaff &
Schwartz 2001, Review of Financial Studies 14(1)), its slope shrunk by what chance alone explains. The quantile is the
share of paths on which the present order suffices, so that both buyers follow one rule: at first that of the
newsvendor, then what the order comes to.

Symbols: M_k (n, B), need until the end of window k; U_k (n, B), units used before the k-th review.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replenishment.formulas.conditions import Array
from replenishment.lines.lines import Lines
from replenishment.lines.walk import Needs, Single
from replenishment.ordering.least_cost import UnitCosts, order_of_least_cost

# After so many rounds the share of paths does not move any more.
ROUNDS = 3


class _Wanted(NamedTuple):
    """What is wanted at one review: the mean given what was used, (n, B), and sorted deviations from it, (n, B)."""

    mean: Single
    deviations: Single

    def at(self, place: NDArray[np.int64]) -> Single:
        chosen = np.take_along_axis(self.deviations, place[:, None], axis=1)
        return np.asarray(self.mean + chosen)


def until_wanted(needs: Needs, costs: UnitCosts, lines: Lines) -> Needs:
    """Return the needs, those of later windows raised to what their orders would want of this order's units.

    Lines that spoil or end keep theirs: what is wanted there may still be thrown away.
    """
    w = costs.w
    K, B = needs.later.shape[0], needs.need.shape[1]
    keeps = np.isinf(lines.shelf_life) & np.isinf(lines.ends) & (w[:, 0] < 0)
    if K == 0 or not keeps.any():
        return needs
    wanted = [_given_used(needs.later[k], needs.used[k]) for k in range(K)]
    share = most = _ratio(w)
    found = needs
    for _ in range(ROUNDS):
        place = np.clip(np.ceil(share * B - 1e-9).astype(np.int64) - 1, 0, B - 1)
        found = replace(needs, later=_raised(needs.later, wanted, place, keeps))
        order = order_of_least_cost(found, costs).astype(np.float32)
        share = np.minimum((needs.need <= order[:, None] + 1e-4).mean(axis=1), most)
    return found


def _ratio(w: Array) -> Array:
    """Return the newsvendor's ratio of a unit missed and a unit held for one review; 0 where nothing is saved."""
    saved = np.maximum(-w[:, 0], 0.0)
    total = saved + np.maximum(w[:, 1], 0.0)
    return np.asarray(np.divide(saved, total, out=np.zeros_like(saved), where=total > 0))


def _raised(
    later: Single, wanted: list[_Wanted], place: NDArray[np.int64], keeps: NDArray[np.bool_]
) -> Single:
    """Return needs by window (K, n, B) at least as high as what was wanted by then."""
    raised = later.copy()
    so_far = np.full(later.shape[1:], -np.inf, dtype=np.float32)
    for k, one in enumerate(wanted):
        np.maximum(so_far, one.at(place), out=so_far)
        np.maximum(raised[k], so_far, out=raised[k], where=keeps[:, None])
    return raised


def _given_used(need: Single, used: Single) -> _Wanted:
    """Return what is wanted of all that is needed (n, B), by a regression of what is still needed on what was used."""
    B = need.shape[1]
    left = need - used
    mean = left.mean(axis=1, keepdims=True)
    x, y = used - used.mean(axis=1, keepdims=True), left - mean
    xx, xy, yy = (np.einsum("nb,nb->n", *pair) for pair in ((x, x), (x, y), (y, y)))
    # of what the line explains, one part in B of the variance is chance
    told = np.maximum(xy**2 - xx * yy / B, 0.0)
    slope = np.divide(told, xx * xy, out=np.zeros_like(xy), where=np.abs(xx * xy) > 0)
    fit = slope[:, None] * x
    return _Wanted(used + mean + fit, np.sort(y - fit, axis=1))
