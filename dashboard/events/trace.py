"""Where one event went: rows of the lake, forecasts made of it, and alerts raised since."""

from typing import Any
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from dashboard.api_client import ask_api
from dashboard.events.links import events_link
from dashboard.links import page_link
from dashboard.reader import Reader
from dashboard.theme import plain, plural
from dashboard.widgets import rule_words, table, time_column

AWAY = "The API does not answer, so this event cannot be traced. See `stocktide status`."
STATES = {
    "landed": ":green-badge[in the figures]",
    "waiting": ":orange-badge[not in the figures yet]",
    "held_out": ":red-badge[held out of the figures]",
    "refused": ":red-badge[refused]",
}


def trace_panel(reader: Reader, source: str, event_id: str) -> None:
    """Draw all that is known of where an event went."""
    st.header(f"Event {plain(event_id)}")
    path = f"/v1/events/lineage?{urlencode({'source': source, 'id': event_id})}"
    settings = reader.settings
    found, why = ask_api(
        "GET", path, settings.api_address, settings.dashboard_key, away=AWAY, not_done="Not found"
    )
    if found is None:
        st.warning(plain(why))
        return
    st.markdown(f"{plain(source)} {STATES[found['state']]} {plain(found['words'])}".strip())
    for one in found["refused"]:
        st.caption(f"Reject {one['reject_id']}, {one['state']}: {plain(one['message'])}")
    if found["outcome"] != "accepted":
        page_link("feeds", "Open **Feeds, Rejects**", tab="rejects")
        return
    _ledger(found)
    if found["rows"]:
        _rows(found)
    _forecasts(found["forecasts"])
    _alerts(found["alerts"])


def _ledger(found: dict[str, Any]) -> None:
    occurred, recorded = (
        pd.Timestamp(found[name]).strftime("%-d %b %Y %H:%M:%S UTC")
        for name in ("occurred_at", "recorded_at")
    )
    st.caption(f"{found['kind'].capitalize()}, occurred {occurred}, recorded {recorded}.")
    entries = pd.DataFrame(found["entries"]).drop(columns=["leg"])
    shown = entries.dropna(axis="columns", how="all")
    labels = {name: name.replace("_", " ").capitalize() for name in map(str, shown.columns)}
    labels["entry_id"] = "Ledger entry"
    table(
        shown,
        "events.ledger",
        {**labels, "entry_id": st.column_config.NumberColumn("Ledger entry", format="%d")},
    )
    for link, words in (("corrected_by", "Corrected by"), ("corrects", "Corrects")):
        if other := found[link]:
            page_link(
                "events",
                f"{words} **{plain(other['id'])}** of {plain(other['source'])}",
                event_source=other["source"],
                event_id=other["id"],
            )
    first = found["entries"][0]
    page_link("products", f"Open **{plain(first['product'])}**", sku=first["product"])
    events_link(
        "All events of this product, shop and day",
        product=first["product"],
        shop=first["location"],
        first=pd.Timestamp(first["day"]).date(),
        last=pd.Timestamp(first["day"]).date(),
    )


def _rows(found: dict[str, Any]) -> None:
    st.subheader("Rows that it went into")
    table(
        lake_rows(found["rows"]),
        "events.rows",
        {
            "table": st.column_config.TextColumn("Table of the lake", pinned=True),
            "key": st.column_config.TextColumn("Row", width="large"),
            "version": st.column_config.TextColumn("First in version"),
            "run_id": st.column_config.NumberColumn("By run", format="%d"),
            "noted_at": time_column("Since"),
            "state": "State",
        },
    )


def lake_rows(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Build the table of the lake's rows. rows: of the API."""
    return pd.DataFrame(
        [
            {
                "table": row["table"],
                "key": key_words(row["key"]),
                "version": f"{row['version']} or before"
                if row["or_before"]
                else str(row["version"]),
                "run_id": row["run_id"],
                "noted_at": pd.Timestamp(row["noted_at"]),
                "state": "there" if row["is_there"] else "gone: corrected",
            }
            for row in rows
        ]
    )


def key_words(key: dict[str, Any]) -> str:
    """Return the key of a row in one line; of an entry its number."""
    if "leg" in key:
        return f"entry {key['entry_id']}"
    return ", ".join(str(value) for value in key.values() if value is not None)


def _forecasts(found: dict[str, Any]) -> None:
    st.subheader("Forecasts made of it")
    if not found["runs"]:
        st.caption("No forecast run has read it yet.")
        return
    st.caption(f"{plural(found['found'], 'run')}, the newest first.")
    rows = [
        {
            "run": run["forecast_run_id"],
            "version": run["version"],
            "state": "published" if run["published"] else run["status"],
            "cutoff": run["cutoff"],
            "items": " / ".join(node["label"] for node in reversed(run["nodes"])),
        }
        for run in found["runs"]
    ]
    table(
        pd.DataFrame(rows),
        "events.forecasts",
        {
            "run": st.column_config.NumberColumn("Run", format="%d"),
            "version": st.column_config.NumberColumn("Version", format="%d"),
            "state": "State",
            "cutoff": "Data through",
            "items": st.column_config.TextColumn("Items", width="large"),
        },
    )


def _alerts(found: dict[str, Any]) -> None:
    st.subheader("Alerts raised since")
    if not found["alerts"]:
        st.caption("None on its product at its shop.")
        return
    rows = [
        {"alert": rule_words(one["rule"]), "opened_at": pd.Timestamp(one["opened_at"]),
         "closed_at": pd.to_datetime(one["closed_at"])}
        for one in found["alerts"]
    ]  # fmt: skip
    table(
        pd.DataFrame(rows),
        "events.alerts",
        {"alert": "Alert", "opened_at": time_column("Opened"), "closed_at": time_column("Closed")},
    )
    page_link("alerts", "Open **Alerts**", product=found["alerts"][0]["product"])
