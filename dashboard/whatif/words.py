"""A comparison in words: what a scenario assumes, and its figures beside those of what is."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

AS_IS = "As it is"
# Figures by their label, in the order of the table: how they are written.
UNITS, MONEY, SHARE = "units", "money", "share"
FIGURES = {
    "demand": ("Demand, units", UNITS),
    "fill_rate": ("Fill rate", SHARE),
    "missed_units": ("Units missed", UNITS),
    "empty_share": ("Shelf-days with too little", SHARE),
    "stock_units": ("Average stock, units", UNITS),
    "stock_value": ("Average stock, value", MONEY),
    "holding_cost": ("Holding cost", MONEY),
    "missed_cost": ("Margin missed", MONEY),
    "spoiled_units": ("Units spoiled", UNITS),
    "spoiled_cost": ("Spoiled, at cost", MONEY),
    "cost": ("Holding, margin missed and spoiled", MONEY),
    "order_lines": ("Order lines", UNITS),
    "ordered_units": ("Units ordered", UNITS),
    "spent": ("Spent on orders", MONEY),
    "today_units": ("Units ordered today", UNITS),
}


def assumed_words(scenario: Mapping[str, Any]) -> str:
    """Describe what a scenario assumes: "demand +30 %, fill rate 99 %"."""
    told = {name: value for name, value in scenario.items() if value is not None}
    said = [
        f"demand {told['demand_percent']:+g} %" if "demand_percent" in told else "",
        f"fill rate {100 * told['fill_rate']:g} %" if "fill_rate" in told else "",
        f"lead time {told['lead_days']} days" if "lead_days" in told else "",
        f"bought from {told['supplier']}" if "supplier" in told else "",
        f"price {told['price_percent']:+g} %" if "price_percent" in told else "",
        f"promotion, {100 * told['discount']:g} % off" if "discount" in told else "",
    ]
    return ", ".join(part for part in said if part)


def scope_words(scope: Mapping[str, str]) -> str:
    """Describe which lines are compared."""
    return ", ".join(f"{name} {told}" for name, told in scope.items())


def side_by_side(figures: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a row a figure and a column a scenario, each beside what is: "1,204 (+12 %)"."""
    now = figures[0]
    rows: dict[str, list[str]] = {"figure": [label for label, _ in FIGURES.values()]}
    for one in figures:
        rows[one["name"]] = [
            # a comparison that was saved has the figures of its time
            _cell(one[name], None if one is now else now[name], kind) if name in one else ""
            for name, (_, kind) in FIGURES.items()
        ]
    return pd.DataFrame(rows)


def _cell(value: float, before: float | None, kind: str) -> str:
    if kind == SHARE:
        said = f"{100 * value:.1f} %"
        points = 0.0 if before is None else 100 * (value - before)
        return said if abs(points) < 0.05 else f"{said} ({points:+.1f} points)"
    said = f"{value:,.0f}"
    if before is None or before <= 0 or abs(value / before - 1) < 0.005:
        return said
    return f"{said} ({100 * (value / before - 1):+.0f} %)"


def waiting_words(figures: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return sentences for scenarios in which an order lacks something today, an amount is not counted, and so on."""
    return [
        f"{one['name']}{words}: {'; '.join(one[name])}."
        for one in figures
        for name, words in (
            ("waiting", ", waits today"),
            ("not_counted", ", not counted"),
            ("notes", ""),
        )
        if one.get(name)
    ]


def told_in_short(figures: Sequence[Mapping[str, Any]], currency: str | None) -> list[str]:
    """Return a sentence for each scenario: what it does to service, stock and cost."""
    now, money = figures[0], f" {currency}" if currency else ""
    said = []
    for one in figures[1:]:
        service = 100 * (one["fill_rate"] - now["fill_rate"])
        stock = 100 * (one["stock_units"] / now["stock_units"] - 1) if now["stock_units"] else 0.0
        cost = one["cost"] - now["cost"]
        said.append(
            f"{one['name']}: fill rate {100 * one['fill_rate']:.1f} % ({service:+.1f} points), stock {stock:+.0f} %, "
            f"cost {cost:+,.0f}{money}; {one['today_units']:,.0f} units to order today against "
            f"{now['today_units']:,.0f}."
        )
    return said
