"""The rejects desk: groups, their events, one payload with the field that is wrong, and what can be done about it."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from catalog.frames import read_frame, read_record
from dashboard.boundary import plain_words
from dashboard.feed_mending import act_on
from dashboard.feed_panels import LIVE, ROW_PX, switch, time_column
from dashboard.orders import ask_api
from dashboard.reader import Reader
from dashboard.theme import plain, plural, when
from stocktide.users import User

GROUPS = 100
PAGE_ROWS = 50
# A longer list scrolls.
EVENTS_SHOWN = 10
# The mark of the field that is wrong, and how wide it stands.
MARK = {"": st.column_config.TextColumn("", width="small")}
STATES = {"open": "Open", "replayed": "Replayed", "dropped": "Dropped"}
# What of a group stands in the address, beside the rejects' `state`.
GROUP = {"reason": "reason", "field": "field", "feed": "feed", "sender": "source"}


def rejects_panel(reader: Reader, user: User, feed: str | None) -> None:
    """Groups first, then the events of one, then one event; viewers see counts alone."""
    last = read_record(reader.engine, "reject_last")
    state = switch("state", "State", STATES)
    new_rejects(reader, int(last["newest_id"] or 0))
    groups = read_frame(reader.engine, "reject_groups", state=state, feed=feed, limit=GROUPS)
    if groups.empty:
        st.info(last_refused(last) if state == "open" else f"No reject was {state} yet.")
        return
    total = int(groups["rejects"].sum())
    st.caption(
        f"{plural(total, 'reject')} in {plural(len(groups), 'group')}, what was seen last first. "
        "Tick a group to see its events."
    )
    group = _choose_group(groups, state)
    if user.role == "viewer":
        st.caption(
            "What was sent may hold personal data: planners and operators see it, and mend it."
        )
        return
    if group is not None:
        _events(reader, user, group, state)


@st.fragment(run_every=LIVE)
@plain_words("new rejects")
def new_rejects(reader: Reader, newest_seen: int) -> None:
    """A badge with what was refused since the lists were drawn; they stay, so that a choice in them does."""
    newest = read_record(reader.engine, "reject_last")
    more = int(newest["newest_id"] or 0) - newest_seen
    if more > 0 and st.button(
        f"{more:,} new since this list was drawn", key="feeds.new", icon=":material/refresh:"
    ):
        st.rerun(scope="app")


def last_refused(last: dict[str, Any]) -> str:
    """What to say where no reject is open."""
    if last["last_seen_at"] is None:
        return (
            "Nothing was ever refused. What is refused is kept here, as it came, with its reason."
        )
    reason = plain(str(last["reason"]).replace("_", " "))
    came = f"The last one came {when(last['last_seen_at'])}"
    return f"No reject is open. {came}: {reason}, by feed {plain(last['feed'])}."


def _choose_group(groups: pd.DataFrame, state: str) -> dict[str, Any] | None:
    """Draw the groups; the ticked one goes into the address. Returns the group that the address names."""
    # a table for each list: the tick of one must not be taken for a row of another
    key = f"feeds.groups.{state}.{hash(tuple(groups['sample_id']))}"
    event = st.dataframe(
        groups.assign(
            reason=groups["reason"].str.replace("_", " "), field=groups["field"].fillna("")
        )[["reason", "field", "feed", "source", "rejects", "times_seen", "first_seen_at",
           "last_seen_at", "sample_message"]],
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        hide_index=True,
        placeholder="",
        row_height=ROW_PX,
        column_config={
            "reason": st.column_config.TextColumn("Reason", pinned=True),
            "field": "Field",
            "feed": "Feed",
            "source": "Source",
            "rejects": st.column_config.NumberColumn("Rejects", format="localized"),
            "times_seen": st.column_config.NumberColumn("Times sent", format="localized"),
            "first_seen_at": time_column("First"),
            "last_seen_at": time_column("Last"),
            "sample_message": st.column_config.TextColumn("The newest says", width="large"),
        },
    )  # fmt: skip
    rows = [row for row in event["selection"]["rows"] if row < len(groups)]
    if rows:
        _go_to_group(groups.iloc[rows[0]])
    wanted = {column: st.query_params.get(name, "") for name, column in GROUP.items()}
    named = groups[list(GROUP.values())].fillna("")
    found = groups[(named == pd.Series(wanted)).all(axis=1)]
    return None if found.empty else _plain_row(found.iloc[0])


def _go_to_group(group: "pd.Series[Any]") -> None:
    address = {name: _text(group[column]) for name, column in GROUP.items()}
    if any(st.query_params.get(name, "") != value for name, value in address.items()):
        # another group begins with its newest event
        for name in ("event", "page"):
            st.query_params.pop(name, None)
    for name, value in address.items():
        if value:
            st.query_params[name] = value
        else:
            st.query_params.pop(name, None)


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value)


def _plain_row(row: "pd.Series[Any]") -> dict[str, Any]:
    return {
        str(name): None if not isinstance(value, list) and pd.isna(value) else value
        for name, value in row.items()
    }


def _events(reader: Reader, user: User, group: Mapping[str, Any], state: str) -> None:
    st.subheader(plain(str(group["reason"]).replace("_", " ").capitalize()), divider="gray")
    before = st.query_params.get("page", "")
    events = read_frame(
        reader.engine,
        "reject_events",
        state=state,
        **{name: group[name] for name in ("reason", "field", "feed", "source")},
        before=int(before) if before.isdecimal() and len(before) < 19 else None,
        limit=PAGE_ROWS + 1,
    )
    if events.empty:
        st.info("There is no event on this page any more. Go back to the first.")
        _turn(events, before)
        return
    left, right = st.columns([3, 4])
    with left:
        chosen = _choose_event(events.head(PAGE_ROWS), state, before)
        _turn(events, before)
    with right:
        kept, why = ask_api(
            "GET",
            f"/v1/rejects/{chosen}",
            reader.settings.api_address,
            reader.settings.dashboard_key,
        )
        if kept is None:
            st.warning(plain(why))
            return
        show_reject(kept)
    if state == "open":
        act_on(reader, user, group, kept)


def _choose_event(events: pd.DataFrame, state: str, before: str) -> int:
    event = st.dataframe(
        events[["reject_id", "event_id", "times_seen", "last_seen_at"]],
        key=f"feeds.events.{state}.{before}.{hash(tuple(events['reject_id']))}",
        on_select="rerun",
        selection_mode="single-row",
        hide_index=True,
        placeholder="",
        row_height=ROW_PX,
        height="content" if len(events) < EVENTS_SHOWN else 320,
        column_config={
            "reject_id": st.column_config.NumberColumn("Reject", format="%d"),
            "event_id": st.column_config.TextColumn("Event"),
            "times_seen": st.column_config.NumberColumn("Times", format="localized"),
            "last_seen_at": time_column("Last"),
        },
    )
    rows = [row for row in event["selection"]["rows"] if row < len(events)]
    if rows:
        st.query_params["event"] = str(events["reject_id"].iloc[rows[0]])
    named = st.query_params.get("event", "")
    known = events["reject_id"].astype(str).tolist()
    return int(named if named in known else known[0])


def _turn(events: pd.DataFrame, before: str) -> None:
    with st.container(horizontal=True):
        if before and st.button("First page", key="feeds.first", type="tertiary"):
            st.query_params.pop("page", None)
            st.rerun()
        if len(events) > PAGE_ROWS and st.button("Next page", key="feeds.next", type="tertiary"):
            st.query_params["page"] = str(events["reject_id"].iloc[PAGE_ROWS - 1])
            st.rerun()


def show_reject(kept: Mapping[str, Any]) -> None:
    """What was sent, with the field that is wrong marked; both payloads of a conflict; what was done so far."""
    st.markdown(plain(kept["message"]))
    payload = kept["mended"] or kept["raw"]
    if kept["conflict"] and kept["conflict"]["refused"]:
        st.dataframe(
            conflict_table(kept["conflict"]), key="feeds.conflict", hide_index=True, placeholder="",
            row_height=ROW_PX, column_config=MARK,
        )  # fmt: skip
    else:
        fields = payload_table(payload.get("text", ""), kept["field"])
        if fields.empty:
            st.code(payload.get("text") or payload.get("base64") or "(nothing)", language=None)
        else:
            st.dataframe(
                fields,
                key="feeds.payload",
                hide_index=True,
                placeholder="",
                row_height=ROW_PX,
                column_config=MARK,
            )
    hint = kept["hint"]
    if hint and hint["nearest"]:
        st.caption(f"Near it: {plain(', '.join(hint['nearest']))}")
    st.caption(
        f"{kept['how_to_mend']} Feed {plain(kept['feed'])}, {plain(kept['content_type'] or 'no content type')}."
    )
    with st.expander("As it came, and what was done"):
        if kept["raw"]["truncated"]:
            st.caption(f"The first part of {kept['raw']['bytes']:,} bytes.")
        st.code(kept["raw"].get("text") or kept["raw"].get("base64") or "(nothing)", language=None)
        for action in kept["actions"]:
            st.caption(plain(action_line(action)))


def conflict_table(conflict: Mapping[str, Any]) -> pd.DataFrame:
    """Both payloads side by side: columns Field, In the ledger, Refused, and a word where they differ."""
    recorded, refused = conflict["recorded"], conflict["refused"]
    fields = [*recorded, *(name for name in refused if name not in recorded)]
    # what differs is what one looks for
    fields.sort(key=lambda name: name not in conflict["differing"])
    return pd.DataFrame(
        {
            "": ["differs" if name in conflict["differing"] else "" for name in fields],
            "Field": fields,
            "In the ledger": [_shown(recorded.get(name)) for name in fields],
            "Refused": [_shown(refused.get(name)) for name in fields],
        }
    )


def payload_table(text: str, field: str | None) -> pd.DataFrame:
    """An event's fields, the wrong one first and marked; empty where the text is no JSON object.

    A field that is missing has a row, too: it is what is wrong.
    """
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return pd.DataFrame()
    if not isinstance(event, dict):
        return pd.DataFrame()
    data = event.pop("data", None)
    fields = dict(event)
    if isinstance(data, dict):
        fields |= {f"data.{name}": value for name, value in data.items()}
    elif data is not None:
        fields["data"] = data
    wrong = (
        field
        if field is None or field in fields or f"data.{field}" not in fields
        else f"data.{field}"
    )
    if wrong is not None:
        fields.setdefault(wrong, None)
    names = sorted(fields, key=lambda name: name != wrong)
    return pd.DataFrame(
        {
            "": ["wrong" if name == wrong else "" for name in names],
            "Field": names,
            "Value": [_shown(fields[name]) for name in names],
        }
    )


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def action_line(action: Mapping[str, Any]) -> str:
    """One line of a reject's history."""
    came = f", {action['outcome']}" if action["outcome"] else ""
    why = f" ({action['fault_message']})" if action["fault_message"] else ""
    at = when(pd.Timestamp(action["at"]).to_pydatetime())
    return f"{at}: {action['action']} by {action['by']}{came}{why}. Reason: {action['reason']}"
