"""What lines of one supplier order together: its price breaks, the least that an order is worth, whole trucks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from purchasing.proposing.compute import Draft, Shared
from purchasing.proposing.facts import Facts
from replenishment import JoinedOrder, SupplierTerms, join_order

Floats = NDArray[np.float64]


@dataclass
class SharedOrders:
    """What was chosen for lines together. lines: by product and location, where it is not their own order.

    prices: of one unit, by supplier and product, where a break is reached. waiting: suppliers whose lines are too few
    for an order today, with what an order lacks, in words.
    """

    lines: dict[tuple[str, str], Shared] = field(default_factory=dict)
    prices: dict[tuple[str, str], float] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)


def joined_suppliers(facts: Facts) -> set[str]:
    """Return the suppliers whose terms are of a whole order."""
    suppliers = facts.terms["suppliers"]
    names = ["minimum_value_micros", "minimum_units_milli", "truck_units_milli"]
    with_terms = suppliers.loc[suppliers[names].notna().any(axis=1), "supplier"]
    return {*with_terms, *facts.terms["price_breaks"]["supplier"]}


def share_orders(drafts: Sequence[Draft], facts: Facts) -> SharedOrders:
    """Choose what lines of one supplier order together, by their own expected costs.

    Price breaks come first, product by product; then an order that is worth too little is filled up by the packs
    that cost least, or waits for the supplier's next order day, whichever is cheaper; whole trucks last.
    """
    shared = SharedOrders()
    lines = _Lines(drafts, joined_suppliers(facts))
    if not len(lines.rows):
        return shared
    for (supplier, product), breaks in facts.terms["price_breaks"].groupby(["supplier", "product"]):
        _reach_breaks(lines, str(supplier), str(product), breaks, shared)
    for terms in facts.terms["suppliers"].to_dict("records"):
        _fill_order(lines, {str(name): value for name, value in terms.items()}, facts, shared)
    for at in np.flatnonzero(np.abs(lines.quantity - lines.own) > 1e-9).tolist():
        row = lines.rows.iloc[at]
        shared.lines[row["product"], row["location"]] = Shared(
            float(lines.quantity[at]), lines.why[at]
        )
    return shared


class _Lines:
    """Lines of all locations whose supplier has terms of a whole order. quantity, own: (n,) units; why: of changes."""

    def __init__(self, drafts: Sequence[Draft], suppliers: set[str]) -> None:
        kept = [(one, one.rows["supplier"].isin(suppliers).to_numpy()) for one in drafts]
        kept = [(one, some) for one, some in kept if some.any()]
        frames = [one.rows[some] for one, some in kept]
        self.rows = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        self.grid = (
            np.concatenate([one.grid[some] for one, some in kept]) if kept else np.zeros((0, 1))
        )
        self.costs = np.concatenate([one.costs[some] for one, some in kept]) if kept else self.grid
        self.own = (
            np.concatenate([one.found.quantity[some] for one, some in kept])
            if kept
            else np.zeros(0)
        )
        self.quantity = self.own.copy()
        self.why = [""] * len(self.own)

    def of(self, supplier: str, product: str | None = None) -> NDArray[np.int64]:
        """Return the numbers of a supplier's lines, or of those of one product."""
        mine = self.rows["supplier"] == supplier
        return np.flatnonzero(mine if product is None else mine & (self.rows["product"] == product))

    def order(
        self,
        at: NDArray[np.int64],
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

    def take(self, at: NDArray[np.int64], quantity: Floats, why: str) -> None:
        """Order these quantities instead, for a reason."""
        for number, units in zip(at.tolist(), quantity.tolist(), strict=True):
            if abs(units - self.quantity[number]) > 1e-9:
                self.quantity[number], self.why[number] = units, why


def _reach_breaks(
    lines: _Lines, supplier: str, product: str, breaks: pd.DataFrame, shared: SharedOrders
) -> None:
    """Order more of a product where its lower price is worth the holding. breaks: from_quantity_milli, price_micros."""
    at = lines.of(supplier, product)
    if not len(at) or not lines.quantity[at].any():
        return
    price = float(lines.rows["order_price"].iloc[at[0]])
    steps = [
        (row["from_quantity_milli"] / 1000, row["price_micros"] / 1e6)
        for row in breaks.sort_values("from_quantity_milli").to_dict("records")
    ]
    if np.isfinite(price) and price > 0:
        # in the currency that costs are in
        unit = np.full(len(at), float(lines.rows["unit_cost"].iloc[at[0]]))
        off = tuple((units * unit[0], 1 - lower / price) for units, lower in steps if lower < price)
        if off and unit[0] > 0:
            joined = lines.order(at, unit, SupplierTerms(breaks=off), may_wait=False)
            reached = [lower for units, lower in steps if units <= joined.quantity.sum() + 1e-9]
            if joined.way == "price break":
                lines.take(
                    at, joined.quantity, f"{product} costs {reached[-1]:g} a unit from so many on"
                )
    ordered = lines.quantity[at].sum()
    lower_now = [lower for units, lower in steps if units <= ordered + 1e-9]
    if lower_now:
        shared.prices[supplier, product] = lower_now[-1]


def _fill_order(
    lines: _Lines, supplier: dict[str, Any], facts: Facts, shared: SharedOrders
) -> None:
    name = str(supplier["supplier"])
    at = lines.of(name)
    if not len(at) or not lines.quantity[at].any():
        return
    ones = np.ones(len(at))
    for least, worth, said in (
        (
            _number(supplier["minimum_value_micros"], 1e6),
            _worth(lines, at),
            f"{supplier['currency'] or ''} ",
        ),
        (_number(supplier["minimum_units_milli"], 1e3), ones, ""),
    ):
        total = float(worth @ lines.quantity[at])
        if least and 0 < total < least - 1e-9:
            joined = lines.order(at, worth, SupplierTerms(minimum=least), may_wait=True)
            why = f"{name} takes orders from {said}{least:g} on"
            lines.take(at, joined.quantity, why)
            if joined.way == "nothing":
                shared.waiting[name] = f"{why}; {said}{total:g} are needed today"
                return
    truck = _number(supplier["truck_units_milli"], 1e3)
    freight = _number(supplier["order_cost_micros"], 1e6) * _rate(lines, at, facts)
    # without a cost of its own nothing speaks against half a truck
    if truck and freight:
        joined = lines.order(
            at, ones, SupplierTerms(truck=truck, freight=freight), size=ones, may_wait=False
        )
        if joined.way in ("full truck", "fewer trucks"):
            lines.take(at, joined.quantity, f"a truck of {name} holds {truck:g}")


def _worth(lines: _Lines, at: NDArray[np.int64]) -> Floats:
    """Return the price of a unit of each line as the supplier counts it, what it costs where that is not known."""
    rows = lines.rows.iloc[at]
    return rows["order_price"].fillna(rows["unit_cost"]).to_numpy(np.float64)


def _rate(lines: _Lines, at: NDArray[np.int64], facts: Facts) -> float:
    """Return what one unit of the supplier's currency is worth in that of the costs; 1 where no rate is known."""
    row = lines.rows.iloc[at[0]]
    return facts.rates.get((row["order_currency"], row["currency"]), 1.0)


def _number(value: Any, scale: float) -> float:
    return 0.0 if value is None or pd.isna(value) else float(value) / scale
