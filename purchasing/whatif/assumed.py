"""Lines of the whole chain under a scenario, and which of them have to be looked at for those of the scope."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from purchasing.proposing.dates import Supplying, later_by
from purchasing.proposing.facts import Facts
from purchasing.proposing.goal import TOTAL
from purchasing.proposing.lead_days import supplying_of, with_days
from purchasing.proposing.prepare import Defaults, Prepared, prepare
from purchasing.proposing.shared_lines import joined_suppliers
from purchasing.whatif.scenario import Scenario, Scope
from stocktide.foundation.errors import Invalid

Mask = NDArray[np.bool_]
# Lines whose orders depend on those of the scope; where there are more, today's orders are each by themselves.
AROUND_MAX = 20_000


@dataclass(frozen=True)
class Asked:
    """What scenarios are computed from. sales: what each product is expected to sell for; for its class.

    now: of `prepare`.
    """

    scope: Scope
    facts: Facts
    sales: "pd.Series[Any]"
    defaults: Defaults
    today: date
    now: datetime | None = None


@dataclass(frozen=True)
class Assumed:
    """Lines under a scenario. lines: of all pairs; inside: which are of the scope; open: can be ordered today.

    together: those of the scope and all whose orders depend on theirs. alone: these are too many, so it is the scope
    alone, and each line is ordered by itself.
    """

    facts: Facts
    lines: Prepared
    inside: Mask
    open: Mask
    together: Mask
    alone: bool

    @property
    def needed(self) -> pd.DataFrame:
        """Return the rows that paths are needed of, those of warehouses that supply them among them."""
        rows, centres = self.lines.rows[self.together], self.lines.centres
        if centres.empty:
            return rows
        supply = sent_from(centres.assign(source=centres["location"])).isin(set(sent_from(rows)))
        return pd.concat([rows, centres[supply]])


def needs_classes(facts: Facts) -> bool:
    """Return True if some term goes by the class of a product."""
    return bool(facts.terms["service_targets"]["abc"].notna().any())


def assume(
    asked: Asked, scenario: Scenario, pairs: Collection[tuple[str, str]] | None = None
) -> Assumed:
    """Prepare all lines, those of the scope, or of the pairs that are in it, under a scenario. Raises Invalid."""
    facts = asked.facts
    if scenario.supplier is not None:
        facts = _bought_from(facts, scenario.supplier, {product for product, _ in pairs or ()})
    made = prepare(
        facts,
        asked.sales,
        today=asked.today,
        defaults=asked.defaults,
        now=asked.now,
        every=True,
    )
    rows, leads = made.rows, dict(made.leads)
    if rows.empty:
        none = np.zeros(0, dtype=bool)
        return Assumed(facts, made, none, none, none, alone=False)
    if pairs is None:
        inside = within(rows, asked.scope)
    else:
        inside = pd.MultiIndex.from_frame(rows[["product", "location"]]).isin(list(pairs))
    lost = rows[inside & rows["no_rate"] & (rows["supplier"] == scenario.supplier)]
    if len(lost):
        raise Invalid(
            "no_rate",
            f"{scenario.name!r}: {no_rate_words(lost)}, so its cost cannot be compared. Record one: `stocktide rates "
            "set`.",
        )
    if scenario.fill_rate is not None:
        rows = rows.assign(
            measure=rows["measure"].mask(inside, "fill_rate"),
            target=rows["target"].mask(inside, scenario.fill_rate),
        )
    if scenario.price_percent is not None:
        factor = np.where(inside, 1 + scenario.price_percent / 100, 1.0)
        rows = rows.assign(price=rows["price"] * factor)
    supplying = supplying_of(facts)
    if scenario.lead_days is not None:
        sure = np.eye(scenario.lead_days + 1)[scenario.lead_days]
        pairs_of = list(zip(rows["supplier"], rows["product"], strict=True))
        reviews = {pair: int(days) for pair, days in zip(pairs_of, rows["review"], strict=True)}
        own = rows[inside]
        for supplier, product in set(zip(own["supplier"], own["product"], strict=True)):
            of, day = (
                supplying.get(supplier, Supplying()),
                made.order_days.get(supplier, asked.today),
            )
            came = later_by(of.delivered(sure, day), (day - asked.today).days)
            leads[supplier, product], reviews[supplier, product] = came, of.covered(sure, day)
        rows = with_days(rows, leads, reviews, asked.today)
    together, alone = _ordered_with(rows, made.centres, inside, facts)
    open_now = rows["is_open"].to_numpy(bool)
    lines = replace(made, rows=rows, leads=leads)
    return Assumed(facts, lines, inside, open_now, together, alone)


def sent_from(rows: pd.DataFrame) -> "pd.Series[Any]":
    """Return the warehouse and the product of each line, None where it is bought: (n,)."""
    keys = zip(rows["source"], rows["product"], strict=True)
    return pd.Series([key if isinstance(key[0], str) else None for key in keys], rows.index, object)


def within(rows: pd.DataFrame, scope: Scope) -> Mask:
    """Return which rows are of a scope, as far as they have its columns: (n,)."""
    fits = np.ones(len(rows), dtype=bool)
    for name, told in scope.limits.items():
        if name in rows.columns:
            fits &= (rows[name] == told).to_numpy(bool)
    return fits


def no_rate_words(rows: pd.DataFrame) -> str:
    """Return which prices no known rate turns into the currency that their products sell in. rows: of such lines."""
    counts = Counter(zip(rows["order_currency"], rows["currency"], strict=True))
    return " and ".join(
        f"the price of {lines:,} line{'s'[: lines != 1]} is in {base}, and no rate of {base} in {quote} is known"
        for (base, quote), lines in counts.items()
    )


def _ordered_with(
    rows: pd.DataFrame, centres: pd.DataFrame, inside: Mask, facts: Facts
) -> tuple[Mask, bool]:
    """Return the lines whose orders those of the scope depend on, these included; and if they are too many."""
    joined, suppliers = joined_suppliers(facts), facts.terms["suppliers"]
    limited = set(facts.terms["receiving_limits"]["location"])
    # a goal of all lines of a location
    limited |= set(rows.loc[rows["measure"] == TOTAL, "location"])
    sent, together, before = sent_from(rows), inside, -1
    # lines of a supplier come to places with limits, and lines of such a place from suppliers with terms
    while together.sum() > before:
        before = int(together.sum())
        mine = set(rows.loc[together, "supplier"]) & joined
        if len(facts.budgets):
            buyers = set(suppliers.loc[suppliers["supplier"].isin(mine), "buyer"]) & set(
                facts.budgets["buyer"]
            )
            mine |= set(suppliers.loc[suppliers["buyer"].isin(buyers), "supplier"])
        # shops share what their warehouse has, and it what its suppliers' terms ask for
        stock = set(sent[together].dropna())
        if not centres.empty:
            bought = centres[centres["supplier"].isin(mine)]
            stock |= set(zip(bought["location"], bought["product"], strict=True))
            mine |= joined & {
                name
                for name, *shelf in zip(
                    centres["supplier"], centres["location"], centres["product"], strict=True
                )
                if tuple(shelf) in stock
            }
        places = set(rows.loc[together, "location"]) & limited
        together = together | (
            rows["supplier"].isin(mine) | rows["location"].isin(places) | sent.isin(stock)
        ).to_numpy(bool)
    alone = bool(together.sum() > AROUND_MAX)
    return (inside if alone else together), alone


def _bought_from(facts: Facts, supplier: str, products: set[str]) -> Facts:
    """Return facts in which a supplier is asked first for what it sells of some products. Raises Invalid."""
    sold = facts.terms["supplier_products"]
    chosen = (sold["supplier"] == supplier) & sold["product"].isin(products)
    if not chosen.any():
        raise Invalid(
            "not_sold",
            f"Nobody said that {supplier!r} sells any of these products: see /v1/terms/supplier-products.",
        )
    terms = {**facts.terms, "supplier_products": sold.assign(rank=sold["rank"].mask(chosen, 0))}
    return replace(facts, terms=terms)
