"""A comparison drawn: sentences, figures side by side, and stock ahead."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.charts import draw_chart
from dashboard.freshness import data_state
from dashboard.panels import rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.theme import plain, roles
from dashboard.whatif.figures import stock_ahead
from dashboard.whatif.words import (
    assumed_words,
    scope_words,
    side_by_side,
    told_in_short,
    waiting_words,
)
from dashboard.widgets import rows_key, table


def draw_comparison(
    reader: Reader, asked: Mapping[str, Any], answer: Mapping[str, Any], *, key: str
) -> None:
    """Draw a comparison: sentences, the table, and the chart of stock."""
    figures, where = answer["scenarios"], scope_words(asked["scope"])
    currency = answer["currency"]
    now = figures[0]
    for said in told_in_short(figures, currency):
        st.markdown(f"**{plain(said)}**")
    frame = side_by_side(figures)
    columns = {"figure": st.column_config.TextColumn("Figure", pinned=True, width="medium")}
    table(frame, f"whatif.{key}.{rows_key(frame.columns)}", columns, height="content")
    for said in waiting_words(figures):
        st.caption(plain(said))
    if answer.get("alone"):
        st.caption(
            "Suppliers' minimums and budgets are left out of today's orders: too many lines share them."
        )
    assumed = [f"{plain(one['name'])}: {plain(assumed_words(one))}" for one in asked["scenarios"]]
    low, high = (100 * now[f"fill_rate_{end}"] for end in ("low", "high"))
    st.caption(
        f"{'; '.join(assumed)}. Fill rate as it is: {low:.1f} to {high:.1f} % in 80 % of the possible futures. "
        f"Money {f'in {currency}, ' if currency else ''}at the products' own prices."
    )
    draw_chart(stock_ahead(answer["days"], figures, roles(), where=where), f"whatif.{key}.stock")
    rows_foot(
        data_state(reader),
        rows_words(answer["lines"], answer["lines"], "line"),
        key=f"whatif.{key}.csv",
        file="what-if",
        read=lambda: pd.DataFrame(figures).drop(
            columns=["stock", "waiting", "not_counted", "notes"], errors="ignore"
        ),
    )
