"""Overrides: what planners changed of the forecast, a form for another one, and what overrides were worth."""

from typing import Any

import pandas as pd
import streamlit as st

from catalog.frames import read_frame
from catalog.overrides import override_values
from dashboard.feeds.fixing import SAID
from dashboard.freshness import data_state
from dashboard.overrides.files import import_file
from dashboard.overrides.form import change_override, enter_override
from dashboard.overrides.words import GROUPS, REASONS, as_file, in_words, worth_words
from dashboard.panels import rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.theme import plain
from dashboard.widgets import OPENS, clicked, rows_key, switch, table, time_column
from stocktide.foundation.users import User

ROWS_MAX, FILE_MAX = 200, 10_000
READ_ONLY = "Planners and operators can enter, change and withdraw overrides."
VALUE, HISTORY = "value", "history"
# A difference that is shown as 0 % helped nobody.
SAME = 0.005
TABS = {"": "Current", HISTORY: "History", VALUE: "Value added"}


def render(reader: Reader, user: User) -> None:
    """Draw the page."""
    if SAID in st.session_state:
        done, said = st.session_state.pop(SAID)
        (st.success if done else st.warning)(plain(said))
    tab = switch("tab", "Overrides", TABS)
    if tab == VALUE:
        _value(reader, user)
        return
    chosen = _list(reader, all=tab == HISTORY)
    if not user.plans:
        st.caption(READ_ONLY)
    elif chosen is not None and chosen["state"] != "withdrawn":
        change_override(reader, user, chosen)
    else:
        enter_override(reader, user)
        import_file(reader, user)


def _list(reader: Reader, *, all: bool) -> dict[str, Any] | None:
    """List overrides; return the one that is clicked, if one is."""
    today = data_state(reader).today

    def read(limit: int) -> pd.DataFrame:
        return read_frame(reader.engine, "override_list", today=today, all=all, limit=limit)

    found = read(ROWS_MAX)
    if found.empty:
        st.info(
            "No overrides yet. When you know something that the forecast does not, such as a fair next door, change it "
            "below: the published forecast stays, and orders follow the changed one."
        )
        return None
    shown = in_words(found)
    columns = {
        "for_what": st.column_config.TextColumn("For", pinned=True, width="medium"),
        "where": "Where",
        "says": "Change",
        "starts_on": st.column_config.DateColumn("From", format="D MMM YYYY"),
        "ends_on": st.column_config.DateColumn("To", format="D MMM YYYY"),
        "effect": st.column_config.TextColumn(
            "Units", help="Forecast units of these days before and after."
        ),
        "why": "Reason",
        "note": "Note",
        "state": "State",
        "expires_on": st.column_config.DateColumn("Expires", format="D MMM YYYY"),
        "recorded_by": "Recorded by",
        "recorded_at": time_column("Recorded"),
    }
    if all:
        columns |= {"withdrawn_at": time_column("Withdrawn"), "withdrawn_by": "Withdrawn by"}
    key = f"overrides.list.{rows_key(shown['override_id'])}"
    event = table(shown[list(columns)], key, columns, **OPENS)
    total = int(found["found"].iloc[0])
    rows_foot(
        data_state(reader),
        rows_words(len(shown), total, "override"),
        key="overrides.csv",
        file="overrides",
        read=lambda: as_file(read(FILE_MAX)),
        help="In the order of recording, which is the order in which they apply. The file can be imported again.",
    )
    row = clicked(event, len(shown))
    return None if row is None else {str(k): v for k, v in shown.iloc[row].to_dict().items()}


def _value(reader: Reader, user: User) -> None:
    """Draw what overrides were worth: the forecast's error before them and with them."""
    found = override_values(reader.engine)
    if found.empty:
        st.info(
            "Nothing to judge yet: an override is judged once days of it are over and a newer forecast knows what was "
            "sold."
        )
        return
    (total,) = found[found["by"] == "all"].to_dict("records")
    st.markdown(f"**{plain(worth_words({str(k): v for k, v in total.items()}))}**")
    st.caption(
        "An override is judged by the first forecast that it changed. Error: units that the forecast was off, added up "
        "over days, with and without the override. Small changes seldom help; large cuts often do."
    )
    for by, title in GROUPS.items():
        rows = found[found["by"] == by]
        if by == "planner" and user.role != "operator":
            # how somebody else judges is between them and their lead
            rows = rows[rows["name"].str.startswith(f"{user.username} (")]
        if not rows.empty:
            st.subheader(title)
            _groups(rows, by)


def _groups(rows: pd.DataFrame, by: str) -> None:
    named = (
        rows["name"].map(lambda name: REASONS.get(name, name)) if by == "reason" else rows["name"]
    )
    gain = rows["gain"].fillna(0.0)
    verdict = gain.gt(SAME).map({True: "better", False: ""}).mask(gain < -SAME, "worse")
    shown = rows.assign(name=named, gain=100 * rows["gain"], verdict=verdict)
    columns = {
        "name": st.column_config.TextColumn(
            GROUPS[by].removeprefix("By ").capitalize(), pinned=True
        ),
        "overrides": "Overrides",
        "periods": "Periods over",
        "came": st.column_config.NumberColumn("Sold", format="%.0f"),
        "error_before": st.column_config.NumberColumn("Error without", format="%.0f"),
        "error_after": st.column_config.NumberColumn("Error with", format="%.0f"),
        "gain": st.column_config.NumberColumn("Error saved", format="%.0f %%"),
        "verdict": "The override was",
    }
    table(shown[list(columns)], f"overrides.value.{by}", columns)
