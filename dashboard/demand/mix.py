"""What sells: categories beside last year, and how much of revenue hangs on how few products."""

from datetime import timedelta
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.charts import draw_chart
from dashboard.demand.asking import NONE_ALIKE, Scope
from dashboard.demand.figures import pareto_curve
from dashboard.events.links import events_link
from dashboard.fiscal import SHOPS
from dashboard.glossary import tip
from dashboard.links import page_link
from dashboard.panels import rows_words
from dashboard.sums import UNNAMED
from dashboard.theme import days_between, plain, plural, roles, unit_word
from dashboard.widgets import OPENS, clicked, rows_key, switch, table

ROWS = 50
YEARS = {"fiscal": "52 weeks before (fiscal)", "calendar": "Same dates last year"}


def mix_panel(scope: Scope) -> None:
    """Draw the categories with their shares, beside the same period of last year."""
    st.header("Mix by category", help=tip("like-for-like"))
    with st.container(horizontal=True):
        fiscal = switch("year", "Compared with", YEARS) == "fiscal"
        alike = switch("shops", "Shops", SHOPS) == "like"
    asked = scope.ask_narrowed("demand_mix", fiscal=fiscal, like_for_like=alike)
    rows = scope.rows(asked, scope.nothing(NONE_ALIKE) if alike else "")
    if rows is None:
        return
    one = rows.iloc[0]
    spans = [
        days_between(one[first], one[last], today=scope.state.today)
        for first, last in (("first", "last"), ("first_before", "last_before"))
    ]
    shown = mix_rows(rows)
    if rows["sold_before"].any():
        beside = f"beside {spans[1]}"
    else:
        beside = f"with no sales in {spans[1]} to compare with"
        shown = shown.drop(columns=["share_before", "change"])
    st.caption(f"{spans[0]}, {beside}. {plural(int(one['shops']), 'shop')}.")
    table(shown, "demand.mix", _mix_columns())
    scope.foot(
        rows_words(len(rows), len(rows), "category", "categories"), rows, asked, "Mix by category"
    )


def mix_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Build the table of categories: shares are of all that is counted in the same unit. rows: of demand_mix."""
    names = [
        " / ".join(part for part in pair if isinstance(part, str))
        for pair in zip(rows["department"], rows["category"], strict=True)
    ]
    before = rows["sold_before"]
    totals, totals_before = (
        rows.groupby("unit")[of].transform("sum") for of in ("sold", "sold_before")
    )
    return pd.DataFrame(
        {
            "name": [name or "No category" for name in names],
            "sold": rows["sold"].round(1),
            "unit": rows["unit"].map(unit_word),
            "share": 100 * rows["sold"] / totals.where(totals > 0),
            "share_before": 100 * before / totals_before.where(totals_before > 0),
            "change": 100 * (rows["sold"] / before.where(before > 0) - 1),
            "net_sales": rows["net_sales"].round(),
            "currency": rows["currency"],
        }
    )


def pareto_panel(scope: Scope) -> None:
    """Draw which share of revenue the best sellers make, with the limits of the classes."""
    st.header("How many products make the revenue", help=tip("abc class"))
    asked = scope.ask_narrowed("demand_pareto", open=None)
    rows = scope.rows(asked, scope.nothing("Nothing sold at a price"))
    if rows is None:
        return
    rows = rows.assign(currency=rows["currency"].fillna(""))
    codes = rows.groupby("currency")["net_sales"].sum().sort_values(ascending=False).index.tolist()
    code = codes[0]
    if len(codes) > 1:
        code = st.selectbox(
            "Currency",
            codes,
            format_func=lambda code: code or UNNAMED,
            key="demand.currency",
            width=240,
        )
    mine = rows[rows["currency"] == code]
    best = int((mine["class"] == "A").sum())
    title = f"{best:,} of {plural(len(mine), 'product')} make 80 % of the revenue"
    draw_chart(pareto_curve(mine, roles(), title=title), "demand.pareto")
    shown = mine.head(ROWS)[["rank", "name", "class", "net_sales", "cumulative_share"]]
    shown = shown.assign(
        name=mine["name"].fillna(mine["sku"]).head(ROWS),
        net_sales=shown["net_sales"].round(),
        cumulative_share=100 * shown["cumulative_share"],
    )
    key = f"demand.products.{rows_key(mine['sku'].head(ROWS))}"
    chosen = clicked(table(shown, key, _pareto_columns(str(code)), **OPENS), len(shown))
    if chosen is not None:
        _lead_on(scope, str(mine["sku"].iloc[chosen]), str(shown["name"].iloc[chosen]))
    scope.foot(rows_words(len(shown), len(rows), "product"), rows, asked, "Products by revenue")


def _lead_on(scope: Scope, sku: str, name: str) -> None:
    """Lead to a product, and to the events that its revenue is made of."""
    page_link("products", f"Open **{plain(name)}**", icon=":material/open_in_new:", sku=sku)
    newest = scope.state.newest
    assert newest is not None  # noqa: S101 - the page is not drawn without a day
    first = newest - timedelta(days=scope.days - 1)
    events_link(product=sku, shop=scope.filters.location, first=first, last=newest)


def _mix_columns() -> dict[str, Any]:
    columns = st.column_config
    return {
        "name": columns.TextColumn("Category", width="medium", pinned=True),
        "sold": columns.NumberColumn("Sold", format="localized"),
        "unit": "Unit",
        "share": columns.NumberColumn(
            "Share", format="%.1f %%", help="Of all that is counted in this unit."
        ),
        "share_before": columns.NumberColumn("Share last year", format="%.1f %%"),
        "change": columns.NumberColumn(
            "vs last year", format="%+.1f %%", help="Units; empty where none sold then."
        ),
        "net_sales": columns.NumberColumn("Net sales", format="localized"),
        "currency": "Currency",
    }


def _pareto_columns(code: str) -> dict[str, Any]:
    columns = st.column_config
    return {
        "rank": columns.NumberColumn("Rank", width="small"),
        "name": columns.TextColumn("Product", width="medium"),
        "class": columns.TextColumn("Class", width="small", help=tip("abc class")),
        "net_sales": columns.NumberColumn(
            f"Net sales ({code})" if code else "Net sales", format="localized"
        ),
        "cumulative_share": columns.NumberColumn("Share so far", format="%.1f %%"),
    }
