"""The list of products: searched, narrowed, sorted and paged on the server; what is asked for stands in the address."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from catalog.known_stock import stock_words
from catalog.products import planned_products
from dashboard.filters import Filters
from dashboard.freshness import data_state, not_final_line
from dashboard.glossary import tip
from dashboard.overridden import reached_words
from dashboard.panels import rows_foot
from dashboard.reader import Reader
from dashboard.sums import price_column
from dashboard.theme import plain, unit_word
from dashboard.widgets import OPENS, clicked, table

PAGE_ROWS = 50
SORTS = {
    "SKU": "sku",
    "Name": "name",
    "Most sold": "sales",
    "Highest forecast": "forecast",
    "Least cover": "cover",
    "Most incoming": "incoming",
    "Most shops out of stock": "out",
}
STATES = {
    "All": None,
    "Out of stock": "out",
    "Book below zero": "below",
    "Stock unknown somewhere": "unknown",
}
SHOWN = [
    "sku",
    "name",
    "sold",
    "forecast",
    "on_hand",
    "unit",
    "cover",
    "at_risk",
    "locations_out_of_stock",
    "incoming",
    "stock",
    "price",
    "department",
    "category",
]
# What may not be said of stock that is not known.
OF_STOCK = ["cover", "at_risk", "locations_out_of_stock"]


@dataclass(frozen=True)
class Asked:
    """What the list shows: found by q, in an order, of a state, after a sku."""

    filters: Filters
    q: str
    sort: str
    state: str
    after: str

    @property
    def is_plain(self) -> bool:
        """Return True for the list that opens where nothing is asked for."""
        return not self.q and not self.after and self.state == "All" and self.filters.is_all

    def key(self) -> str:
        """Name the table: a click in one is not taken for a click in another."""
        return f"products.list.{self.after}.{self.q}.{self.sort}.{self.state}.{self.filters.words}"


def ask(filters: Filters) -> Asked:
    """Offer search, order and state."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        q = st.text_input(
            "Search",
            key="q",
            bind="query-params",
            placeholder="Name, SKU, department or category",
            max_chars=100,
            on_change=_from_the_first,
        )
        sort = _choice("Order", "sort", list(SORTS))
        state = _choice("Stock", "state", list(STATES))
    return Asked(filters, q or "", sort, state, st.query_params.get("after", ""))


def _choice(label: str, key: str, options: list[str]) -> str:
    chosen = st.selectbox(
        label, options, key=key, bind="query-params", width=220, on_change=_from_the_first
    )
    return str(chosen)


def _from_the_first() -> None:
    """Go back to the first page for another search."""
    st.query_params.pop("after", None)


def draw_list(reader: Reader, asked: Asked) -> str | None:
    """Draw the list; a clicked row goes into the address. Returns its first sku, None where nothing is found."""
    rows = read_products(reader, asked, limit=PAGE_ROWS + 1)
    if not rows and asked.after:
        _turn_to("")
    if not rows:
        _empty(asked)
        return None
    if rows[0]["nearest"]:
        st.caption(f"No product has “{plain(asked.q)}” in its name. These are the nearest.")
    frame = product_rows(rows[:PAGE_ROWS])
    event = table(
        frame[_filled(frame)].assign(unit=frame["unit"].map(unit_word)),
        asked.key(),
        _columns(frame, rows[0], asked.filters),
        height=280,
        **OPENS,
    )
    if moved := reached_words(frame["is_adjusted"], "product", "products"):
        st.caption(moved)
    row = clicked(event, len(frame))
    if row is not None:
        st.query_params["sku"] = str(frame["sku"].iloc[row])
    _foot(reader, rows, asked)
    return str(frame["sku"].iloc[0])


def read_products(reader: Reader, asked: Asked, *, limit: int | None) -> list[dict[str, Any]]:
    """Read what is asked for; sales are those of whole days."""
    return planned_products(
        reader.engine,
        through=data_state(reader).complete,
        days=asked.filters.days,
        q=asked.q,
        sort=SORTS[asked.sort],
        state=STATES[asked.state],
        after=asked.after if limit is not None else "",
        limit=limit,
        **asked.filters.asked,
    )


def product_rows(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Build the table's rows."""
    frame = pd.DataFrame(rows)
    for name in ("on_hand", "sold", "forecast", "incoming", "cover"):
        frame[name] = pd.to_numeric(frame[name]).round(1)
    words = [
        stock_words(
            places=row["locations"],
            known=row["locations_known"],
            below_zero=row["locations_below_zero"],
        )
        for row in rows
    ]
    frame["stock"] = pd.Series(words).replace("", None)
    for name in OF_STOCK:
        frame[name] = pd.to_numeric(frame[name]).where(frame["stock_known"])
    return frame


def _filled(frame: pd.DataFrame) -> list[str]:
    """Return the columns to show: an empty one only takes room."""
    return [name for name in SHOWN if frame[name].notna().any()]


def _columns(frame: pd.DataFrame, first: dict[str, Any], filters: Filters) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "sku": st.column_config.TextColumn("SKU", pinned=True),
        "name": st.column_config.TextColumn("Name", width="medium"),
        "sold": number(
            f"Sold, {filters.days} days", format="localized", help="Whole days up to the newest."
        ),
        "forecast": number(f"Forecast, {first['horizon_days']} days", format="localized"),
        "on_hand": number("On hand", format="localized", help=f"{tip('on hand')} Empty: unknown."),
        "unit": "Unit",
        "cover": number("Days of cover", format="%.1f", help=tip("days of cover")),
        "at_risk": number(
            "Shops at risk",
            help="Shops that are expected to run empty within a week without a delivery.",
        ),
        "locations_out_of_stock": number("Shops out of stock"),
        "incoming": number("Incoming", format="localized", help=tip("on order")),
        "stock": st.column_config.TextColumn(
            "Stock",
            width="medium",
            help="What of the number on hand is known; empty: all of it.",
        ),
        "price": price_column(frame),
        "department": "Department",
        "category": "Category",
    }


def _foot(reader: Reader, rows: list[dict[str, Any]], asked: Asked) -> None:
    """Write which of the products are shown, and offer the other pages and all rows."""
    first = rows[0]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(part_shown(first["before"], min(len(rows), PAGE_ROWS), first["found"]))
        if asked.after and st.button("First page", key="products.first", type="tertiary"):
            _turn_to("")
        if len(rows) > PAGE_ROWS and st.button("Next page", key="products.next", type="tertiary"):
            _turn_to(rows[PAGE_ROWS - 1]["sku"])
    state = data_state(reader)
    not_final_line(state)
    rows_foot(
        state,
        asked.filters.among(f"sold in {asked.filters.days} days to {state.complete:%-d %b %Y}"),
        key="products.csv",
        file="products",
        read=lambda: pd.DataFrame(read_products(reader, asked, limit=None)).drop(
            columns=["nearest", "found", "before", "stock_known"]
        ),
    )


def part_shown(before: int, shown: int, found: int) -> str:
    """Describe which rows of how many a page shows, such as "51–80 of 80"."""
    return f"{before + 1:,}–{before + shown:,} of {found:,}"


def _turn_to(after: str) -> None:
    st.query_params["after"] = after
    if not after:
        del st.query_params["after"]
    st.rerun()


def _empty(asked: Asked) -> None:
    if asked.q:
        st.info(f"No product matches “{plain(asked.q)}”. Clear the search to see all.")
    elif asked.state != "All" or not asked.filters.is_all:
        st.info(
            "No product is like that. Choose all shops, categories and stock to see the others."
        )
    else:
        st.info(
            "No products yet. Add them: PUT /v1/products, or `stocktide import FILE --mapping NAME`."
        )
