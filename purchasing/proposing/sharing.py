"""What lines share: a supplier's terms of a whole order, a buyer's budget, and the hands that put goods away."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from purchasing.proposing.budgets import within_budgets
from purchasing.proposing.drafts import Draft, Shared
from purchasing.proposing.facts import Facts
from purchasing.proposing.money import amounts_words, is_unsaid, order_prices, rate_of
from purchasing.proposing.receiving import within_receiving
from purchasing.proposing.shared_lines import SharedLines
from replenishment import SupplierTerms
from stocktide.domain.exact_numbers import in_full


@dataclass
class SharedOrders:
    """What was chosen for lines together. lines: by product and location, where it is not their own order.

    prices: of one unit, by supplier and product, where a break is reached. waiting: in words, by what makes lines wait:
    suppliers with too small an order, buyers with too small a budget, days on which a location cannot put all away.
    not_counted: in words, by buyer or supplier: amounts that no known rate turns into the currency of a term.
    """

    lines: dict[tuple[str, str], Shared] = field(default_factory=dict)
    prices: dict[tuple[str, str], float] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    not_counted: dict[str, str] = field(default_factory=dict)


def share_orders(
    drafts: Sequence[Draft], facts: Facts, *, today: date, held: SharedOrders | None = None
) -> SharedOrders:
    """Choose what lines of one supplier order together, by their own expected costs.

    Price breaks come first, product by product; then a buyer's budget, and what a location can put away on the day of
    arrival, go to the packs that return most; an order that is worth too little is filled up by the packs that cost
    least, or waits for the supplier's next order day, whichever is cheaper; whole trucks last. Where a limit binds
    nothing is added, and too small an order waits. held: what lines have to keep to, such as a warehouse's stock.
    Lines whose quantity a buyer set are in the order with it; what is snoozed, or was rejected today, is not.
    """
    most = held or SharedOrders()
    shared = SharedOrders(lines=dict(most.lines), waiting=dict(most.waiting))
    lines = SharedLines(drafts, most.lines, facts.decided)
    if not len(lines.rows):
        return shared
    breaks = [
        (str(supplier), str(product), _steps(of))
        for (supplier, product), of in facts.terms["price_breaks"].groupby(["supplier", "product"])
    ]
    for supplier, product, steps in breaks:
        _reach_breaks(lines, supplier, product, steps)
    bound = within_budgets(lines, facts, shared.waiting, shared.not_counted)
    fit = partial(within_receiving, lines, drafts, facts, shared.waiting, today=today)
    bound |= fit(may_add=True, bound=bound)
    # packs that come sooner are paid for as well
    bound |= within_budgets(lines, facts, shared.waiting, shared.not_counted)
    _fill_orders(lines, facts, shared, bound)
    # what filled an order may be more than a location can put away
    bound |= fit(may_add=False)
    _fill_orders(lines, facts, shared, bound, only=bound)
    for supplier, product, steps in breaks:
        ordered = lines.quantity[lines.of(supplier, product)].sum()
        for units, lower in steps:
            if 0 < units <= ordered + 1e-9:
                shared.prices[supplier, product] = lower
    for at in np.flatnonzero(np.abs(lines.quantity - lines.alone) > 1e-9).tolist():
        line = lines.rows.iloc[at]
        # what a run proposes beside a decision is what the line needs by itself
        if lines.decided[at]:
            continue
        shared.lines[line["product"], line["location"]] = Shared(
            float(lines.quantity[at]), lines.why[at]
        )
    return shared


def _steps(breaks: pd.DataFrame) -> list[tuple[float, float]]:
    """Return from how many units on a unit costs how much, ascending. breaks: from_quantity_milli, price_micros."""
    return [
        (row["from_quantity_milli"] / 1000, row["price_micros"] / 1e6)
        for row in breaks.sort_values("from_quantity_milli").to_dict("records")
    ]


def _reach_breaks(
    lines: SharedLines, supplier: str, product: str, steps: list[tuple[float, float]]
) -> None:
    """Order more of a product where its lower price is worth the holding. steps: of `_steps`."""
    at = lines.of(supplier, product)
    if not len(at) or not lines.quantity[at].any():
        return
    price = float(lines.rows["order_price"].iloc[at[0]])
    # in the currency that costs are in
    unit = np.full(len(at), float(lines.rows["unit_cost"].iloc[at[0]]))
    off = tuple((units * unit[0], 1 - lower / price) for units, lower in steps if lower < price)
    if off and unit[0] > 0 and price > 0:
        joined = lines.order(at, unit, SupplierTerms(breaks=off), may_wait=False)
        reached = [step for step in steps if step[0] <= joined.quantity.sum() + 1e-9]
        if joined.way == "price break":
            lines.take(
                at,
                joined.quantity,
                f"from {in_full(reached[-1][0])} together on, {product} costs {in_full(reached[-1][1], 6)} a unit "
                f"instead of {in_full(price, 6)}",
            )


def _fill_orders(
    lines: SharedLines,
    facts: Facts,
    shared: SharedOrders,
    bound: Collection[str],
    *,
    only: Collection[str] | None = None,
) -> None:
    """Bring each supplier's order to its terms, or let it wait. bound: suppliers to whose orders nothing is added."""
    for row in facts.terms["suppliers"].to_dict("records"):
        terms = {str(name): value for name, value in row.items()}
        if only is None or terms["supplier"] in only:
            _fill_order(lines, terms, facts, shared, may_add=terms["supplier"] not in bound)


def _fill_order(
    lines: SharedLines,
    supplier: dict[str, Any],
    facts: Facts,
    shared: SharedOrders,
    *,
    may_add: bool,
) -> None:
    name = str(supplier["supplier"])
    at = lines.of(name)
    if not len(at) or not lines.quantity[at].any():
        return
    ones = np.ones(len(at))
    currency = _currency(supplier, lines, at)
    for least, worth, said in (
        (
            _number(supplier["minimum_value_micros"], 1e6),
            order_prices(lines.rows.iloc[at], currency, facts.rates),
            f"{currency} " if currency else "",
        ),
        (_number(supplier["minimum_units_milli"], 1e3), ones, ""),
    ):
        why = f"{name} takes orders from {said}{in_full(least)} on"
        lost = np.isnan(worth) & (lines.quantity[at] > 0)
        if least and lost.any():
            amounts = amounts_words(lines.rows.iloc[at[lost]], lines.quantity[at[lost]])
            shared.not_counted[name] = f"{why}, and no rate is known for {amounts} of today's order"
            continue
        # nothing is added of what nobody can add up
        some, of = at[np.isfinite(worth)], worth[np.isfinite(worth)]
        total = float(of @ lines.quantity[some])
        if least and 0 < total < least - 1e-9:
            joined = lines.order(some, of, SupplierTerms(minimum=least), may_wait=True)
            lines.take(some, joined.quantity if may_add else 0 * joined.quantity, why)
            if joined.way == "nothing" or not may_add:
                shared.waiting[name] = f"{why}; {said}{in_full(total)} are needed today"
                return
    truck = _number(supplier["truck_units_milli"], 1e3)
    cost = _number(supplier["order_cost_micros"], 1e6)
    freight = cost * rate_of(facts.rates, currency, lines.rows["currency"].iloc[at[0]])
    if truck and np.isnan(freight):
        shared.not_counted[name] = (
            f"a truck of {name} costs {currency} {in_full(cost)}, and no rate is known: none is filled or left"
        )
    # without a cost of its own nothing speaks against half a truck
    elif truck and freight and may_add:
        joined = lines.order(
            at, ones, SupplierTerms(truck=truck, freight=freight), size=ones, may_wait=False
        )
        if joined.way in ("full truck", "fewer trucks"):
            lines.take(at, joined.quantity, f"a truck of {name} holds {in_full(truck)}")


def _currency(supplier: Mapping[str, Any], lines: SharedLines, at: NDArray[np.int64]) -> str | None:
    """Return the currency of a supplier's amounts: its own, else that of its first offer."""
    told = [supplier["currency"], lines.rows["order_currency"].iloc[at[0]]]
    return next((str(one) for one in told if not is_unsaid(one)), None)


def _number(value: Any, scale: float) -> float:
    return 0.0 if value is None or pd.isna(value) else float(value) / scale
