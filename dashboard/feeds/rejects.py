"""The rejects desk: groups, their events, and one of these with what can be done about it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from catalog.frames import read_frame, read_record
from dashboard.api_client import ask_api
from dashboard.feeds.fixing import act_on, reopen_form
from dashboard.feeds.reject import show_reject
from dashboard.friendly_errors import friendly_errors
from dashboard.glossary import tip
from dashboard.panels import AsSql, rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.theme import plain, plural, when
from dashboard.widgets import (
    LIVE,
    OPENS,
    clicked,
    listed_note,
    reason_words,
    rows_key,
    switch,
    table,
    time_column,
)
from stocktide.foundation.users import User

GROUPS = 100
PAGE_ROWS = 50
# A longer list scrolls.
EVENTS_SHOWN = 10
STATES = {"open": "Open", "replayed": "Replayed", "dropped": "Dropped"}
# What the address has of a group, beside the rejects' `state`.
GROUP = {"reason": "reason", "field": "field", "feed": "feed", "sender": "source"}


def rejects_panel(reader: Reader, user: User, feed: str | None) -> None:
    """Draw groups first, then the events of one, then one event; viewers see only counts."""
    state = switch("state", "State", STATES)
    drawn = read_record(reader.engine, "reject_open", after=0, feed=feed)
    new_rejects(reader, int(drawn["newest_id"] or 0), feed)
    causes = read_frame(reader.engine, "reject_causes", state=state, feed=feed)
    reason = _choose_cause(causes)
    groups = read_frame(
        reader.engine, "reject_groups", state=state, feed=feed, reason=reason, limit=GROUPS
    )
    if groups.empty:
        st.info(_none(reader, state, feed))
        return
    st.caption(f"{plural(len(causes), 'cause')}. {groups_sentence(groups)}")
    group = _choose_group(groups, state)
    rows_foot(
        reader.clock(),
        rows_words(len(groups), int(groups["found"].iloc[0]), "group"),
        key="feeds.groups.csv",
        file="rejects",
        read=lambda: read_frame(
            reader.engine, "reject_groups", state=state, feed=feed, reason=reason
        ).drop(columns=["found", "rejects_found"]),
        sql=AsSql(reader, f"Refused input, {state}", "refused_input", {"state": state}),
    )
    if not user.plans:
        st.caption(
            "Payloads may hold personal data: only planners and operators can see and fix them."
        )
        return
    if group is not None:
        _events(reader, user, group, state)


def _choose_cause(causes: pd.DataFrame) -> str | None:
    """Offer the reasons for which input was refused, the most frequent first; None for all of them."""
    if len(causes) < 2:
        return None
    named = {
        f"{reason_words(row['reason']).capitalize()} ({row['rejects']:,})": str(row["reason"])
        for row in causes.to_dict("records")
    }
    every = f"All {len(causes)} causes"
    return named.get(str(st.selectbox("Cause", [every, *named], key="feeds.cause", width=320)))


def _none(reader: Reader, state: str, feed: str | None) -> str:
    whose = "" if feed is None else f" of feed {plain(feed)}"
    if state != "open":
        return f"No reject{whose} was {state} yet."
    if feed is not None:
        return f"No reject{whose} is open."
    return last_refused(read_record(reader.engine, "reject_last"))


def groups_sentence(groups: pd.DataFrame) -> str:
    """Describe how many rejects there are in how many groups, and how many of these are listed."""
    found, rejects = int(groups["found"].iloc[0]), int(groups["rejects_found"].iloc[0])
    cut = listed_note(len(groups), found)
    return (
        f"{plural(rejects, 'reject')} in {plural(found, 'group')}, newest first. "
        f"{f'{cut} Choose a feed to see the others. ' if cut else ''}Click a group to see its events."
    )


@st.fragment(run_every=LIVE)
@friendly_errors("new rejects")
def new_rejects(reader: Reader, newest_seen: int, feed: str | None) -> None:
    """Draw a badge with what was refused since the lists were drawn; they stay, so that a choice in them does."""
    found = read_record(reader.engine, "reject_open", after=newest_seen, feed=feed)
    more = int(found["open"])
    if more > 0 and st.button(
        f"{more:,} new since this list was loaded", key="feeds.new", icon=":material/refresh:"
    ):
        st.rerun(scope="app")


def last_refused(last: dict[str, Any]) -> str:
    """Describe the last reject where none is open."""
    if last["last_seen_at"] is None:
        return (
            "Nothing was refused so far. Refused events are kept here unchanged, with the reason."
        )
    reason = plain(reason_words(str(last["reason"])))
    came = f"The latest one was sent {when(last['last_seen_at'])}"
    return f"No reject is open. {came}: {reason}, by feed {plain(last['feed'])}."


def _choose_group(groups: pd.DataFrame, state: str) -> dict[str, Any] | None:
    """Draw the groups; the clicked one goes into the address. Returns the group that the address names."""
    columns = _group_columns(state)
    named_for_people = groups.assign(
        reason=groups["reason"].map(reason_words), field=groups["field"].fillna("")
    )
    event = table(
        named_for_people[list(columns)],
        # a table for each list: the click of one must not be taken for a row of another
        f"feeds.groups.{state}.{rows_key(groups['sample_id'])}",
        columns,
        **OPENS,
    )
    row = clicked(event, len(groups))
    if row is not None:
        _go_to_group(groups.iloc[row])
    wanted = {column: st.query_params.get(name, "") for name, column in GROUP.items()}
    named = groups[list(GROUP.values())].fillna("")
    found = groups[(named == pd.Series(wanted)).all(axis=1)]
    return None if found.empty else _plain_row(found.iloc[0])


def _group_columns(state: str) -> dict[str, Any]:
    again = st.column_config.NumberColumn(
        "Sent again since", format="localized", help="Events that were sent once more after that."
    )
    return {
        "reason": st.column_config.TextColumn("Reason", pinned=True),
        "field": "Field",
        "feed": "Feed",
        "source": "Source",
        "rejects": st.column_config.NumberColumn("Rejects", format="localized", help=tip("reject")),
        "times_seen": st.column_config.NumberColumn("Attempts", format="localized"),
        **({} if state == "open" else {"sent_again": again}),
        "first_seen_at": time_column("First"),
        "last_seen_at": time_column("Last"),
        "sample_message": st.column_config.TextColumn("Latest message", width="large"),
    }


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
    st.header(plain(reason_words(str(group["reason"])).capitalize()), divider="gray")
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
        st.info("No events are left on this page. Go back to the first page.")
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
    elif state == "dropped":
        reopen_form(reader, user, kept)


def _choose_event(events: pd.DataFrame, state: str, before: str) -> int:
    columns = {
        "reject_id": st.column_config.NumberColumn("Reject", format="%d"),
        "event_id": st.column_config.TextColumn("Event"),
        "times_seen": st.column_config.NumberColumn("Attempts", format="localized"),
        "last_seen_at": time_column("Last"),
        **({} if state == "open" else {"sent_again_at": time_column("Sent again")}),
    }
    event = table(
        events[list(columns)],
        f"feeds.events.{state}.{before}.{rows_key(events['reject_id'])}",
        columns,
        **OPENS,
        height="content" if len(events) < EVENTS_SHOWN else 320,
    )
    row = clicked(event, len(events))
    if row is not None:
        st.query_params["event"] = str(events["reject_id"].iloc[row])
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
