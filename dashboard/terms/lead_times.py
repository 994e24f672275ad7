"""Lead times that were learnt, beside what suppliers promise: how they spread, and what they were learnt from."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.freshness import data_state
from dashboard.glossary import tip
from dashboard.panels import rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.widgets import table

ABOUT = "How long suppliers took from order to receipt, learnt every night from what was ordered and what came."
NONE = (
    "No lead time has been learnt yet: it takes orders of a supplier and receipts that name them. Orders go by what is "
    "promised meanwhile."
)
WHOLE = "all products"


def draw_lead_times(reader: Reader, rows: list[dict[str, Any]]) -> None:
    """Draw lead times as a table; a supplier's own stands above those of its products."""
    st.markdown(ABOUT)
    if not rows:
        st.info(NONE)
        return
    frame = lead_time_rows(rows)
    table(frame, "terms.lead_times", _columns())
    rows_foot(
        data_state(reader),
        rows_words(len(frame), len(frame), "lead time"),
        key="terms.lead_times.csv",
        file="lead-times",
        read=lambda: frame,
    )


def lead_time_rows(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Build the table's rows. rows: as GET /v1/lead-times gives them."""
    frame = pd.DataFrame(rows)
    names = frame["product_name"].fillna(frame["product"]).fillna(WHOLE)
    return frame.assign(name=names)[list(_columns())]


def _columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "supplier": st.column_config.TextColumn("Supplier", width="medium"),
        "name": st.column_config.TextColumn("Product", width="medium"),
        "promised_days": number("Promised, days", help="Of the terms in force."),
        "mean_days": number("Mean, days", format="%.1f", help=tip("lead time")),
        "p10": number("10 %", help="One in ten comes within so many days."),
        "p50": number("50 %", help="Half come within so many days."),
        "p90": number("90 %", help="Nine in ten come within so many days."),
        "lines": number("Order lines", format="localized", help="It was learnt from so many."),
        "shares": st.column_config.BarChartColumn("Chance by day", y_min=0, help="From day 0 on."),
        "open_lines": number("Awaited", format="localized", help="Of them, still on order."),
        "unfulfilled": number("Never comes", format="percent", help="Chance of it."),
    }
