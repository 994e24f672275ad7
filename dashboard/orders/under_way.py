"""Moves between shops that were sent and have not come, or not all of them."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.feeds.fixing import SAID
from dashboard.freshness import data_state
from dashboard.orders.desk import close_move
from dashboard.orders.rest import rest_field
from dashboard.panels import rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.theme import counted, plural
from dashboard.widgets import table
from stocktide.foundation.users import User


def draw_under_way(reader: Reader, user: User, moves: list[dict[str, Any]]) -> None:
    """Draw moves under way, and offer to close one that came short."""
    with st.expander(f"{plural(len(moves), 'move')} under way between shops"):
        table(under_way_rows(moves), "orders.under_way", _columns())
        rows_foot(
            data_state(reader),
            rows_words(len(moves), len(moves), "move"),
            key="orders.under_way.csv",
            file="moves-under-way",
            read=lambda: under_way_rows(moves),
        )
        if user.buys:
            _close(reader, moves)


def _close(reader: Reader, moves: list[dict[str, Any]]) -> None:
    by_id = {move["transfer_id"]: move for move in moves}
    chosen = st.selectbox(
        "Close a move that came short",
        list(by_id),
        index=None,
        placeholder="Choose a move",
        key="orders.under_way.move",
        format_func=lambda transfer: _words(by_id[transfer]),
    )
    if chosen is None:
        return
    source = by_id[chosen]["source_name"] or "the sender"
    rest = rest_field(str(source), f"orders.under_way.{chosen}.rest")
    reason = st.text_input("Reason", key=f"orders.under_way.{chosen}.reason", max_chars=500)
    if st.button("Close the move", key="orders.under_way.close", disabled=not reason.strip()):
        st.session_state[SAID] = close_move(reader, chosen, reason, rest)
        st.rerun()


def _words(move: dict[str, Any]) -> str:
    missing = counted(move["units"] - move["came"], move["unit"])
    return f"{move['transfer_id']}: {missing} of {move['product_name']} for {move['target_name']}"


def under_way_rows(moves: list[dict[str, Any]]) -> pd.DataFrame:
    """Build the table's rows."""
    rows = [
        {
            "product": move["product_name"],
            "sent": counted(move["units"], move["unit"]),
            "came": counted(move["came"], move["unit"]),
            "from": move["source_name"],
            "to": move["target_name"],
            "proposed": pd.to_datetime(move["as_of"]),
            "transfer_id": move["transfer_id"],
            "sku": move["product"],
        }
        for move in moves
    ]
    return pd.DataFrame(rows, columns=list(_columns()))


def _columns() -> dict[str, Any]:
    return {
        "product": st.column_config.TextColumn("Product", pinned=True, width="medium"),
        "sent": "Sent",
        "came": "Arrived",
        "from": st.column_config.TextColumn("From", width="medium"),
        "to": st.column_config.TextColumn("To", width="medium"),
        "proposed": st.column_config.DatetimeColumn("Proposed", format="D MMM YYYY"),
        "transfer_id": "Transfer",
        "sku": "SKU",
    }
