"""Stock risk: the shelves that will probably run empty within a week, where most money is at risk first."""

from datetime import date

import pandas as pd
import streamlit as st

from catalog.frames import read_frame
from catalog.money import Money, money_of
from catalog.state import DataState
from dashboard.arrivals import delivery_words
from dashboard.filters import Filters, choose
from dashboard.freshness import data_state
from dashboard.glossary import tip
from dashboard.links import go_to
from dashboard.overridden import reached_words
from dashboard.panels import rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.sums import amount_column, money_note, money_words
from dashboard.theme import plain, unit_word
from dashboard.widgets import OPENS, clicked, rows_key, table
from stocktide.foundation.users import User

ROWS = 200
SHOWN = ["name", "cover", "location", "on_hand", "week", "unit", "at_risk", "delivery"]


def render(reader: Reader, _user: User) -> None:
    """Draw the page."""
    filters, state = choose(reader), data_state(reader)
    rows = read_risk(reader, filters, limit=ROWS)
    if rows.empty or state.ended:
        st.info(_nothing(state, filters))
        return
    st.markdown(_headline(rows, reader.settings.currency))
    moved = reached_words(rows["is_adjusted"], "shelf", "shelves")
    st.caption(f"Click a row to open its product. {moved}".rstrip())
    chosen = _table(rows, state.today)
    if chosen is not None:
        go_to("products", sku=str(rows["sku"].iloc[chosen]))
    found = int(rows["found"].iloc[0])
    rows_foot(
        state,
        filters.among(rows_words(len(rows), found, "shelf", "shelves")),
        key="risk.csv",
        file="stock-risk",
        read=lambda: read_risk(reader, filters, limit=None).drop(
            columns=["found", "converted_found"]
        ),
    )


def read_risk(reader: Reader, filters: Filters, *, limit: int | None) -> pd.DataFrame:
    """Read the shelves that will probably run empty, those where most money is at risk first."""
    return read_frame(
        reader.engine,
        "running_out",
        now=reader.clock(),
        currency=reader.settings.currency,
        limit=limit,
        **filters.asked,
    )


def money_at_risk(rows: pd.DataFrame, currency: str | None) -> Money:
    """Add the money at risk up, of the shelves whose price is known."""
    known = rows.dropna(subset=["at_risk"])
    return money_of(
        zip(known["currency"], known["at_risk"], known["converted"], strict=True), currency
    )


def _nothing(state: DataState, filters: Filters) -> str:
    if state.ended:
        return f"{state.why} What ended is not compared with a week to come."
    whose = f" of {plain(filters.words)}" if filters.words else ""
    return f"No shelf{whose} with known stock is expected to run empty within a week. Overview says what is not known."


def _headline(rows: pd.DataFrame, currency: str | None) -> str:
    listed = money_at_risk(rows, currency)
    found = int(rows["found"].iloc[0])
    all_of_them = "They put" if len(rows) == found else f"The {len(rows):,} below put"
    note = money_note(listed)
    return (
        f"**{found:,} {'shelf' if found == 1 else 'shelves'} will probably run empty within a week** without a "
        f"delivery. {all_of_them} **{plain(money_words(listed))}** of expected sales at risk, at selling prices."
        f"{f' {note}' if note else ''}"
    )


def _table(rows: pd.DataFrame, today: date) -> int | None:
    """Draw the rows; returns the one that was clicked."""
    shown = rows.assign(
        cover=rows["cover"].round(1),
        on_hand=rows["on_hand"].round(1),
        week=rows["week"].round(1),
        unit=rows["unit"].map(unit_word),
        delivery=[
            delivery_words(on_order, day, today)
            for on_order, day in zip(rows["on_order"], rows["next_delivery"], strict=True)
        ],
    )
    at_risk = amount_column(
        shown, "at_risk", "At risk", help="Expected sales beyond the stock, at the selling price."
    )
    number = st.column_config.NumberColumn
    event = table(
        shown[SHOWN],
        f"risk.list.{rows_key(rows['sku'] + rows['code'])}",
        {
            "name": st.column_config.TextColumn("Product", width="medium", pinned=True),
            "location": st.column_config.TextColumn("Shop", width="medium"),
            "cover": number("Days of cover", format="%.1f", help=tip("days of cover")),
            "on_hand": number("On hand", format="localized", help=tip("on hand")),
            "week": number("Expected in 7 days", format="localized"),
            "unit": "Unit",
            "at_risk": at_risk,
            "delivery": st.column_config.TextColumn("Next delivery"),
        },
        **OPENS,
    )
    return clicked(event, len(rows))
