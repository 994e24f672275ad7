"""Open alerts on the Feeds page: what, since when, who has it, and acknowledging or silencing one."""

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from catalog.feeds import ADVICE, span
from catalog.frames import read_frame
from catalog.state import business_day
from dashboard.api_client import ask_api
from dashboard.feeds.fixing import SAID
from dashboard.reader import Reader
from dashboard.theme import plain, plural, quantity
from dashboard.widgets import listed_note, table, ticked, time_column
from stocktide.foundation.users import User

ALERTS = 200
SILENCE_DAYS = 7


def alerts_panel(reader: Reader, user: User, feed: str | None) -> None:
    """Draw the open alerts, those of feeds first, and the actions on one."""
    alerts = read_frame(reader.engine, "feed_alerts", feed=feed, limit=ALERTS)
    if alerts.empty:
        whose = "" if feed is None else f" of feed {plain(feed)}"
        st.info(
            f"No alert{whose} is open. Rules open and close alerts automatically: see docs/alerts.md."
        )
        return
    found = int(alerts["found"].iloc[0])
    cut = listed_note(len(alerts), found)
    st.caption(f"{plural(found, 'open alert')}, those of feeds first. {cut} Tick one to act on it.")
    event = table(
        alert_rows(alerts),
        f"feeds.alerts.{hash(tuple(alerts['alert_id']))}",
        _columns(),
        on_select="rerun",
        selection_mode="single-row",
    )
    row = ticked(event, len(alerts))
    if user.role == "viewer":
        st.caption("Planners and operators can acknowledge and silence alerts.")
    elif row is not None:
        _act(reader, user, alerts.iloc[row].to_dict())


def alert_rows(alerts: pd.DataFrame) -> pd.DataFrame:
    """Build the table's rows. alerts: of the query feed_alerts."""
    records = alerts.to_dict("records")
    said = alerts.assign(
        state=[alert_state(row) for row in records],
        rule=alerts["rule"].str.replace("_", " "),
        last=[_amount(row, "value") for row in records],
        allowed=[_amount(row, "limit") for row in records],
        advice=alerts["rule"].map(ADVICE),
    )
    return said[list(_columns())].fillna({"acknowledged_by": "", "reason": ""})


def _columns() -> dict[str, Any]:
    return {
        "rule": st.column_config.TextColumn("Rule", pinned=True),
        "subject": st.column_config.TextColumn("Subject", width="medium"),
        "state": "State",
        "opened_at": time_column("Since"),
        "last": "Last value",
        "allowed": "Limit",
        "acknowledged_by": "Owner",
        "silenced_until": time_column("Silenced until"),
        "reason": "Note",
        "advice": st.column_config.TextColumn("What to do", width="large"),
    }


def alert_state(alert: dict[Any, Any]) -> str:
    """Return the state of an alert: silenced, acknowledged, or open."""
    if not pd.isna(alert["silenced_until"]):
        return "silenced"
    return "open" if pd.isna(alert["acknowledged_at"]) else "acknowledged"


def _amount(alert: dict[Any, Any], name: str) -> str:
    value = float(alert[name])
    if alert["unit"] == "s":
        return span(value)
    if alert["unit"] == "share":
        return f"{value:.0%}"
    return quantity(value)


def _act(reader: Reader, user: User, alert: dict[Any, Any]) -> None:
    st.markdown(
        f"**{plain(str(alert['rule']).replace('_', ' ').capitalize())}: {plain(alert['subject'])}**"
    )
    reason = st.text_input(
        "Reason", key="feeds.alert.reason", placeholder="Saved in the audit log", max_chars=500
    )
    zone = str(alert["timezone"])
    today = business_day(reader.clock(), [zone])
    day = st.date_input(
        f"Silence until the end of ({zone})",
        value=today + timedelta(days=SILENCE_DAYS),
        min_value=today,
        max_value=today + timedelta(days=365),
        format="YYYY-MM-DD",
        key="feeds.alert.until",
    )
    with st.container(horizontal=True):
        taken = st.button("Acknowledge", key="feeds.alert.acknowledge", type="primary")
        silenced = st.button("Silence", key="feeds.alert.silence")
    if not taken and not silenced:
        return
    if not reason.strip():
        st.warning("Enter a reason: it is saved in the audit log.")
        return
    change: dict[str, Any] = {"reason": reason, "user": user.username}
    if taken:
        change["acknowledge"] = True
    else:
        end = datetime.combine(day, time(23, 59, 59), ZoneInfo(zone))
        change["silence_until"] = end.isoformat()
    done, why = ask_api(
        "PATCH",
        f"/v1/alerts/{alert['alert_id']}",
        reader.settings.api_address,
        reader.settings.dashboard_key,
        change,
    )
    word = "acknowledged" if taken else f"silenced until {day}"
    st.session_state[SAID] = (done is not None, why or f"The alert is {word}.")
    st.rerun()
