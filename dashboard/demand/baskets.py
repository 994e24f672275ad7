"""What is bought together: pairs of products in one order."""

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.demand.asking import YEAR_DAYS, Scope
from dashboard.glossary import tip
from dashboard.panels import rows_words
from dashboard.report_rows import Asked
from dashboard.theme import plain
from dashboard.widgets import table

ROWS = 50
LEAST = 30
NONE_TOGETHER = (
    f"No two products were in {LEAST} orders together in the last 52 weeks. Only sales that name their `order_id` "
    "count."
)


def baskets_panel(scope: Scope) -> None:
    """Draw the pairs that come together most beyond chance."""
    st.header("Bought together", help=f"{tip('lift')} {tip('support')}")
    # a pair has two categories: it is of a shop alone
    scope = replace(scope, filters=replace(scope.filters, department=None, category=None))
    given = {"location": scope.filters.location, "days": YEAR_DAYS, "least": LEAST}
    asked = Asked(scope.reader, "bought_together", given)
    rows = scope.rows(asked, NONE_TOGETHER)
    if rows is None:
        return
    top = rows.iloc[0]
    one, other = (
        plain(top[name] or top[sku]) for name, sku in (("name", "sku"), ("other_name", "other_sku"))
    )
    st.markdown(
        f"**{one} and {other} come together {top['lift']:.1f} times as often as by chance**, in {top['together']:,} of "
        f"{top['all_orders']:,} orders with two products or more."
    )
    st.caption("The last 52 weeks, all categories; the 200 products in most orders are paired.")
    shown = pair_rows(rows.head(ROWS))
    table(shown, "demand.pairs", _columns())
    found = f"{rows_words(len(shown), len(rows), 'pair')} in {LEAST} orders or more"
    scope.foot(found, rows, asked, "Bought together")


def pair_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Build the table of pairs. rows: of bought_together."""
    return pd.DataFrame(
        {
            "name": rows["name"].fillna(rows["sku"]),
            "other": rows["other_name"].fillna(rows["other_sku"]),
            "together": rows["together"],
            "support": 100 * rows["support"],
            "lift": rows["lift"],
        }
    )


def _columns() -> dict[str, Any]:
    columns = st.column_config
    return {
        "name": columns.TextColumn("Product", width="medium"),
        "other": columns.TextColumn("With", width="medium"),
        "together": columns.NumberColumn("Orders together", format="localized"),
        "support": columns.NumberColumn("Support", format="%.1f %%", help=tip("support")),
        "lift": columns.NumberColumn("Lift", format="%.2f", help=tip("lift")),
    }
