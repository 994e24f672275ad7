"""The list of customers: narrowed, sorted and paged by the report; what is asked for stands in the address."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.customers.asking import Scope
from dashboard.customers.words import SEGMENTS, certain_words, named, range_words
from dashboard.glossary import tip
from dashboard.links import go_to
from dashboard.panels import rows_words
from dashboard.sums import amount_column
from dashboard.widgets import OPENS, clicked, rows_key, switch, table

PAGE_ROWS = 50
EVERY = "all"
SORTS = {
    "value": "Expected value",
    "sales": "Net sales",
    "days": "Days with a purchase",
    "last": "Latest purchase",
    "first": "Newest customer",
}


def list_panel(scope: Scope) -> None:
    """Draw one page of the list."""
    st.header("Customers")
    names = {EVERY: "All", **{segment: named(segment) for segment in SEGMENTS}}
    segment = switch("segment", "Segment", names)
    sort = switch("sort", "Order", SORTS)
    page = _page()
    more: dict[str, Any] = {
        "segment": None if segment == EVERY else segment,
        "sort": sort,
        "rows": PAGE_ROWS,
        "skip": (page - 1) * PAGE_ROWS,
    }
    asked = scope.ask("customer_list", **more)
    rows = scope.read("customer_list", **more)
    if rows.empty:
        st.query_params.pop("page", None)
        st.info("No customer is in this segment." if page == 1 else "The list has fewer pages.")
        return
    found = int(rows["found"].iloc[0])
    shown = list_rows(rows)
    key = f"customers.list.{rows_key(rows['customer'])}"
    event = table(shown, key, list_columns(shown), column_order=_order(shown), **OPENS)
    chosen = clicked(event, len(rows))
    if chosen is not None:
        pseudonym = str(rows["customer"].iloc[chosen])
        keep = {"currency": st.query_params["currency"]} if "currency" in st.query_params else {}
        go_to("customers", customer=pseudonym, **keep)
    _pager(page, found)
    scope.foot(asked, rows, rows_words(len(rows), found, "customer"), "Customers")


def _page() -> int:
    asked = st.query_params.get("page", "1")
    return int(asked) if asked.isascii() and asked.isdigit() and 1 <= int(asked) <= 10**6 else 1


def _turn_to(page: int) -> None:
    if page == 1:
        st.query_params.pop("page", None)
    else:
        st.query_params["page"] = str(page)


def _pager(page: int, found: int) -> None:
    pages = -(-found // PAGE_ROWS)
    if pages == 1:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Previous",
            key="customers.previous",
            disabled=page == 1,
            on_click=_turn_to,
            args=(page - 1,),
        )
        st.button(
            "Next",
            key="customers.next",
            disabled=page >= pages,
            on_click=_turn_to,
            args=(page + 1,),
        )
        st.caption(f"Page {page:,} of {pages:,}")


def list_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Build the table. rows: of customer_list."""
    return pd.DataFrame(
        {
            "customer": rows["customer"],
            "segment": rows["segment"].map(named),
            "scores": [
                f"{r}-{f}-{m}"
                for r, f, m in zip(
                    rows["recency_score"], rows["frequency_score"], rows["value_score"], strict=True
                )
            ],
            "last_day": rows["last_day"].dt.date,
            "days": rows["days"],
            "net_sales": rows["net_sales"],
            "expected_orders": rows["expected_orders"],
            "expected_value": rows["expected_value"],
            "range": [
                range_words(low, high, "")
                for low, high in zip(rows["low"], rows["high"], strict=True)
            ],
            "p_alive": [None if p != p else certain_words(p) for p in rows["p_alive"].tolist()],
            "currency": rows["currency"],
        }
    )


def _order(shown: pd.DataFrame) -> list[str]:
    """Leave out what is not known of anybody."""
    known = shown.replace("", None).notna().any()
    return [str(name) for name in shown.columns if name != "currency" and known[name]]


def list_columns(shown: pd.DataFrame) -> dict[str, Any]:
    """Return how the columns of the table look."""
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    return {
        "customer": text("Customer", pinned=True, help=tip("pseudonym")),
        "segment": text("Segment"),
        "scores": text("Scores", help=tip("rfm score")),
        "last_day": st.column_config.DateColumn("Last purchase", format="D MMM YYYY"),
        "days": number("Days bought", format="localized"),
        "net_sales": amount_column(shown, "net_sales", "Net sales"),
        "expected_orders": number(
            "Days to come",
            format="%.1f",
            help="Days with a purchase expected in the next 12 months.",
        ),
        "expected_value": amount_column(
            shown, "expected_value", "Expected value", help=tip("expected value")
        ),
        "range": text("90 % interval", help=tip("expected value")),
        "p_alive": text("Still buys", help=tip("still buys")),
    }
