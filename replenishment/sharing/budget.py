"""Orders within a budget: purchases ranked by return, the money saved in units missed by the money spent."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from replenishment.formulas.conditions import Array, not_negative
from replenishment.lines.lines import Lines
from replenishment.ordering.proposal import Proposal


class Budgeted(NamedTuple):
    """quantity (n,) units; cut (n,), what was not bought; returns (n,), of the last part bought, NaN where none was.

    spent: (budgets,) money.
    """

    quantity: Array
    cut: Array
    returns: Array
    spent: Array


def within_budget(
    proposal: Proposal, lines: Lines, budget: ArrayLike, *, buyer: NDArray[np.int64] | None = None
) -> Budgeted:
    """Return the purchases of highest return that a budget pays for, in whole packs and never below a minimum.

    budget: money, or (b,) of each buyer; buyer: (n,), whose budget pays for the line. A line's parts are bought in
    order; of all parts, the best are bought until the first that the budget does not pay: more money never buys less.
    """
    return parts_within_budget(proposal.grid, proposal.saved, lines.unit_cost, budget, buyer=buyer)


def parts_within_budget(
    grid: Array,
    saved: Array,
    unit_cost: Array,
    budget: ArrayLike,
    *,
    buyer: NDArray[np.int64] | None = None,
) -> Budgeted:
    """Return what `within_budget` does, of any parts of orders.

    grid: (n, P) units, ascending, the last of each line its order; saved: (n, P), money that each saves; unit_cost:
    (n,) money.
    """
    money = np.atleast_1d(np.asarray(budget, dtype=np.float64))
    not_negative(budget=money)
    n, P = grid.shape
    whose = np.zeros(n, dtype=np.int64) if buyer is None else np.asarray(buyer)
    if whose.shape != (n,) or (whose.size and not 0 <= whose.min() <= whose.max() < money.size):
        raise ValueError("each line needs a buyer who has a budget")
    units = np.diff(grid, axis=1, prepend=0.0)
    price = (units * unit_cost[:, None]).ravel()
    rate = _returns(units, np.diff(saved, axis=1, prepend=0.0), unit_cost)
    real = np.flatnonzero(units.ravel() > 0)
    # first by buyer, then the best return, then in the order of the parts
    order = real[np.lexsort((-rate.ravel()[real], whose[real // P]))]
    spent = np.cumsum(price[order])
    starts = np.searchsorted(whose[order // P], np.arange(money.size))
    before = np.concatenate([[0.0], spent])[starts]
    bought = order[spent - before[whose[order // P]] <= money[whose[order // P]] * (1 + 1e-12)]
    quantity = np.asarray(
        np.bincount(bought // P, weights=units.ravel()[bought], minlength=n).round(3), np.float64
    )
    last = np.full(n, np.nan)
    np.fmin.at(last, bought // P, rate.ravel()[bought])
    paid = np.asarray(
        np.bincount(whose[bought // P], weights=price[bought], minlength=money.size), np.float64
    )
    return Budgeted(quantity, grid[:, -1] - quantity, last, paid)


def cut_within_budget(
    grid: Array, costs: Array, quantity: Array, unit_cost: Array, budget: ArrayLike
) -> Budgeted:
    """Return what `within_budget` does, of orders (n,) out of a grid (n, P) of possible ones and their expected costs.

    grid: ascending, 0 among them; costs: of `order_costs`. unit_cost: (n,) of the budget by one unit.
    """
    upto = np.minimum(grid, quantity[:, None])
    places = (grid[:, None, :] < upto[:, :, None] - 1e-9).sum(axis=2)
    saved = -np.take_along_axis(costs, places, 1)
    return parts_within_budget(upto, saved, unit_cost, budget)


def _returns(units: Array, saved: Array, unit_cost: Array) -> Array:
    """Return the money saved per money spent of each part: (n, P), falling along a line."""
    price = units * unit_cost[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(units > 0, np.where(price > 0, saved / price, np.inf), np.inf)
    return np.asarray(np.minimum.accumulate(rate, axis=1))
