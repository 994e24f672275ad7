"""Alerts: what is open, since when, who has it; acknowledging or silencing one, and where it leads."""

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
from dashboard.filters import Filters, choose
from dashboard.freshness import data_state
from dashboard.links import page_link
from dashboard.panels import rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.theme import plain, plural, quantity, unit_word
from dashboard.widgets import OPENS, clicked, rows_key, rule_words, table, time_column
from stocktide.domain.late_orders import late_order_words
from stocktide.foundation.users import User

ALERTS = 200
SILENCE_DAYS = 7
EVERY_RULE = "All rules"
# Rules as people read them, and as the address and the choice have them.
RULES = {rule.replace("_", " ").capitalize(): rule for rule in ADVICE}


def render(reader: Reader, user: User) -> None:
    """Draw the open alerts, those of feeds and orders first, and the actions on one."""
    if SAID in st.session_state:
        done, said = st.session_state.pop(SAID)
        (st.success if done else st.warning)(plain(said))
    filters = choose(reader)
    rule = st.selectbox("Rule", [EVERY_RULE, *RULES], key="rule", bind="query-params", width=240)
    of = {"rule": RULES.get(str(rule)), "product": st.query_params.get("product"), **filters.asked}
    alerts = read_frame(reader.engine, "open_alerts", **of, limit=ALERTS)
    if alerts.empty:
        st.info(_none(filters, of))
        return
    found = int(alerts["found"].iloc[0])
    st.caption(
        "Those of feeds first, then those of orders, then the newest. Click a row to act on it."
    )
    event = table(
        alert_rows(alerts), f"alerts.list.{rows_key(alerts['alert_id'])}", _columns(), **OPENS
    )
    _one(reader, user, alerts, clicked(event, len(alerts)))
    rows_foot(
        data_state(reader),
        filters.among(rows_words(len(alerts), found, "open alert")),
        key="alerts.csv",
        file="alerts",
        read=lambda: read_frame(reader.engine, "open_alerts", **of).drop(
            columns=["found", "details"]
        ),
    )


def _none(filters: Filters, of: dict[str, str | None]) -> str:
    """Describe that no alert is open, and how to see others where the page is narrowed."""
    narrowed = any(value is not None for value in of.values())
    whose = (
        f" of {plain(filters.words)}" if filters.words else " that is asked for" if narrowed else ""
    )
    more = " Choose all rules, shops and categories to see others." if narrowed else ""
    return f"No alert{whose} is open. Rules open and close alerts automatically: see docs/alerts.md.{more}"


def _one(reader: Reader, user: User, alerts: pd.DataFrame, row: int | None) -> None:
    """Draw what can be done about the alert that was clicked, or that the address names."""
    if row is not None:
        st.query_params["alert"] = str(alerts["alert_id"].iloc[row])
    named = alerts[alerts["alert_id"].astype(str) == st.query_params.get("alert")]
    if named.empty:
        if user.role == "viewer":
            st.caption("Planners and operators can acknowledge and silence alerts.")
        return
    alert = named.iloc[0].to_dict()
    st.header(f"{rule_words(alert['rule'])}: {plain(subject_of(alert))}")
    st.markdown(ADVICE[alert["rule"]])
    _lead(alert)
    if user.role == "viewer":
        st.caption("Planners and operators can acknowledge and silence alerts.")
    else:
        _act(reader, user, alert)


def _lead(alert: dict[Any, Any]) -> None:
    """Lead to what an alert is about."""
    if alert["order_id"] is not None:
        sent = alert["rule"] == "late_transfer"
        st.markdown(plain(late_order_words(alert["details"], sent=sent)))
        if alert["on_desk"]:
            page_link("orders", "See what is late on the order desk", state="late")
        elif sent:
            st.caption("If it never comes, send the correction of its dispatch.")
        else:
            st.caption("Another system made this order: correct it there if it never comes.")
    elif alert["feed"] is not None:
        page_link("feeds", f"Open feed **{plain(alert['feed'])}**", source=alert["feed"])
    else:
        page_link("products", f"Open **{plain(alert['product'])}**", sku=alert["sku"])


def subject_of(alert: dict[Any, Any]) -> str:
    """Name what an alert is about: "Apples at High Street", the order, or the feed."""
    if alert["order_id"] is not None:
        supplier = alert["details"]["supplier"]
        word = "from" if alert["rule"] == "late_transfer" else "of"
        return f"{alert['order_id']} {word} {supplier}" if supplier else str(alert["order_id"])
    return str(alert["feed"] or f"{alert['product']} at {alert['location_name']}")


def _names(alert: dict[Any, Any]) -> tuple[str, str]:
    """Return the names of what an alert is about and of where, as columns of their own."""
    if alert["order_id"] is None:
        return alert["product"] or alert["feed"], alert["location_name"] or ""
    places = alert["details"]["locations"]
    where = alert["location_name"] or (places[0] if len(places) == 1 else f"{len(places)} shops")
    return subject_of(alert), where


def alert_rows(alerts: pd.DataFrame) -> pd.DataFrame:
    """Build the table's rows. alerts: of the query open_alerts."""
    records = alerts.to_dict("records")
    names = [_names(row) for row in records]
    said = alerts.assign(
        state=[alert_state(row) for row in records],
        rule=alerts["rule"].map(rule_words),
        subject=[subject for subject, _ in names],
        location_name=[place for _, place in names],
        last=[_amount(row, "value") for row in records],
        allowed=[_amount(row, "limit") for row in records],
        advice=alerts["rule"].map(ADVICE),
    )
    return said[list(_columns())].fillna({"acknowledged_by": "", "reason": "", "sku": ""})


def _columns() -> dict[str, Any]:
    return {
        "rule": st.column_config.TextColumn("Rule", pinned=True),
        "subject": st.column_config.TextColumn("Product, order or feed", width="medium"),
        "location_name": st.column_config.TextColumn("Shop", width="medium"),
        "state": "State",
        "opened_at": time_column("Since"),
        "last": "Last value",
        "allowed": "Limit",
        "advice": st.column_config.TextColumn("What to do", width="large"),
        "acknowledged_by": "Owner",
        "silenced_until": time_column("Silenced until"),
        "reason": "Note",
        "sku": "SKU",
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
    if alert["unit"] == "lines":
        return plural(round(value), "line") if name == "value" else ""
    return f"{quantity(value)} {unit_word(str(alert['unit']))}"


def _act(reader: Reader, user: User, alert: dict[Any, Any]) -> None:
    reason = st.text_input(
        "Reason", key="alerts.reason", placeholder="Saved in the audit log", max_chars=500
    )
    zone = str(alert["timezone"])
    today = business_day(reader.clock(), [zone])
    day = st.date_input(
        f"Silence until the end of ({zone})",
        value=today + timedelta(days=SILENCE_DAYS),
        min_value=today,
        max_value=today + timedelta(days=365),
        format="YYYY-MM-DD",
        key="alerts.until",
    )
    with st.container(horizontal=True):
        taken = st.button("Acknowledge", key="alerts.acknowledge", type="primary")
        silenced = st.button("Silence", key="alerts.silence")
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
