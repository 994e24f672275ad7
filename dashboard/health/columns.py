"""Columns of the page's lists: each prepares its rows, which it may change, and returns how each column looks."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.accuracy.items import records_of
from dashboard.glossary import tip
from dashboard.health.words import STATES, named, remedy
from dashboard.sums import amount_column
from dashboard.theme import amount, counted

# Streamlit's names of the colours that the bar has.
BADGES = ("red", "orange", "green", "blue", "violet", "gray")
Columns = dict[str, Any]
VALUED = "At average cost; at selling price in a chain that records no costs."
# The column of a shelf's chance to run out, and what it is.
CHANCE = "stock_out_chance"
CHANCE_HELP = (
    "Share of the forecast's sample futures in which more is wanted than is on hand until a delivery can come, or "
    "within 7 days where that is not known. What is on order does not count."
)
NUMBER, TEXT = st.column_config.NumberColumn, st.column_config.TextColumn


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


def shelves_columns(rows: pd.DataFrame) -> Columns:
    """Show shelves with state, cover, chance to run out and what to do."""
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
        **_chance(rows),
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


def _chance(rows: pd.DataFrame) -> Columns:
    """Return the chance of running out, where the page has it: of now, and of a forecast."""
    if CHANCE not in rows or rows[CHANCE].isna().all():
        return {}
    return {CHANCE: _percent(rows, CHANCE, "Chance to run out", help=CHANCE_HELP)}


def ageing_columns(rows: pd.DataFrame) -> Columns:
    """Show shelves with the value of their stock by age."""
    _with_unit(rows, "on_hand")
    bands = {
        "value_0_30": "0–30 days",
        "value_31_60": "31–60 days",
        "value_61_90": "61–90 days",
        "value_91_180": "91–180 days",
        "value_over_180": "Over 180 days",
        "value_before_ledger": "Before the ledger",
    }
    return {
        **_place(),
        "on_hand": TEXT("On hand", help=tip("on hand")),
        "oldest_days": NUMBER(
            "Oldest, days",
            help="Since its oldest part came; empty: nothing of it came since the ledger began.",
        ),
        "value": amount_column(rows, "value", "Value", help=VALUED),
        **{name: amount_column(rows, name, label) for name, label in bands.items()},
    }


def stock_outs_columns(rows: pd.DataFrame) -> Columns:
    """Show shelves with what their empty days cost."""
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


def shrinkage_columns(rows: pd.DataFrame) -> Columns:
    """Show shelves with what was written off, missing and found."""
    _with_unit(rows, "written_off", "missing_at_counts", "found_at_counts")
    return {
        **_place(),
        "written_off": TEXT("Written off", help="Adjustments below zero."),
        "missing_at_counts": TEXT("Missing at counts"),
        "found_at_counts": TEXT("Found at counts"),
        "value": amount_column(rows, "value", "Value lost", help=tip("shrinkage")),
    }


def phantom_columns(rows: pd.DataFrame) -> Columns:
    """Show shelves whose book says stock and that stopped selling: the count list, ranked by money."""
    _with_unit(rows, "on_hand")
    rows["lost"] = [
        amount(lost, currency)
        for lost, currency in zip(rows["lost_a_day"], rows["sells_in"], strict=True)
    ]
    rows["last_sold"] = pd.to_datetime(rows["last_sold"]).dt.date
    rows["used"] = [
        f"{sold:,} of {days:,} days"
        for sold, days in zip(rows["days_sold"], rows["days_before"], strict=True)
    ]
    return {
        **_place(),
        "chance": _percent(rows, "chance", "Chance", "%.0f %%"),
        "lost": TEXT(
            "Lost a day", help="Usual sales of a day at the selling price, times the chance."
        ),
        "on_hand": TEXT("On hand", help=tip("phantom stock")),
        "value": amount_column(rows, "value", "Value", help=VALUED),
        "last_sold": st.column_config.DateColumn("Last sale", format="D MMM YYYY"),
        "days_without": NUMBER("Days without a sale"),
        "used": TEXT("Sold before on"),
    }


def classes_columns(rows: pd.DataFrame) -> Columns:
    """Show classes of products with their share of sales."""
    rows["class"] = rows["abc"] + rows["xyz"]
    return {
        "class": TEXT("Class", help=f"{tip('ABC class')} {tip('XYZ class')}", pinned=True),
        "products": NUMBER("Products", format="localized"),
        "net_sales": amount_column(rows, "net_sales", "Net sales"),
        "share": _percent(rows, "share", "Share of sales"),
        "best_sellers": TEXT("Best sellers", width="large"),
    }


def turns_columns(rows: pd.DataFrame) -> Columns:
    """Show categories with turns and sell-through."""
    names = rows[["department", "category"]].fillna("")
    rows["group"] = (names["department"] + " / " + names["category"]).str.strip(" /")
    return {
        "group": TEXT("Category", width="medium", pinned=True),
        "turns": NUMBER("Turns a year", format="%.1f", help=tip("turns")),
        "sell_through": _percent(rows, "sell_through", "Sell-through", help=tip("sell-through")),
        "stock_value": amount_column(rows, "stock_value", "Stock value"),
        "on_order_value": amount_column(rows, "on_order_value", "On order"),
    }
