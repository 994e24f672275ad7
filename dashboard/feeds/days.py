"""Days of each source: which are final, and how much of the others is still to come."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from catalog.completeness import DAYS, FeedDay, read_completeness
from dashboard.freshness import data_state
from dashboard.panels import rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.widgets import table

HOW = (
    f"Events of each of the last {DAYS} business days, by source. How much is still to come is estimated by the "
    "hours that its events took on the days before."
)


def days_panel(reader: Reader, feed: str | None) -> None:
    """Draw a row for each source and a column for each day."""
    found = [
        day
        for day in read_completeness(reader.engine, reader.clock())
        if feed is None or day.source == feed
    ]
    st.header("Days")
    if not found:
        st.info(
            f"No source sent anything in the last {DAYS} days that is loaded. Days appear after the first ETL: "
            "see System for when it runs."
        )
        return
    st.caption(HOW)
    rows = day_rows(found)
    table(rows, "feeds.days", {"source": st.column_config.TextColumn("Source", pinned=True)})
    rows_foot(
        data_state(reader),
        rows_words(len(rows), len(rows), "source"),
        key="feeds.days.csv",
        file="feed_days",
        read=lambda: pd.DataFrame([vars(day) | {"to_come": day.to_come} for day in found]),
    )


def day_rows(found: Sequence[FeedDay]) -> pd.DataFrame:
    """Build the table's rows: what is said of each day of each source, the newest day first."""
    days = sorted({day.day for day in found}, reverse=True)
    said = {(day.source, day.day): day_words(day) for day in found}
    sources = sorted({day.source for day in found})
    columns = {
        f"{day:%a %-d %b}": [said.get((source, day), "") for source in sources] for day in days
    }
    return pd.DataFrame({"source": sources, **columns})


def day_words(day: FeedDay) -> str:
    """Describe a day: "1,204 · final", "310 so far", "960 · about 40 to come"."""
    events = f"{day.events:,}"
    if day.state == "open":
        return f"{events} so far"
    if day.state == "learning":
        return events
    if day.state == "silent":
        return f"{events} · silent since"
    if day.state == "quiet":
        return f"{events} · quiet, its key was used since"
    if day.state == "final":
        return f"{events} · final"
    return f"{events} · about {day.to_come or 0:,.0f} to come"
