"""The kinds of terms in the words of the page: names, columns, and what a row says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

WEEKDAYS = "mon,thu; empty: any day"


@dataclass(frozen=True)
class TermKind:
    """A kind of terms. columns: by field, in the order of the page; the first `key` say what a row is about."""

    title: str
    about: str
    key: int
    columns: Mapping[str, Any]


def text(label: str, help: str | None = None) -> Any:
    """Return a column of text."""
    return st.column_config.TextColumn(label, help=help)


def number(label: str, help: str | None = None, form: str | None = None) -> Any:
    """Return a column of numbers from 0."""
    return st.column_config.NumberColumn(label, help=help, min_value=0, format=form)


def day(label: str) -> Any:
    """Return a column of days."""
    return st.column_config.DateColumn(label, format="YYYY-MM-DD")


def choice(label: str, *options: str) -> Any:
    """Return a column with a few values."""
    return st.column_config.SelectboxColumn(label, options=list(options))


SCOPE = {
    "product": text("Product", "SKU; empty: all"),
    "category": text("Category"),
    "department": text("Department"),
    "location": text("Shop", "Code; empty: all"),
    "region": text("Region"),
    "country": text("Country"),
}
KINDS: Mapping[str, TermKind] = {
    "suppliers": TermKind(
        "Suppliers",
        "Who sells to the chain, when orders are taken, and what an order is at least.",
        1,
        {
            "supplier": text("Supplier", "As events name it."),
            "name": text("Name"),
            "location": text(
                "Our location", "Code of a warehouse of ours; empty: another company."
            ),
            "currency": text("Currency"),
            "order_days": text("Order days", WEEKDAYS),
            "cutoff": text("Cut-off", "Such as 16:00."),
            "timezone": text("Time zone"),
            "delivery_days": text("Delivery days", WEEKDAYS),
            "lead_days": number(
                "Lead days", "Promised; what is learnt from deliveries comes first."
            ),
            "minimum_value": number("Least value", form="%.2f"),
            "minimum_units": number("Least units"),
            "buyer": text("Buyer"),
            "truck_units": number("Units a truck"),
            "order_cost": number("Cost an order", form="%.2f"),
            "email": text("E-mail"),
            "active": st.column_config.CheckboxColumn("Active", default=True),
        },
    ),
    "supplier-products": TermKind(
        "Supplier's products",
        "What each supplier sells, at what price of one unit, in what packs.",
        2,
        {
            "supplier": text("Supplier"),
            "product": text("Product", "SKU"),
            "price": number("Price a unit", form="plain"),
            "currency": text("Currency", "Empty: the supplier's."),
            "pack": number("Units a pack"),
            "minimum": number("Least units"),
            "multiple": number("Steps of units"),
            "lead_days": number("Lead days"),
            "rank": st.column_config.NumberColumn("Rank", min_value=1, max_value=99, default=1),
            "sku": text("Its own code"),
        },
    ),
    "price-breaks": TermKind(
        "Price breaks",
        "The price of every unit of an order of at least so many.",
        3,
        {
            "supplier": text("Supplier"),
            "product": text("Product", "SKU"),
            "from_quantity": number("From units"),
            "price": number("Price a unit", form="plain"),
        },
    ),
    "supplier-days": TermKind(
        "Closed days",
        "Days on which a supplier neither takes orders nor delivers, or does after all.",
        3,
        {
            "supplier": text("Supplier"),
            "from": day("From"),
            "to": day("To"),
            "state": choice("State", "closed", "open"),
        },
    ),
    "service-targets": TermKind(
        "Targets",
        "What stock is aimed at. The narrowest row that fits counts.",
        7,
        {
            "abc": choice("Class", "A", "B", "C"),
            **SCOPE,
            "measure": choice(
                "Measure", "fill_rate", "total_fill_rate", "cycle_service", "least_cost"
            ),
            "target": number("Target", "A share, such as 0.97.", "plain"),
        },
    ),
    "stock-costs": TermKind(
        "Stock costs",
        "What a unit costs that lies, or is missing. The narrowest row that fits counts.",
        6,
        {
            **SCOPE,
            "holding_rate": number(
                "Holding a year", "Share of a unit's cost, such as 0.25.", "plain"
            ),
            "shortage": number("A unit missed", "Money; empty: its margin.", "%.2f"),
            "currency": text("Currency"),
        },
    ),
    "shelf-limits": TermKind(
        "Shelf limits",
        "What fits, what must stand there, how long goods keep. The narrowest row that fits counts.",
        6,
        {
            **SCOPE,
            "capacity": number("At most"),
            "presentation": number("At least"),
            "shelf_life_days": number("Keeps days"),
            "last_order_on": day("Last ordered on"),
        },
    ),
    "buyer-budgets": TermKind(
        "Budgets",
        "What a buyer may order for in a period.",
        3,
        {
            "buyer": text("Buyer"),
            "from": day("From"),
            "to": day("To"),
            "amount": number("Amount", form="%.2f"),
            "currency": text("Currency"),
        },
    ),
    "receiving-limits": TermKind(
        "Receiving limits",
        "How many units of all goods together a location can put away on a day.",
        1,
        {"location": text("Location"), "units_a_day": number("Units a day")},
    ),
    "approval-rules": TermKind(
        "Approval rules",
        "Which lines of the order desk need no person. The narrowest row that fits counts, whole; without one people "
        "approve all. What a row lets through is on order within seconds.",
        8,
        {
            "supplier": text("Supplier"),
            "abc": choice("Class", "A", "B", "C"),
            **SCOPE,
            "approve": st.column_config.CheckboxColumn(
                "Approve",
                default=True,
                help="Not ticked: people approve these, whatever wider rows say.",
            ),
            "amount": number("Up to", "What a line may cost, in the chain's currency.", "%.2f"),
            "factor": number(
                "Times usual", "At most so many times what is usually ordered.", "plain"
            ),
            "change": number(
                "Forecast change",
                "At most this share from the forecast before, such as 0.3.",
                "plain",
            ),
        },
    ),
}
