"""A warehouse that supplies shops: it orders for the sum of their demand on each path, and shares out what it has.

The sum of joint paths has the pooled risk in it: what one shop sells more another sells less. The warehouse's echelon
stock is its own and all that is in or on its way to its shops (Clark & Scarf 1960, Management Science 6(4)).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from replenishment.formulas.conditions import Array, not_negative, positive
from replenishment.lines.lead_times import LeadTimes
from replenishment.lines.lines import Lines, make_lines
from replenishment.lines.walk import Single

HALVINGS = 60


def pool_paths(paths: NDArray[Any], group: NDArray[np.int64], groups: int) -> Single:
    """Sum joint paths (n, B, T) of shops by the group that each line belongs to, (n,): (groups, B, T)."""
    total = np.zeros((groups, *paths.shape[1:]), dtype=np.float32)
    for row, g in enumerate(group):
        total[g] += paths[row]
    return total


def pool_lines(centre: Lines, shops: Lines, group: NDArray[np.int64]) -> Lines:
    """Return the warehouse's lines with the stock of its shops in them: what `propose_orders` needs for the warehouse.

    centre: (groups,) lines of the warehouse, whose terms are kept; shops: (n,); group: (n,), each shop line's line in
    the centre. Its own stock on its way to shops is in the shops' in_transit. Lots that expire in shops are not
    pooled: they are the shops' to sell.
    """
    G = len(centre)
    kept = {
        name: getattr(centre, name)
        for name in (
            *("pack", "multiple", "minimum", "capacity", "most_sold", "unit_cost", "price"),
            *("salvage", "holding", "shortage", "order_cost", "shelf_life", "ends", "expiring"),
        )
    }

    def by_period(name: str) -> Array:
        own, theirs = getattr(centre, name), getattr(shops, name)
        total = np.zeros((G, max(own.shape[1], theirs.shape[1])))
        total[:, : own.shape[1]] = own
        np.add.at(total[:, : theirs.shape[1]], group, theirs)
        return total

    def summed(name: str) -> Array:
        return np.asarray(
            getattr(centre, name) + np.bincount(group, weights=getattr(shops, name), minlength=G)
        )

    return make_lines(
        summed("on_hand"),
        reserved=summed("reserved"),
        presentation=summed("presentation"),
        on_order=by_period("on_order"),
        in_transit=by_period("in_transit"),
        **kept,
    )


def in_series(first: LeadTimes, then: LeadTimes) -> LeadTimes:
    """Return the lead times of one way after another, independent: to the warehouse, and on to the shops."""
    n = max(first.shares.shape[0], then.shares.shape[0])
    a, b = (np.broadcast_to(x.shares, (n, x.shares.shape[1])) for x in (first, then))
    total = np.zeros((n, a.shape[1] + b.shape[1] - 1))
    for periods in range(b.shape[1]):
        total[:, periods : periods + a.shape[1]] += a * b[:, [periods]]
    return LeadTimes(total)


def share_out(
    need: Single,
    available: ArrayLike,
    group: NDArray[np.int64],
    *,
    value: ArrayLike = 1.0,
    step: ArrayLike = 1.0,
    least: ArrayLike = 0.0,
    most: Array | None = None,
) -> Array:
    """Share a warehouse's stock out so that a unit is worth the same in every shop: (n,) units, whole steps.

    need: (n, B), of `line_needs` for the way from the warehouse to the shop; available: (groups,) units; group: (n,);
    value: (n,) of a unit missed; least: (n,), less than which is not sent: the shops that it serves best get it, and
    the others nothing; most: (n,), asked for by the shop, the rest stays in the warehouse, where it serves whoever
    will need it.
    """
    n = len(need)
    have = np.atleast_1d(np.asarray(available, dtype=np.float64))
    not_negative(available=have, value=value, least=least)
    positive(step=step)
    v, steps, floor = (
        np.broadcast_to(np.asarray(x, dtype=np.float64), (n,)) for x in (value, step, least)
    )
    needed = np.maximum(np.sort(need, axis=1), 0).astype(np.float64)
    limit = np.full(n, np.inf) if most is None else np.asarray(most, dtype=np.float64)
    # what a unit of the least that may be sent serves, on average
    worth = v * np.minimum(needed, floor[:, None]).mean(axis=1) / np.maximum(floor, 1e-9)
    # all that a shop may want of what the others leave; who needs less than may be sent still needs that
    last = np.floor(np.minimum(needed[:, -1], limit) / steps + 1e-6) * steps
    last = np.where(needed[:, -1] > 0, np.maximum(last, np.minimum(floor, limit)), 0.0)
    while True:
        shares = _shares(needed, have, group, v, steps, limit)
        too_small = (shares > 0) & (shares < floor - 1e-9)
        if not too_small.any():
            unmet = (needed > shares[:, None]).mean(axis=1)
            return _with_rest(shares, last, have, group, steps, floor, np.argsort(-v * unmet))
        # one in each group goes without, and the rest share again
        order = np.lexsort((worth, group))
        dropped = order[too_small[order]]
        _, first = np.unique(group[dropped], return_index=True)
        limit = limit.copy()
        limit[dropped[first]] = 0.0


def _shares(
    needed: Array, have: Array, group: NDArray[np.int64], v: Array, steps: Array, limit: Array
) -> Array:
    """Return shares without a least, (n,) units. needed: (n, B), sorted."""
    n, B = needed.shape
    rows = np.arange(n)

    def shares(theta: Array) -> Array:
        tail = np.minimum(theta[group] / np.maximum(v, 1e-300), 1.0)
        at = np.clip(np.ceil((1 - tail) * B - 1e-9).astype(np.int64) - 1, -1, B - 1)
        found = np.where(at < 0, 0.0, needed[rows, np.maximum(at, 0)])
        return np.floor(np.minimum(found, limit) / steps + 1e-6) * steps

    low, high = np.zeros(have.size), np.full(have.size, float(v.max(initial=0.0)) + 1.0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        fits = np.bincount(group, weights=shares(middle), minlength=have.size) <= have + 1e-9
        low, high = np.where(fits, low, middle), np.where(fits, middle, high)
    given, wanted = shares(high), shares(low)
    order = np.argsort(given - wanted, kind="stable")
    return _with_rest(given, wanted, have, group, steps, np.zeros(n), order)


def _with_rest(
    given: Array,
    wanted: Array,
    have: Array,
    group: NDArray[np.int64],
    steps: Array,
    floor: Array,
    order: NDArray[np.int64],
) -> Array:
    """Give what is left to the shops in their order, as far as they want it and no less than their floor."""
    out = given.copy()
    left = have - np.bincount(group, weights=out, minlength=have.size)
    for row in order:
        units = (
            np.floor(min(wanted[row] - out[row], left[group[row]]) / steps[row] + 1e-6) * steps[row]
        )
        if units > 0 and out[row] + units >= floor[row] - 1e-9:
            out[row] += units
            left[group[row]] -= units
    return out
