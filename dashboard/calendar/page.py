"""Calendar: what is planned for the coming weeks, and what a planner adds to it."""

from datetime import date, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from catalog.frames import read_frame
from dashboard.calendar.figures import ROWS_MAX, timeline, timeline_runs
from dashboard.calendar.form import SAID, change_plan, enter_plan
from dashboard.calendar.words import KINDS, in_words
from dashboard.charts import draw_chart
from dashboard.filters import Filters, choose
from dashboard.freshness import data_state
from dashboard.reader import Reader
from dashboard.theme import plain, plural, roles
from dashboard.widgets import OPENS, clicked, listed_note, table
from stocktide.foundation.users import User

WEEKS = 13
# The time line needs all of them; a chain with more plans looks at one kind at a time over the API.
PLANS_MAX = 2_000
TABLE_ROWS = 200
ALL = "All"


def render(reader: Reader, user: User) -> None:
    """Draw the page: the time line, the table, and the form."""
    if SAID in st.session_state:
        done, text = st.session_state.pop(SAID)
        (st.success if done else st.warning)(plain(text))
    first = data_state(reader).today
    until = first + timedelta(days=7 * WEEKS - 1)
    filters = choose(reader)
    plans = read_frame(
        reader.engine, "planned", since=first, until=until, limit=PLANS_MAX, **filters.asked
    )
    chosen = None
    if plans.empty:
        st.info(
            f"Nothing is planned for the coming {WEEKS} weeks{_where(filters)}. Enter a promotion, an event "
            "or a closure below, or import a file: `stocktide calendar import promotions FILE.csv`. Forecasts use what "
            "is planned from their next run on."
        )
    else:
        chosen = _planned(in_words(plans), first, until)
    if not user.plans:
        st.caption("Planners and operators can enter, change and withdraw plans.")
    elif chosen is not None:
        change_plan(reader, user, chosen)
    else:
        enter_plan(reader, user)


def _where(filters: Filters) -> str:
    return f" for {plain(filters.words)}" if filters.words else ""


def _planned(plans: pd.DataFrame, first: date, until: date) -> Any:
    """Draw what is planned; return the plan that is clicked in the table, if one is."""
    kind = st.segmented_control(
        "Show", [ALL, *KINDS.values()], key="kind", bind="query-params", default=ALL, required=True
    )
    shown = plans if kind in (None, ALL) else plans[plans["kind"].map(KINDS) == kind]
    if shown.empty:
        st.info(
            f"No {str(kind).lower()} are planned for these weeks. Choose “{ALL}” to see the others."
        )
        return None
    _timeline(shown, first, until)
    st.caption(listed_note(len(plans), int(plans["found"].iloc[0]), "shown, earliest first"))
    return _table(shown, key=f"calendar.plans.{kind}")


def _timeline(plans: pd.DataFrame, first: date, until: date) -> None:
    runs = timeline_runs(plans, first, 7 * WEEKS)
    rows = runs["row"].drop_duplicates()
    drawn = runs[runs["row"].isin(rows.head(ROWS_MAX))]
    chart = timeline(
        drawn,
        roles(),
        first,
        7 * WEEKS,
        title=f"{plural(len(plans), 'plan')} in the coming {WEEKS} weeks",
        subtitle=f"{first:%d %b} to {until:%d %b %Y}; numbers: plans at the same time",
    )
    draw_chart(chart, "calendar.timeline")
    if len(rows) > ROWS_MAX:
        st.caption(f"{ROWS_MAX} of {len(rows):,} rows are shown.")


def _table(plans: pd.DataFrame, key: str) -> Any:
    listed = plans.head(TABLE_ROWS)
    columns = {
        "kind_name": st.column_config.TextColumn("Kind", pinned=True),
        "label": "Name",
        "for_what": st.column_config.TextColumn("For", width="medium"),
        "where": "Where",
        "starts_on": st.column_config.DateColumn("From", format="ddd D MMM YYYY"),
        "ends_on": st.column_config.DateColumn("To", format="ddd D MMM YYYY"),
        "terms": "Terms",
        "recorded_by": "Recorded by",
    }
    event = table(
        listed[list(columns)],
        key,
        columns,
        **OPENS,
    )
    more = listed_note(len(listed), len(plans))
    st.caption(f"Click a plan to change or withdraw it. {more}".strip())
    row = clicked(event, len(listed))
    return None if row is None else listed.iloc[row].to_dict()
