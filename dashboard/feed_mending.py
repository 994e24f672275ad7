"""What can be done about a reject or its whole group: mend a field, try it out, replay, drop."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.feed_panels import ROW_PX
from dashboard.orders import ask_api
from dashboard.reader import Reader
from dashboard.theme import in_words, plain, plural, quantity
from stocktide.users import User

# In the session: what came of an order, said once after the page is drawn anew, and what a trial told.
SAID, TOLD = "feeds.said", "feeds.told"
ONE, SAME, ALL = "this event", "all of the group that say the same", "all of the group"
ASIS, EDIT = "as it came", "with another value"
# Each call takes as many as the API takes at once; a page does not wait for more calls than this.
CALLS_MAX = 10


def act_on(reader: Reader, user: User, group: Mapping[str, Any], kept: Mapping[str, Any]) -> None:
    """Draw the form, and do what it says: first for trial, then for good."""
    st.markdown("**Mend and replay**")
    order = _form(group, kept)
    reason = st.text_input(
        "Why", key="feeds.reason", placeholder="The history keeps it", max_chars=500
    )
    with st.container(horizontal=True):
        tried = st.button("Try it out", key="feeds.try", disabled=order is None)
        done = st.button("Replay", key="feeds.replay", type="primary", disabled=order is None)
        dropped = st.button("Drop this event", key="feeds.drop")
    if order is not None and tried:
        st.session_state[TOLD] = (order, ask(reader, user, {**order, "dry_run": True}))
    if dropped or done:
        if not reason.strip():
            st.warning("Say why first: the history keeps it.")
            return
        ids = [kept["reject_id"]]
        said = (
            drop(reader, user, ids, reason)
            if dropped
            else replay(reader, user, order or {}, reason)
        )
        st.session_state[SAID] = said
        st.session_state.pop(TOLD, None)
        st.rerun()
    told = st.session_state.get(TOLD)
    if told is not None and told[0] == order:
        show_trial(*told[1])


def _form(group: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any] | None:
    """Ask what to replay, and how; None where that is not said yet, or is not an event."""
    if kept["kind"] != "event":
        st.caption(
            "This is not an event, so it cannot be replayed from here; what to do stands above."
        )
        return None
    field, value = wrong_field(kept)
    which = st.radio(
        "What",
        [ONE, SAME, ALL] if field not in (None, "id") else [ONE, ALL],
        key="feeds.which",
        horizontal=True,
    )
    how = st.radio(
        "How",
        [ASIS, EDIT],
        key=f"feeds.how.{kept['reject_id']}",
        index=1 if kept["hint"] or kept["reason"] == "conflict" else 0,
        horizontal=True,
    )
    order: dict[str, Any] = (
        {"ids": [kept["reject_id"]]} if which == ONE else {"filter": _filter(group)}
    )
    if how == ASIS and which != SAME:
        return order
    left, right = st.columns(2)
    name = left.text_input("Field", value=field or "", key=f"feeds.field.{kept['reject_id']}")
    near = kept["hint"]["nearest"] if kept["hint"] else []
    if how == ASIS:
        given: Any = value
    elif near and kept["reason"] != "unknown_field":
        given = right.selectbox(
            "Value", near, key=f"feeds.value.{kept['reject_id']}", accept_new_options=True
        )
    else:
        given = right.text_input(
            "Value",
            key=f"feeds.value.{kept['reject_id']}",
            help="Empty leaves the field out. A number is sent as a number.",
        )
    if not name.strip():
        st.caption("Name the field to change, such as data.product or id.")
        return None
    edit: dict[str, Any] = {"field": name.strip(), "value": given if how == ASIS else typed(given)}
    if which == SAME:
        edit["was"] = value
    return {**order, "edit": edit}


def wrong_field(kept: Mapping[str, Any]) -> tuple[str | None, Any]:
    """The field that is wrong as an edit names it, and what it says; a conflict is mended by an id of its own."""
    try:
        event = json.loads((kept["mended"] or kept["raw"]).get("text", ""))
    except (ValueError, RecursionError):
        return None, None
    field = "id" if kept["reason"] == "conflict" else kept["field"]
    if field is None or not isinstance(event, dict):
        return None, None
    data = event.get("data")
    if field not in event and isinstance(data, dict) and field in data:
        field = f"data.{field}"
    if field.startswith("data.") and isinstance(data, dict):
        return field, data.get(field.removeprefix("data."))
    return field, event.get(field)


def typed(text: str | None) -> Any:
    """What somebody typed, as JSON: a number, true and false as such, nothing as null, all else as text."""
    if text is None or text == "":
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, int | float | bool) else text


def _filter(group: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "reason": group["reason"],
        "feed": group["feed"],
        **{name: group[name] or "" for name in ("field", "source")},
    }


def ask(reader: Reader, user: User, order: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """Ask the API for a replay or its trial, on a user's behalf."""
    settings = reader.settings
    return ask_api(
        "POST",
        "/v1/rejects/replay",
        settings.api_address,
        settings.dashboard_key,
        {**order, "user": user.username},
    )


def replay(reader: Reader, user: User, order: dict[str, Any], reason: str) -> tuple[bool, str]:
    """Replay, call after call until all are taken; say what came of them."""
    sums: dict[str, int] = dict.fromkeys(("accepted", "duplicate", "conflict", "rejected"), 0)
    after = 0
    for _ in range(CALLS_MAX):
        answer, why = ask(reader, user, {**order, "reason": reason, "after": after})
        if answer is None:
            return False, why
        sums = {name: count + int(answer[name]) for name, count in sums.items()}
        if answer["next"] is None:
            break
        after = int(answer["next"])
    recorded = sums["accepted"] + sums["duplicate"]
    failed = sums["conflict"] + sums["rejected"]
    more = (
        f" {plural(failed, 'event')} still {'fails' if failed == 1 else 'fail'} and stay open."
        if failed
        else ""
    )
    known = f" ({sums['duplicate']:,} were recorded before)" if sums["duplicate"] else ""
    return failed == 0 or recorded > 0, f"{plural(recorded, 'event')} recorded{known}.{more}"


def drop(reader: Reader, user: User, ids: list[int], reason: str) -> tuple[bool, str]:
    """Close rejects that will not be recorded."""
    answer, why = ask_api(
        "POST",
        "/v1/rejects/drop",
        reader.settings.api_address,
        reader.settings.dashboard_key,
        {"ids": ids, "reason": reason, "user": user.username},
    )
    if answer is None:
        return False, why
    return True, f"{plural(answer['dropped'], 'reject')} dropped; it stays kept under “dropped”."


def show_trial(told: dict[str, Any] | None, why: str) -> None:
    """What a replay would do: outcomes, why the others still fail, and the balances that would change."""
    if told is None:
        st.warning(plain(why))
        return
    st.markdown(f"**{plain(trial_sentence(told))}**")
    if told["failing"]:
        st.dataframe(
            pd.DataFrame(told["failing"])[["reason", "field", "count", "sample_message"]].fillna(
                ""
            ),
            key="feeds.failing",
            hide_index=True,
            placeholder="",
            row_height=ROW_PX,
            column_config={
                "reason": "Still fails for",
                "field": "Field",
                "count": st.column_config.NumberColumn("Events", format="localized"),
                "sample_message": st.column_config.TextColumn("For example", width="large"),
            },
        )
    if told["changes"]:
        changes = pd.DataFrame(told["changes"])
        st.dataframe(
            changes.assign(change=changes["after"] - changes["before"]),
            key="feeds.changes",
            hide_index=True,
            placeholder="",
            row_height=ROW_PX,
            column_config={
                "product": "Product",
                "location": "Location",
                **{
                    name: st.column_config.NumberColumn(label, format="localized")
                    for name, label in (
                        ("before", "On hand now"), ("after", "On hand then"), ("change", "Change")
                    )
                },
            },
        )  # fmt: skip


def trial_sentence(told: Mapping[str, Any]) -> str:
    """Say in a sentence what a replay would do."""
    parts = [f"accept {quantity(told['accepted'])}"]
    if told["duplicate"]:
        parts.append(f"find {quantity(told['duplicate'])} recorded before")
    failing = told["conflict"] + told["rejected"]
    if failing:
        parts.append(f"still refuse {quantity(failing)}")
    if told["left_alone"]:
        parts.append(f"leave {quantity(told['left_alone'])} alone")
    if told["not_events"]:
        parts.append(f"skip {quantity(told['not_events'])} that are no events")
    more = " More are waiting after these." if told["next"] else ""
    changed = plural(told["products_changed"], "product")
    return f"Would {in_words(parts)}; balances of {changed} would change.{more}"
