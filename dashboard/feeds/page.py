"""Feeds: is everything that should arrive arriving, what was refused, and why."""

import streamlit as st

from catalog.frames import read_frame, read_record
from dashboard.feeds.days import days_panel
from dashboard.feeds.fixing import SAID
from dashboard.feeds.imports import imports_panel
from dashboard.feeds.live import keys_panel, live_panel
from dashboard.feeds.rates import rates_panel
from dashboard.feeds.rejects import rejects_panel
from dashboard.links import page_link
from dashboard.reader import Reader
from dashboard.theme import plain
from dashboard.widgets import EVERY, switch
from stocktide.foundation.users import User

TABS = {
    "rates": "Rates",
    "days": "Days",
    "rejects": "Rejects",
    "imports": "Imports",
    "live": "Live",
    "keys": "Keys",
}


def render(reader: Reader, user: User) -> None:
    """Draw the part of the page that the address names."""
    if st.query_params.get("tab") == "alerts":
        page_link("alerts", "Alerts have a page of their own.")
    names = read_frame(reader.engine, "feed_names")["feed"].tolist()
    refused = int(read_record(reader.engine, "reject_open", after=0, feed=None)["open"])
    if SAID in st.session_state:
        done, said = st.session_state.pop(SAID)
        (st.success if done else st.warning)(plain(said))
    operator = user.role == "operator"
    shown = {name: label for name, label in TABS.items() if name != "keys" or operator}
    if refused:
        shown["rejects"] = f"Rejects ({refused:,})"
    tab = switch("tab", "Show", shown)
    # an import is of files, not of a feed
    source = EVERY if tab == "imports" else _choose_feed(names, tab)
    feed = None if source in (None, EVERY) else str(source)
    if tab == "keys":
        keys_panel(reader)
    elif tab == "imports":
        imports_panel(reader, user)
    elif not names and not refused:
        st.info(
            "No feed has sent anything yet. Create a key, `stocktide keys create till-7`, and send: POST /v1/events, "
            "`stocktide mqtt`, or a file by `stocktide import` and `stocktide watch`. Exports of Shopify and Stocky "
            "are dropped under Imports."
        )
    elif tab == "rejects":
        rejects_panel(reader, user, feed)
    elif tab == "days":
        days_panel(reader, feed)
    elif tab == "live":
        live_panel(reader)
    else:
        rates_panel(reader, read_frame(reader.engine, "feed_bands"), feed)


def _choose_feed(names: list[str], tab: str) -> str | None:
    return st.selectbox(
        "Feed",
        [EVERY, *names],
        key="source",
        bind="query-params",
        width=320,
        # the ledger knows sources, not the keys that brought them
        disabled=tab in ("live", "keys"),
    )
