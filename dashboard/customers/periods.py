"""Customers by period of the fiscal calendar, beside the year before: in all shops, or in like-for-like ones."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.customers.asking import Scope
from dashboard.fiscal import SHOPS, calendar_words, fiscal_asked, period_name
from dashboard.glossary import tip
from dashboard.panels import rows_words
from dashboard.sums import amount_column
from dashboard.theme import days_between
from dashboard.widgets import switch, table


def periods_panel(scope: Scope) -> None:
    """Draw a row a period, the newest first."""
    st.header("Fiscal periods", help=f"{tip('fiscal calendar')} {tip('like-for-like')}")
    alike = switch("period_shops", "Shops", SHOPS) == "like"
    settings = scope.reader.settings
    more = {
        "like_for_like": alike,
        "open": scope.state.open_from,
        **fiscal_asked(settings),
    }
    rows = scope.read("customer_periods", **more)
    if rows.empty:
        st.info(
            "No shop sold in both periods. Choose all shops."
            if alike
            else "No order names a customer yet. Send `order_id` with sales that have a `customer_id`."
        )
        return
    shown = period_rows(rows, scope)
    table(shown, "customers.periods", _columns(shown))
    st.caption(calendar_words(settings))
    words = rows_words(len(rows), len(rows), "period")
    scope.foot(scope.ask("customer_periods", **more), rows, words, "Customers by fiscal period")


def period_rows(rows: pd.DataFrame, scope: Scope) -> pd.DataFrame:
    """Build the table. rows: of customer_periods; what was before the data began is not compared with."""
    settings, today = scope.reader.settings, scope.state.today
    known = rows["comparable"].fillna(False).astype(bool) & (rows["customers_before"] > 0)
    names = [
        period_name(settings, year=int(year), period=int(period), first=first)
        for year, period, first in zip(rows["year"], rows["period"], rows["first"], strict=True)
    ]
    sales, buyers = rows["net_sales"], rows["customers"].where(rows["customers"] > 0)
    return pd.DataFrame(
        {
            "period": [
                name if over else f"{name}, so far"
                for name, over in zip(names, rows["complete"], strict=True)
            ],
            "days": [
                days_between(first, last, today=today)
                for first, last in zip(rows["first"], rows["last"], strict=True)
            ],
            "customers": rows["customers"],
            "change": 100 * (rows["customers"] / rows["customers_before"].where(known) - 1),
            "new_customers": rows["new_customers"],
            "orders": rows["orders"],
            "net_sales": sales,
            "sales_change": 100
            * (sales / rows["net_sales_before"].where(known & (rows["net_sales_before"] > 0)) - 1),
            "sales_each": sales / buyers,
            "shops": rows["shops"],
            "currency": rows["currency"],
        }
    )


def _columns(shown: pd.DataFrame) -> dict[str, Any]:
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    before = "Empty where there is no year before."
    return {
        "period": text("Period", pinned=True),
        "days": text("Days"),
        "customers": number("Customers", format="localized", help="Who bought in these days."),
        "change": number("vs year before", format="%+.1f %%", help=before),
        "new_customers": number("First purchases", format="localized"),
        "orders": number("Orders", format="localized"),
        "net_sales": amount_column(shown, "net_sales", "Net sales"),
        "sales_change": number("Sales vs year before", format="%+.1f %%", help=before),
        "sales_each": amount_column(shown, "sales_each", "Net sales a customer"),
        "shops": number("Shops"),
        "currency": None,
    }
