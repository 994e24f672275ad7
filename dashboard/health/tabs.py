"""The lists of the page, one at a time: each is a report, with its rule above it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.accuracy.items import records_of
from dashboard.glossary import tip
from dashboard.health.words import STATES, named, remedy
from dashboard.sums import amount_column
from dashboard.theme import counted

ROWS = 50
# Streamlit's names of the colours that the bar has.
BADGES = ("red", "orange", "green", "blue", "violet", "gray")
Columns = dict[str, Any]
VALUED = "At average cost; at selling price in a chain that records no costs."
NUMBER, TEXT = st.column_config.NumberColumn, st.column_config.TextColumn


@dataclass(frozen=True)
class Tab:
    """A list. columns: prepares its rows, which it may change, and returns how each column that is shown looks.

    one, many: what a row is. more: parameters of the report beside the page's filters.
    """

    title: str
    report: str
    rule: str
    nothing: str
    columns: Callable[[pd.DataFrame], Columns]
    one: str = "shelf"
    many: str = "shelves"
    more: dict[str, str] = field(default_factory=lambda: {"rows": str(ROWS)})


def _place() -> Columns:
    return {
        "name": TEXT("Product", width="medium", pinned=True),
        "location": TEXT("Shop", width="medium"),
    }


def _with_unit(rows: pd.DataFrame, *names: str) -> None:
    """Write quantities with their unit."""
    for name in names:
        rows[name] = [
            None if pd.isna(value) else counted(value, unit)
            for value, unit in zip(rows[name], rows["unit"], strict=True)
        ]


def _percent(
    rows: pd.DataFrame, name: str, label: str, form: str = "%.0f %%", *, help: str | None = None
) -> Any:
    """Turn a column of shares into percents, and return how it is shown."""
    rows[name] = 100 * rows[name]
    return NUMBER(label, format=form, help=help)


def _shelves(rows: pd.DataFrame) -> Columns:
    rows["remedy"] = [remedy(row) for row in records_of(rows)]
    rows["badge"] = [[named(state)] for state in rows["state"]]
    _with_unit(rows, "on_hand", "excess_units")
    rows["last_sale"] = pd.to_datetime(rows["last_sale_at"]).dt.date
    return {
        **_place(),
        "badge": st.column_config.MultiselectColumn(
            "State", options=[named(state) for state in STATES], color=list(BADGES)
        ),
        "remedy": TEXT("What to do", width="medium"),
        "on_hand": TEXT("On hand", help=tip("on hand")),
        "cover_days": NUMBER(
            "Days of cover", format="%.0f", help="On hand ÷ units sold a day in the last 28 days."
        ),
        "wait_days": NUMBER(
            "Delivery in days",
            format="%.0f",
            help=f"{tip('lead time')} Without orders: days until the next delivery is due, at its usual pace.",
        ),
        "excess_units": TEXT("Excess", help=tip("excess stock")),
        "value": amount_column(rows, "value", "Value", help=VALUED),
        "last_sale": st.column_config.DateColumn("Last sale", format="D MMM YYYY"),
    }


def _stock_outs(rows: pd.DataFrame) -> Columns:
    _with_unit(rows, "lost_units")
    return {
        **_place(),
        "days_out": NUMBER("Days out of stock"),
        "lost_units": TEXT("Lost units"),
        "lost_sales": amount_column(rows, "lost_sales", "Lost sales", help=tip("lost sales")),
        "lost_margin": amount_column(
            rows, "lost_margin", "Lost margin", help="Lost sales less average cost."
        ),
    }


def _shrinkage(rows: pd.DataFrame) -> Columns:
    _with_unit(rows, "written_off", "missing_at_counts", "found_at_counts")
    return {
        **_place(),
        "written_off": TEXT("Written off", help="Adjustments below zero."),
        "missing_at_counts": TEXT("Missing at counts"),
        "found_at_counts": TEXT("Found at counts"),
        "value": amount_column(rows, "value", "Value lost", help=tip("shrinkage")),
    }


def _phantom(rows: pd.DataFrame) -> Columns:
    _with_unit(rows, "on_hand")
    rows["last_sold"] = pd.to_datetime(rows["last_sold"]).dt.date
    rows["used"] = [
        f"{sold:,} of {days:,} days"
        for sold, days in zip(rows["days_sold"], rows["days_before"], strict=True)
    ]
    return {
        **_place(),
        "on_hand": TEXT("On hand", help=tip("phantom stock")),
        "value": amount_column(rows, "value", "Value", help=VALUED),
        "last_sold": st.column_config.DateColumn("Last sale", format="D MMM YYYY"),
        "days_without": NUMBER("Days without a sale"),
        "used": TEXT("Sold before on"),
        "chance": _percent(rows, "chance", "Chance", "%.2f %%"),
    }


def _classes(rows: pd.DataFrame) -> Columns:
    rows["class"] = rows["abc"] + rows["xyz"]
    return {
        "class": TEXT("Class", help=f"{tip('ABC class')} {tip('XYZ class')}", pinned=True),
        "products": NUMBER("Products", format="localized"),
        "net_sales": amount_column(rows, "net_sales", "Net sales"),
        "share": _percent(rows, "share", "Share of sales"),
        "best_sellers": TEXT("Best sellers", width="large"),
    }


def _turns(rows: pd.DataFrame) -> Columns:
    names = rows[["department", "category"]].fillna("")
    rows["group"] = (names["department"] + " / " + names["category"]).str.strip(" /")
    return {
        "group": TEXT("Category", width="medium", pinned=True),
        "turns": NUMBER("Turns a year", format="%.1f", help=tip("turns")),
        "sell_through": _percent(rows, "sell_through", "Sell-through", help=tip("sell-through")),
        "stock_value": amount_column(rows, "stock_value", "Stock value"),
        "on_order_value": amount_column(rows, "on_order_value", "On order"),
    }


TABS = {
    "shelves": Tab(
        "Shelves",
        "health_shelves",
        "Empty and nearly empty shelves first, then those with most money in excess or dead stock. "
        "Click a row to open its product.",
        "No shelf is in this state.",
        _shelves,
    ),
    "stock_outs": Tab(
        "Stock-out cost",
        "health_stock_outs",
        "Last 28 days with data: what a shelf sells on a day in stock, less what it sold on days out of stock, at its "
        "latest price.",
        "No known shelf was out of stock in the last 28 days.",
        _stock_outs,
    ),
    "shrinkage": Tab(
        "Shrinkage",
        "health_shrinkage",
        "Last 91 days with data: adjustments below zero, and stock that counts did not find; what they found is taken "
        "off the value.",
        "Nothing was written off, and no count differed from the book, in the last 91 days.",
        _shrinkage,
    ),
    "phantom": Tab(
        "Probable phantom stock",
        "health_phantom",
        "The book says stock, but nothing sells: so many days in a row without a sale had a chance below 1 %, at the "
        "share of days on which the shelf used to sell. Count these first.",
        "No shelf with stock has stopped selling by more than chance.",
        _phantom,
    ),
    "classes": Tab(
        "ABC/XYZ",
        "health_classes",
        "Last 13 weeks. A, B, C: products that bring the first 80 %, the next 15 % and the last 5 % of net sales. X, "
        "Y, Z: weekly units vary by less than half of their mean, by less than the mean, by more.",
        "Nothing was sold in the last 13 weeks.",
        _classes,
        "class",
        "classes",
        {},
    ),
    "turns": Tab(
        "Turns and sell-through",
        "health_turns",
        "Turns: cost of what was sold in 13 weeks ÷ average stock value, a year. Sell-through: sold in 28 days ÷ "
        "(sold + on hand + on order). At average cost, or at selling price in a chain that records no costs.",
        "No stock has a cost or a price yet: send receipts with their cost.",
        _turns,
        "category",
        "categories",
        {},
    ),
}
