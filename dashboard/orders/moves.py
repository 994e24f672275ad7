"""Moves between shops that come before buying: what one will not sell soon, and another would order."""

from collections import defaultdict
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.api_client import queue_job
from dashboard.feeds.fixing import SAID
from dashboard.freshness import data_state
from dashboard.orders.desk import read_moves, send_moves
from dashboard.orders.under_way import draw_under_way
from dashboard.panels import rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.theme import amount, counted, plain, plural
from dashboard.widgets import table
from stocktide.foundation.users import User

ABOUT = (
    "These shops have more than they will probably sell before the forecast ends, and others of their region would "
    "order the same. What you send leaves the shop and is in transit; the lines below are then proposed again."
)


def draw_moves(reader: Reader, user: User) -> None:
    """Draw the moves of the newest run and those under way; offer to send the first and to close the second."""
    moves, under_way, why = read_moves(reader)
    if why:
        st.warning(plain(why))
    if moves:
        _draw_proposed(reader, user, moves)
    if under_way:
        draw_under_way(reader, user, under_way)


def _draw_proposed(reader: Reader, user: User, moves: list[dict[str, Any]]) -> None:
    open_ones = [move for move in moves if not move["is_sent"]]
    with st.expander(_title(moves, open_ones)):
        st.caption(ABOUT)
        table(move_rows(moves), "orders.moves", _columns())
        rows_foot(
            data_state(reader),
            rows_words(len(moves), len(moves), "move"),
            key="orders.moves.csv",
            file="moves",
            read=lambda: move_rows(moves),
        )
        if (
            open_ones
            and user.buys
            and st.button(f"Send {plural(len(open_ones), 'move')}", key="orders.moves.send")
        ):
            st.session_state[SAID] = _send(reader, open_ones)
            st.rerun()


def _send(reader: Reader, moves: list[dict[str, Any]]) -> tuple[bool, str]:
    done, said = send_moves(reader, [move["transfer_id"] for move in moves])
    if done:
        settings = reader.settings
        queued = queue_job("orders", settings.api_address, settings.dashboard_key)
        said += f" New proposals: {queued[:1].lower()}{queued[1:]}"
    return done, said


def _title(moves: list[dict[str, Any]], open_ones: list[dict[str, Any]]) -> str:
    if not open_ones:
        return f"{plural(len(moves), 'move')} between shops sent"
    worth: dict[str | None, float] = defaultdict(float)
    for move in open_ones:
        worth[move["currency"]] += move["worth"]
    sums = " + ".join(amount(value, code) for code, value in worth.items())
    return f"Move before you buy: {plural(len(open_ones), 'move')} of goods that cost {sums}"


def move_rows(moves: list[dict[str, Any]]) -> pd.DataFrame:
    """Build the table's rows."""
    rows = [
        {
            "product": move["product_name"],
            "units": counted(move["units"], move["unit"]),
            "from": move["source_name"],
            "to": move["target_name"],
            "worth": move["worth"],
            "currency": move["currency"] or "",
            "state": "closed"
            if move["is_closed"]
            else "arrived"
            if move["has_arrived"]
            else "sent"
            if move["is_sent"]
            else "proposed",
            "transfer_id": move["transfer_id"],
            "sku": move["product"],
        }
        for move in moves
    ]
    return pd.DataFrame(rows, columns=list(_columns()))


def _columns() -> dict[str, Any]:
    return {
        "product": st.column_config.TextColumn("Product", pinned=True, width="medium"),
        "units": "Units",
        "from": st.column_config.TextColumn("From", width="medium"),
        "to": st.column_config.TextColumn("To", width="medium"),
        "worth": st.column_config.NumberColumn("Cost", format="%.2f"),
        "currency": "Currency",
        "state": "State",
        "transfer_id": "Transfer",
        "sku": "SKU",
    }
