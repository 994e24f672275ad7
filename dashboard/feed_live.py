"""Parts of the Feeds page below the feeds themselves: lag and the newest events, and the keys."""

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from catalog.feeds import lags, matching
from catalog.frames import read_frame
from dashboard.boundary import plain_words
from dashboard.feed_figures import lag_chart
from dashboard.feed_panels import LIVE, ROW_PX
from dashboard.reader import Reader
from dashboard.theme import in_words, plain, plural, roles

TAIL_ROWS = 100
LAG_EVENTS = 1_000
LAG_SOURCES = 12


@st.fragment(run_every=LIVE)
@plain_words("live events")
def live_panel(reader: Reader) -> None:
    """How long events took to be committed, and the newest entries of the ledger, filtered; draws itself anew."""
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
    st.altair_chart(
        lag_chart(lags(tail).head(LAG_SOURCES), roles()), key="feeds.lag", width="stretch"
    )
    found = matching(tail, text or "")
    if found.empty:
        st.info(
            f"None of the newest {plural(len(tail), 'event')} holds “{plain(text or '')}”. "
            "An event by its whole id: GET /v1/events?source=…&id=…"
        )
        return
    st.caption(
        f"{min(len(found), TAIL_ROWS)} of the newest {plural(len(tail), 'event')}, the newest first."
    )
    st.dataframe(
        found.head(TAIL_ROWS)[
            ["recorded_at", "occurred_at", "lag_s", "kind", "product", "location", "moved",
             "observed", "source", "event_id"]
        ],
        key="feeds.live",
        hide_index=True,
        placeholder="",
        row_height=ROW_PX,
        height=520,
        column_config={
            "recorded_at": st.column_config.DatetimeColumn(
                "Recorded (UTC)", format="MM-DD HH:mm:ss.SSS", timezone="UTC"
            ),
            "occurred_at": st.column_config.DatetimeColumn(
                "Happened (UTC)", format="YYYY-MM-DD HH:mm:ss", timezone="UTC"
            ),
            "lag_s": st.column_config.NumberColumn("Lag, s", format="%.3f"),
            "kind": "Kind",
            "product": "Product",
            "location": "Location",
            "moved": st.column_config.NumberColumn("Moved", format="localized"),
            "observed": st.column_config.NumberColumn("Counted", format="localized"),
            "source": st.column_config.TextColumn("Source", width="medium"),
            "event_id": st.column_config.TextColumn("Id", width="medium"),
        },
    )  # fmt: skip


def keys_panel(reader: Reader) -> None:
    """Keys with scope, limits, last use and end, for operators."""
    keys = read_frame(reader.engine, "feed_keys")
    if keys.empty:
        st.info("No key yet. Make one: `stocktide keys create NAME --scope ingest`.")
        return
    st.caption(
        "Make, limit and revoke keys by `stocktide keys`. A key is shown once, when it is made."
    )
    shown = keys.assign(
        state=[_key_state(row) for row in keys.to_dict("records")],
        kinds=[in_words(kinds) if kinds else "all" for kinds in keys["kinds"]],
        locations=[in_words(places) if places else "all" for places in keys["locations"]],
    )
    st.dataframe(
        shown[["name", "scope", "state", "last_used_at", "expires_at", "kinds", "locations", "rate",
               "expect_every_s", "created_at"]],
        key="feeds.keys",
        hide_index=True,
        placeholder="",
        row_height=ROW_PX,
        column_config={
            "name": st.column_config.TextColumn("Key", pinned=True),
            "scope": "Scope",
            "state": "State",
            "kinds": "Kinds",
            "locations": "Locations",
            "rate": st.column_config.NumberColumn("Events a second, most", format="localized"),
            "expect_every_s": st.column_config.NumberColumn("Expected every, s", format="localized"),
            **{
                name: st.column_config.DatetimeColumn(
                    f"{label} (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"
                )
                for name, label in (("last_used_at", "Last seen"), ("expires_at", "Expires"),
                                    ("created_at", "Made"))
            },
        },
    )  # fmt: skip


def _key_state(key: dict[Any, Any]) -> str:
    if not pd.isna(key["revoked_at"]):
        return "revoked"
    if not pd.isna(key["expires_at"]) and key["expires_at"] <= datetime.now(UTC):
        return "expired"
    return "valid"
