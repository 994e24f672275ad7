"""Lines of all locations that share something: what each may order around its own order, and what is chosen."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from purchasing.proposing.drafts import Draft, Shared
from purchasing.proposing.facts import Facts
from replenishment import Budgeted, JoinedOrder, SupplierTerms, cut_within_budget, join_order

Pair = tuple[str, str]
Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


def joined_suppliers(facts: Facts) -> set[str]:
    """Return the suppliers with terms of a whole order, or whose buyer has a budget."""
    suppliers = facts.terms["suppliers"]
    names = ["minimum_value_micros", "minimum_units_milli", "truck_units_milli"]
    bought = suppliers["buyer"].isin(set(facts.budgets["buyer"])) if len(facts.budgets) else False
    with_terms = suppliers.loc[suppliers[names].notna().any(axis=1) | bought, "supplier"]
    return {*with_terms, *facts.terms["price_breaks"]["supplier"]}


# Money: more than any order saves.
DECIDED_SAVES = 1e9


class SharedLines:
    """Lines that share something. alone, quantity: (n,) units, by themselves and together; why: of changes.

    most: what some lines have to keep to, by product and location, and why. decided: of `Facts`; (n,) lines whose
    quantity a buyer set.
    """

    def __init__(
        self,
        drafts: Sequence[Draft],
        most: Mapping[Pair, Shared],
        decided: Mapping[Pair, float | None],
    ) -> None:
        left_out = {pair for pair, units in decided.items() if units is None}
        kept = [(one, one.joined & ~_are(one.rows, left_out)) for one in drafts]
        kept = [(one, some) for one, some in kept if some.any()]
        frames = [one.rows[some] for one, some in kept]
        self.rows = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        self.grid = (
            np.concatenate([one.grid[some] for one, some in kept]) if kept else np.zeros((0, 1))
        )
        self.costs = np.concatenate([one.costs[some] for one, some in kept]) if kept else self.grid
        self.alone = (
            np.concatenate([one.found.quantity[some] for one, some in kept])
            if kept
            else np.zeros(0)
        )
        self.quantity = self.alone.copy()
        self.why = [""] * len(self.alone)
        self.decided = np.zeros(len(self.alone), dtype=np.bool_)
        self._keep_to(most, {pair: units for pair, units in decided.items() if units is not None})

    def _keep_to(self, most: Mapping[Pair, Shared], decided: Mapping[Pair, float]) -> None:
        if not (most or decided) or self.rows.empty:
            return
        for at, pair in enumerate(_pairs(self.rows)):
            if pair in decided:
                self.decided[at] = True
                self.quantity[at] = decided[pair]
                self.grid[at], self.costs[at] = 0.0, 0.0
                # first of all that a limit leaves, and never more
                self.grid[at, -1], self.costs[at, -1] = decided[pair], -DECIDED_SAVES
            elif pair in most:
                units, why = most[pair]
                grid = np.minimum(self.grid[at], units)
                # costs are convex: between two orders they lie near the line
                self.costs[at] = np.interp(grid, self.grid[at], self.costs[at])
                self.grid[at] = grid
                self.quantity[at], self.why[at] = units, why

    def of(self, supplier: str, product: str | None = None) -> Numbers:
        """Return the numbers of a supplier's lines, or of those of one product."""
        mine = self.rows["supplier"] == supplier
        return np.flatnonzero(mine if product is None else mine & (self.rows["product"] == product))

    def order(
        self,
        at: Numbers,
        worth: Floats,
        terms: SupplierTerms,
        *,
        size: Floats | None = None,
        may_wait: bool,
    ) -> JoinedOrder:
        """Return the cheapest order of some lines under the terms. worth: (k,) of a unit, as the terms count it."""
        return join_order(
            self.grid[at], self.costs[at], self.quantity[at], worth, terms, volume=size, may_wait=may_wait
        )  # fmt: skip

    def take(self, at: Numbers, quantity: Floats, why: str) -> None:
        """Order these quantities instead, for a reason."""
        for number, units in zip(at.tolist(), quantity.tolist(), strict=True):
            if abs(units - self.quantity[number]) > 1e-9:
                self.quantity[number], self.why[number] = units, why

    def cut_to(self, at: Numbers, unit: Floats, most: float) -> Budgeted:
        """Return the parts of some lines' orders that return most, within a sum. unit: (k,) of the sum by one unit."""
        return cut_within_budget(self.grid[at], self.costs[at], self.quantity[at], unit, most)


def _pairs(rows: pd.DataFrame) -> list[Pair]:
    return list(zip(rows["product"], rows["location"], strict=True))


def _are(rows: pd.DataFrame, pairs: Collection[Pair]) -> NDArray[np.bool_]:
    """Return which rows are of some pairs."""
    if not pairs:
        return np.zeros(len(rows), dtype=np.bool_)
    return np.array([pair in pairs for pair in _pairs(rows)], dtype=np.bool_)
