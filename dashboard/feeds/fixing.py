"""Actions on a reject or its whole group: fix a field, preview, replay, drop, or reopen."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from dashboard.feeds.replays import ask, drop, reopen, replay, trial_sentence
from dashboard.reader import Reader
from dashboard.theme import plain
from dashboard.widgets import table
from stocktide.foundation.field_values import value_of
from stocktide.foundation.users import User

# In the session: the result of an action, shown once after the page is drawn again, and that of a preview.
SAID, TOLD = "feeds.said", "feeds.told"
ONE, SAME, ALL = "this event", "same value in this group", "whole group"
ASIS, EDIT = "unchanged", "with another value"
WHY_FIRST = "Enter a reason: it is saved in the audit log."


class Choice(NamedTuple):
    """Choice in the form. value: as it was typed; None: nothing was."""

    which: str
    how: str
    field: str = ""
    value: str | None = None


def act_on(reader: Reader, user: User, group: Mapping[str, Any], kept: Mapping[str, Any]) -> None:
    """Draw the form, and do what it says: first as a preview, then for real."""
    st.markdown("**Fix and replay**")
    order = _ask_order(group, kept)
    reason = _ask_reason("feeds.reason")
    with st.container(horizontal=True):
        tried = st.button("Preview", key="feeds.try", disabled=order is None)
        done = st.button("Replay", key="feeds.replay", type="primary", disabled=order is None)
        dropped = st.button("Drop this event", key="feeds.drop")
    if order is not None and tried:
        st.session_state[TOLD] = (order, ask(reader, user, {**order, "dry_run": True}))
    if dropped or done:
        if not reason.strip():
            st.warning(WHY_FIRST)
            return
        ids = [kept["reject_id"]]
        _say_after(
            drop(reader, user, ids, reason)
            if dropped
            else replay(reader, user, order or {}, reason)
        )
    told = st.session_state.get(TOLD)
    if told is not None and told[0] == order:
        show_trial(*told[1])


def reopen_form(reader: Reader, user: User, kept: Mapping[str, Any]) -> None:
    """Offer to open a dropped reject again."""
    reason = _ask_reason("feeds.reopen.reason")
    if not st.button("Reopen", key="feeds.reopen"):
        return
    if not reason.strip():
        st.warning(WHY_FIRST)
        return
    _say_after(reopen(reader, user, [kept["reject_id"]], reason))


def _ask_reason(key: str) -> str:
    return st.text_input("Reason", key=key, placeholder="Saved in the audit log", max_chars=500)


def _say_after(said: tuple[bool, str]) -> None:
    """Draw the page again, with the result of an action on top."""
    st.session_state[SAID] = said
    st.session_state.pop(TOLD, None)
    st.rerun()


def _ask_order(group: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any] | None:
    """Ask what to replay, and how; None where that is not said yet, or is not an event."""
    if kept["kind"] != "event":
        st.caption(
            "This is not an event, so it cannot be replayed from here; see the advice above."
        )
        return None
    order = order_of(group, kept, _ask_choice(kept))
    if order is None:
        st.caption("Name the field to change, such as data.product or id.")
    return order


def order_of(
    group: Mapping[str, Any], kept: Mapping[str, Any], choice: Choice
) -> dict[str, Any] | None:
    """Return what to ask of the API for a choice; None where it names no field."""
    order: dict[str, Any] = (
        {"ids": [kept["reject_id"]]} if choice.which == ONE else {"filter": _filter(group)}
    )
    if choice.how == ASIS and choice.which != SAME:
        return order
    name = choice.field.strip()
    if not name:
        return None
    now = field_value(kept, name)
    edit = {"field": name, "value": now if choice.how == ASIS else typed(name, choice.value)}
    if choice.which == SAME:
        edit["was"] = now
    return {**order, "edit": edit}


def _ask_choice(kept: Mapping[str, Any]) -> Choice:
    field, _ = wrong_field(kept)
    which = st.radio(
        "Apply to",
        [ONE, SAME, ALL] if field not in (None, "id") else [ONE, ALL],
        key="feeds.which",
        horizontal=True,
    )
    how = st.radio(
        "Replay",
        [ASIS, EDIT],
        key=f"feeds.how.{kept['reject_id']}",
        index=1 if kept["hint"] or kept["reason"] == "conflict" else 0,
        horizontal=True,
    )
    if how == ASIS and which != SAME:
        return Choice(which, how)
    left, right = st.columns(2)
    name = left.text_input("Field", value=field or "", key=f"feeds.field.{kept['reject_id']}")
    if how == ASIS:
        return Choice(which, how, name)
    with right:
        return Choice(which, how, name, _ask_value(kept))


def _ask_value(kept: Mapping[str, Any]) -> str | None:
    near = kept["hint"]["nearest"] if kept["hint"] else []
    key = f"feeds.value.{kept['reject_id']}"
    if near and kept["reason"] != "unknown_field":
        return st.selectbox("Value", near, key=key, accept_new_options=True)
    return st.text_input(
        "Value",
        key=key,
        help="Empty leaves the field out. Quantities, prices and promotion take a number, true or false; everything "
        "else is text, codes made of digits included.",
    )


def wrong_field(kept: Mapping[str, Any]) -> tuple[str | None, Any]:
    """Return the wrong field as an edit names it, and its value; a conflict is fixed by an id of its own."""
    event = _event_of(kept)
    field = "id" if kept["reason"] == "conflict" else kept["field"]
    if field is None or event is None:
        return None, None
    data = event.get("data")
    if field not in event and isinstance(data, dict) and field in data:
        field = f"data.{field}"
    return field, field_value(kept, field)


def field_value(kept: Mapping[str, Any], field: str) -> Any:
    """Return the value of a field of the event; field: as an edit names it."""
    event = _event_of(kept) or {}
    data = event.get("data")
    if field.startswith("data.") and isinstance(data, dict):
        return data.get(field.removeprefix("data."))
    return event.get(field)


def _event_of(kept: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        event = json.loads((kept["mended"] or kept["raw"]).get("text", ""))
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def typed(field: str, text: str | None) -> Any:
    """Convert what was typed for a field to its type; nothing leaves the field out."""
    return None if text is None or text == "" else value_of(field, text)


def _filter(group: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "reason": group["reason"],
        "feed": group["feed"],
        **{name: group[name] or "" for name in ("field", "source")},
    }


def show_trial(told: dict[str, Any] | None, why: str) -> None:
    """Draw what a replay would do: outcomes, why the others still fail, and the balances that would change."""
    if told is None:
        st.warning(plain(why))
        return
    st.markdown(f"**{plain(trial_sentence(told))}**")
    if told["failing"]:
        columns = {
            "reason": "Still fails",
            "field": "Field",
            "count": st.column_config.NumberColumn("Events", format="localized"),
            "sample_message": st.column_config.TextColumn("For example", width="large"),
        }
        failing = pd.DataFrame(told["failing"])[list(columns)].fillna("")
        table(failing, "feeds.failing", columns)
    if told["changes"]:
        changes = pd.DataFrame(told["changes"])
        table(
            changes.assign(change=changes["after"] - changes["before"]),
            "feeds.changes",
            _change_columns(),
        )


def _change_columns() -> dict[str, Any]:
    names = {"before": "On hand now", "after": "On hand after", "change": "Change"}
    numbers = {
        name: st.column_config.NumberColumn(label, format="localized")
        for name, label in names.items()
    }
    return {"product": "Product", "location": "Location", **numbers}
