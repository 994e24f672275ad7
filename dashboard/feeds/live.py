"""Parts of the Feeds page below the feeds themselves: lag and the newest events, and the keys."""

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from catalog.feeds import lags, matching, span
from catalog.frames import read_frame
from dashboard.charts import draw_chart
from dashboard.feeds.figures import lag_chart
from dashboard.friendly_errors import friendly_errors
from dashboard.links import page_link
from dashboard.reader import Reader
from dashboard.theme import in_words, plain, plural, roles
from dashboard.widgets import LIVE, OPENS, clicked, listed_note, rows_key, table, time_column

TAIL_ROWS = 100
LAG_EVENTS = 1_000
LAG_SOURCES = 12
# In the session: source and id of the event that was clicked last.
CHOSEN = "feeds.live.chosen"


@st.fragment(run_every=LIVE)
@friendly_errors("live events")
def live_panel(reader: Reader) -> None:
    """Draw how long events took to be committed, and the latest entries of the ledger, filtered; refreshes."""
    text = st.text_input(
        "Filter",
        key="feeds.live.filter",
        placeholder="A part of an id, source, kind, product or location",
        max_chars=100,
    )
    tail = read_frame(reader.engine, "feed_tail", limit=LAG_EVENTS)
    if tail.empty:
        st.info("Nothing is recorded yet. Send an event: POST /v1/events, MQTT, or a file.")
        return
    by_source = lags(tail)
    if by_source.empty:
        st.caption("All of the latest events happened days before they came, as imported ones do.")
        by_source = lags(tail, imported=True)
    draw_chart(lag_chart(by_source.head(LAG_SOURCES), roles()), "feeds.lag")
    found = matching(tail, text or "")
    if found.empty:
        st.info(
            f"None of the latest {plural(len(tail), 'event')} contains “{plain(text or '')}”. "
            "Find an event by its source and full id:"
        )
        page_link("events", "Open **Events**", icon=":material/receipt_long:")
        return
    st.caption(
        f"{min(len(found), TAIL_ROWS)} of the latest {plural(len(tail), 'event')}, newest first."
    )
    columns = _event_columns()
    newest = found.head(TAIL_ROWS)
    newest = newest.assign(lag=newest["lag_s"].clip(lower=0).map(span))
    # another list of rows is another table: nothing of it is clicked yet
    key = f"feeds.live.{rows_key(newest['event_id'])}"
    chosen = clicked(table(newest[list(columns)], key, columns, height=520, **OPENS), len(newest))
    if chosen is not None:
        # it stays while newer rows come
        row = newest.iloc[chosen]
        st.session_state[CHOSEN] = (str(row["source"]), str(row["event_id"]))
    if CHOSEN in st.session_state:
        source, event_id = st.session_state[CHOSEN]
        page_link(
            "events",
            f"Where **{plain(event_id)}** went",
            icon=":material/account_tree:",
            event_source=source,
            event_id=event_id,
        )


def _event_columns() -> dict[str, Any]:
    columns = st.column_config
    return {
        "recorded_at": columns.DatetimeColumn(
            "Recorded (UTC)", format="MM-DD HH:mm:ss.SSS", timezone="UTC"
        ),
        "occurred_at": columns.DatetimeColumn(
            "Occurred (UTC)", format="YYYY-MM-DD HH:mm:ss", timezone="UTC"
        ),
        "lag": columns.TextColumn("Lag", help="From happening to being recorded."),
        "kind": "Kind",
        "product": "Product",
        "location": "Location",
        "moved": columns.NumberColumn("Moved", format="localized"),
        "observed": columns.NumberColumn("Counted", format="localized"),
        "source": columns.TextColumn("Source", width="medium"),
        "event_id": columns.TextColumn("Id", width="medium"),
    }


def keys_panel(reader: Reader) -> None:
    """Draw keys with scope, limits, last use and expiry, for operators."""
    keys = read_frame(reader.engine, "feed_keys")
    if keys.empty:
        st.info("No keys yet. Create one: `stocktide keys create NAME --scope ingest`.")
        return
    cut = listed_note(len(keys), int(keys["found"].iloc[0]))
    st.caption(
        "Create, limit and revoke keys with `stocktide keys`. A key is shown once, when it is created. "
        + (f"{cut} Valid keys first, latest seen first." if cut else "")
    )
    shown = keys.assign(
        state=[_key_state(row) for row in keys.to_dict("records")],
        kinds=[in_words(kinds) if kinds else "all" for kinds in keys["kinds"]],
        locations=[in_words(places) if places else "all" for places in keys["locations"]],
    )
    columns = _key_columns()
    table(shown[list(columns)], "feeds.keys", columns)


def _key_columns() -> dict[str, Any]:
    return {
        "name": st.column_config.TextColumn("Key", pinned=True),
        "scope": "Scope",
        "state": "State",
        "last_used_at": time_column("Last seen"),
        "expires_at": time_column("Expires"),
        "kinds": "Kinds",
        "locations": "Locations",
        "rate": st.column_config.NumberColumn("Max events per second", format="localized"),
        "expect_every_s": st.column_config.NumberColumn("Expected every (s)", format="localized"),
        "created_at": time_column("Created"),
    }


def _key_state(key: dict[Any, Any]) -> str:
    if not pd.isna(key["revoked_at"]):
        return "revoked"
    if not pd.isna(key["expires_at"]) and key["expires_at"] <= datetime.now(UTC):
        return "expired"
    return "valid"
