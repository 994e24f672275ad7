"""Texts about plans: what a plan is, for what, where, when and on what terms; and the body that records one."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from dashboard.theme import amount
from stocktide.domain.exact_numbers import in_full

KINDS = {
    "promotions": "Promotions",
    "events": "Events",
    "closures": "Closures",
    "prices": "Prices",
    "regressors": "Other numbers",
}
# One plan of a kind, where the list names each.
ONE = {
    "promotions": "Promotion",
    "events": "Event",
    "closures": "Closure",
    "prices": "Price",
    "regressors": "Other number",
}
EVERYTHING, EVERYWHERE = "everything", "everywhere"


def cell_text(value: Any) -> str | None:
    """Return a text cell, None where it is empty."""
    return None if value is None or pd.isna(value) or value == "" else str(value)


def for_what(plan: Mapping[str, Any]) -> str:
    """Describe which products a plan is for."""
    product = cell_text(plan["product"])
    if product is not None:
        return cell_text(plan["product_name"]) or product
    parts = [
        part for key in ("department", "category") if (part := cell_text(plan[key])) is not None
    ]
    return ", ".join(parts) or EVERYTHING


def where(plan: Mapping[str, Any]) -> str:
    """Describe in which locations a plan holds."""
    location = cell_text(plan["location"])
    if location is not None:
        return cell_text(plan["location_name"]) or location
    parts = [part for key in ("region", "country") if (part := cell_text(plan[key])) is not None]
    return ", ".join(parts) or EVERYWHERE


def terms(plan: Mapping[str, Any]) -> str:
    """Describe the terms: a price, a discount, a number; "" for a plan without any."""
    if plan["discount"] is not None and not pd.isna(plan["discount"]):
        return f"{plan['discount']:.0%} off"
    if plan["price"] is not None and not pd.isna(plan["price"]):
        return amount(float(plan["price"]), cell_text(plan["currency"]))
    if plan["value"] is not None and not pd.isna(plan["value"]):
        return in_full(plan["value"], 6)
    return ""


def in_words(plans: pd.DataFrame) -> pd.DataFrame:
    """Add the columns kind_name, for_what, where and terms to plans as the query `planned` returns them."""
    rows: list[Any] = plans.to_dict("records")
    return plans.assign(
        kind_name=plans["kind"].map(ONE),
        for_what=[for_what(row) for row in rows],
        where=[where(row) for row in rows],
        terms=[terms(row) for row in rows],
    )


def body_of(
    kind: str,
    name: str,
    days: tuple[date, date],
    limits: Mapping[str, str],
    *,
    around: tuple[int, int] = (0, 0),
    discount: float = 0.0,
    price: float | None = None,
    plan: str | None = None,
) -> dict[str, Any]:
    """Write a promotion, event or closure as the API takes it.

    discount: in percent, 0: none. price: used without a discount. plan: id of the plan that this changes.
    """
    first, last = days
    body: dict[str, Any] = {key: value for key, value in limits.items() if value}
    if plan is not None:
        body["id"] = plan
    if kind == "events":
        before, after = around
        return {**body, "name": name, "day": f"{first}", "days_before": before, "days_after": after}
    body |= {"from": f"{first}", "to": f"{last}"}
    if kind == "closures":
        return {**body, "state": name}
    if discount > 0:
        body["discount"] = round(discount / 100, 4)
    elif price is not None:
        body["price"] = price
    return {**body, "kind": name}
