"""Events: those behind a figure, and where one of them went."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.events.trace import trace_panel
from dashboard.freshness import data_state
from dashboard.friendly_errors import isolated
from dashboard.panels import rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.report_rows import Asked, come_from, report_rows
from dashboard.theme import quantity
from dashboard.widgets import OPENS, clicked, rows_key, table, time_column
from stocktide.foundation.users import User

# Rows that are shown; the CSV has all.
ROWS = 200
# What the events make, as people read it, by the table of the lake.
FIGURES = {
    "daily_demand": "Sales, stock and prices by day",
    "orders": "Orders of tills",
    "purchases": "Purchase orders",
    "prices": "Prices",
    "movements": "Everything",
}
EVENT = ("event_source", "event_id")


@dataclass(frozen=True)
class Figure:
    """What the address asks for; a text that is not a day is left out."""

    product: str
    shop: str
    first: str
    last: str
    order: str
    table: str
    source: str

    @property
    def parameters(self) -> dict[str, str | None]:
        """Return the parameters of the report."""
        return {
            "table": self.table,
            "product": self.product or None,
            "location": self.shop or None,
            "first": _day(self.first),
            "last": _day(self.last),
            "order_id": self.order or None,
            "source": self.source or None,
        }

    @property
    def is_any(self) -> bool:
        """Return True if something is asked for beside the kind of figure."""
        return any(value for name, value in self.parameters.items() if name != "table")


def render(reader: Reader, _user: User) -> None:
    """Draw the page."""
    source, event_id = _event_asked()
    if source and event_id:
        with isolated("the trace"):
            trace_panel(reader, source, event_id)
    st.header("Events behind a figure")
    figure = _figure_asked()
    if not figure.is_any:
        st.info(
            "Name a product, a shop, a day or an order, or follow a link “Events behind it” of another page."
        )
        return
    with isolated("the list of events"):
        _list(reader, figure)


def _event_asked() -> tuple[str, str]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        return _text("Source of an event", EVENT[0], 320), _text("Its id", EVENT[1], 320)


def _figure_asked() -> Figure:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        product = _text("Product (SKU)", "of_product", 160)
        shop = _text("Shop (code)", "of_shop", 120)
        first, last = _text("From", "of_first", 130), _text("To", "of_last", 130)
        order = _text("Order", "of_order", 160)
    named = st.query_params.get("of_table", "daily_demand")
    options = {named: named.replace("_", " ").capitalize(), **FIGURES}
    of_table = st.selectbox(
        "Figure", list(options), format_func=lambda name: options[name], key="of_table",
        bind="query-params", width=320,
    )  # fmt: skip
    source = st.query_params.get("of_source", "")
    return Figure(product, shop, first, last, order, of_table or "daily_demand", source)


def _text(label: str, key: str, width: int) -> str:
    said = st.text_input(label, key=key, bind="query-params", max_chars=500, width=width)
    return (said or "").strip()


def _day(text: str) -> str | None:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def _list(reader: Reader, figure: Figure) -> None:
    asked = Asked(reader, "events", figure.parameters)
    found = report_rows(asked)
    if found is None:
        return
    if found.empty:
        st.info(
            "No event that is loaded made this figure. Newer ones are loaded within minutes; find one by its source "
            "and id above."
        )
        return
    st.markdown(sums_words(found))
    st.caption("Click a row for where that event went.")
    shown = event_rows(found.head(ROWS))
    event = table(
        shown, f"events.list.{rows_key(found['entry_id'].head(ROWS))}", _columns(), **OPENS
    )
    chosen = clicked(event, len(shown))
    if chosen is not None:
        row = found.iloc[chosen]
        st.button(
            f"Where {row['kind']} {row['event_id']} went",
            key="events.trace",
            icon=":material/account_tree:",
            on_click=_trace,
            args=(str(row["source"]), str(row["event_id"])),
        )
    rows_foot(
        data_state(reader),
        rows_words(len(shown), len(found), "event"),
        key="events.csv",
        file="events",
        read=found.copy,
        sql=asked.as_sql("Events behind a figure"),
        help=come_from(found),
    )


def _trace(source: str, event_id: str) -> None:
    for name, value in zip(EVENT, (source, event_id), strict=True):
        st.session_state[name] = value


def sums_words(found: pd.DataFrame) -> str:
    """Describe what the events add up to: "12 events. They add up to: sold 30." found: of the report."""
    counts = found[found["in_force"]].dropna(subset=["counts_as"])
    sums = counts.groupby("counts_as", sort=False)["quantity"].sum()
    said = [f"{name} {quantity(abs(float(value)) if name == 'sold' else float(value))}"
            for name, value in sums.items()]  # fmt: skip
    corrected = int((~found["in_force"] & found["corrects"].isna()).sum())
    more = f" Corrected, and not counted: {corrected:,}." if corrected else ""
    total = f" They add up to: {', '.join(said)}." if said else ""
    return f"**{rows_words(len(found), len(found), 'event').partition(' of ')[2]}.**{total}{more}"


def event_rows(found: pd.DataFrame) -> pd.DataFrame:
    """Build the table's rows: a correction under its own name, and what it takes back. found: of the report."""
    kinds = found["kind"].where(found["corrects"].isna(), "correction of " + found["kind"])
    links = [
        f"corrected by {row['corrected_by']}" if isinstance(row["corrected_by"], str)
        else f"corrects {row['corrects']}" if isinstance(row["corrects"], str) else ""
        for row in found.to_dict("records")
    ]  # fmt: skip
    return pd.DataFrame(
        {
            "kind": kinds,
            "product": found["name"].fillna(found["sku"]),
            "location": found["location"],
            "quantity": found["quantity"],
            "price": found["price"],
            "link": links,
            "occurred_at": found["occurred_at"],
            "recorded_at": found["recorded_at"],
            "source": found["source"],
            "event_id": found["event_id"],
        }
    )


def _columns() -> dict[str, Any]:
    columns = st.column_config
    return {
        "kind": columns.TextColumn("Kind", pinned=True),
        "product": columns.TextColumn("Product", width="medium"),
        "location": "Shop",
        "quantity": columns.NumberColumn("Moved", format="localized"),
        "price": columns.NumberColumn("Price", format="localized"),
        "link": columns.TextColumn("Correction", width="medium"),
        "occurred_at": time_column("Occurred"),
        "recorded_at": time_column("Recorded"),
        "source": columns.TextColumn("Source", width="medium"),
        "event_id": columns.TextColumn("Id", width="medium"),
    }
