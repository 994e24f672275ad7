"""The fields of an override on the page: for what, what changes, on which days, and why."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.calendar.fields import SCOPES, ask_place, ask_scope
from dashboard.calendar.words import cell_text
from dashboard.freshness import data_state
from dashboard.overrides.words import CHANGES, REASONS
from dashboard.reader import Reader

WEEK = timedelta(days=7)
# An override that nobody looks at again for longer than a season goes on by mistake.
EXPIRES_AFTER = 8 * WEEK
VALUE = {"percent": 20.0, "add": 10.0, "set": 0.0}
VALUE_LABELS = {"percent": "Per cent more", "add": "Units more", "set": "Units in all"}
LEAST: Mapping[str, float | None] = {"percent": -100.0, "add": None, "set": 0.0}
MOST = {"percent": 900.0}
DAY = "YYYY-MM-DD"
PLACES = ("location", "region", "country")


def asked_for() -> dict[str, str | None] | None:
    """Return what the address says an override is to be for, None where it says nothing."""
    told = {name: st.query_params.get(name) for name in (*filter(None, SCOPES), *PLACES)}
    return told if any(told.values()) else None


def ask_override(
    reader: Reader,
    key: str,
    override: Mapping[str, Any] | None,
    *,
    scope: Mapping[str, str | None] | None = None,
) -> tuple[dict[str, Any], str]:
    """Ask for the fields of an override; return the body that records it, and what it still lacks.

    key: distinguishes the forms of a page. override: the one that is changed. scope: what a new one is for, at first.
    """
    key, now = f"overrides.form.{key}", dict(override or {})
    today = data_state(reader).today
    first, second, third = st.columns(3)
    with first:
        start = override if scope is None else scope
        limits = ask_scope(key, start) | ask_place(reader, key, start)
    with second:
        body: dict[str, Any] = {name: limit for name, limit in limits.items() if limit}
        body |= _ask_change(key, now) | _ask_days(key, now, today)
    with third:
        body |= _ask_why(key, now, today)
    if (told := cell_text(now.get("override"))) is not None:
        body["id"] = told
    empty = (SCOPES[name] for name, limit in limits.items() if not limit and name in SCOPES)
    no_note = body["reason"] == "other" and "note" not in body
    return body, next(empty, "Note" if no_note else "")


def _ask_change(key: str, now: Mapping[str, Any]) -> dict[str, Any]:
    change = _choose("What", CHANGES, now.get("change"), f"{key}.change")
    is_same = now.get("change") == change
    value = st.number_input(
        VALUE_LABELS[change],
        value=float(now["value"]) if is_same else VALUE[change],
        min_value=LEAST[change],
        max_value=MOST.get(change),
        key=f"{key}.value.{change}",
        help=None if change == "percent" else "Of all the days together, and of all it is for.",
    )
    return {"change": change, "value": float(value)}


def _ask_days(key: str, now: Mapping[str, Any], today: date) -> dict[str, str]:
    starts, ends = now.get("starts_on", today), now.get("ends_on", today + WEEK - timedelta(days=1))
    first = st.date_input("First day", starts, key=f"{key}.from", format=DAY)
    last = st.date_input("Last day", ends, key=f"{key}.to", format=DAY)
    return {"from": f"{first}", "to": f"{last}"}


def _ask_why(key: str, now: Mapping[str, Any], today: date) -> dict[str, str]:
    reason = _choose("Reason", REASONS, now.get("reason", "local_event"), f"{key}.reason")
    told = cell_text(now.get("note")) or ""
    note = st.text_input("Note", told, max_chars=500, key=f"{key}.note").strip()
    expires = st.date_input(
        "Expires after",
        _expiry(now, today),
        key=f"{key}.expires",
        format=DAY,
        help="The last day on which it counts; empty: until it is withdrawn.",
    )
    said = {"note": note, "expires_on": "" if expires is None else f"{expires}"}
    return {"reason": reason, **{name: text for name, text in said.items() if text}}


def _choose(label: str, options: Mapping[str, str], now: str | None, key: str) -> str:
    """Offer a few choices, the first unless another one is so now."""
    names = list(options)
    at = names.index(now) if now is not None and now in options else 0
    return str(
        st.selectbox(label, names, index=at, format_func=lambda name: options[name], key=key)
    )


def _expiry(now: Mapping[str, Any], today: date) -> date | None:
    """Return the expiry that stands in the form: the override's own, or of a new one the usual."""
    if not now:
        return today + EXPIRES_AFTER
    told = now["expires_on"]
    return None if told is None or pd.isna(told) else told
