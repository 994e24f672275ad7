"""Foot of a panel of rows: how many of how many are shown, as of when, all of them as CSV, and as SQL."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd
import streamlit as st

from catalog.state import DataState
from dashboard.api_client import ask_api
from dashboard.freshness import foot_words
from dashboard.links import go_to
from dashboard.past import past_shown
from dashboard.reader import Reader
from dashboard.theme import plain
from stocktide.foundation.spreadsheet import shown_as_text

CSV = "text/csv"
# In the session: the role of who looks at the page; viewers do not ask in SQL.
ROLE = "panels.role"
AWAY = "The API does not answer, so nothing can be opened as SQL. See `stocktide status`."


@dataclass(frozen=True)
class AsSql:
    """The figures of a panel as a report. parameters: of the page's filters; empty ones are left out."""

    reader: Reader
    title: str
    report: str
    parameters: Mapping[str, str | None] = field(default_factory=dict)

    def open(self) -> None:
        """Keep the statement, and go to the page SQL with its id."""
        settings = self.reader.settings
        given = {name: value for name, value in self.parameters.items() if value}
        body = {"title": self.title, "report": self.report, "parameters": given}
        path, key = "/v1/query/handovers", settings.dashboard_key
        kept, why = ask_api(
            "POST", path, settings.api_address, key, body, away=AWAY, not_done="Not opened"
        )
        if kept is None:
            st.error(plain(why))
        else:
            go_to("sql", h=kept["handover_id"])


def rows_words(shown: int, found: int, one: str = "row", many: str | None = None) -> str:
    """Describe how many rows a panel shows of how many there are: "50 of 78 shelves"."""
    noun = one if found == 1 else many or f"{one}s"
    return f"{shown:,} of {found:,} {noun}"


def rows_foot(
    state: DataState | datetime,
    words: str,
    *,
    key: str,
    file: str,
    read: Callable[[], pd.DataFrame],
    sql: AsSql | None = None,
    help: str | None = None,
) -> None:
    """Write a panel's foot line, and offer its rows as CSV and as SQL.

    state: of the data, or the instant for figures of now. words: whose figures, and how many rows of how many. read:
    reads all rows, in a separate thread, once somebody asks for the file. help: where they come from.
    """
    said = (
        f"{words} · as of {state:%H:%M:%S} UTC"
        if isinstance(state, datetime)
        else foot_words(state, words)
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(said, help=help)
        st.download_button(
            "CSV (all rows)",
            lambda: csv_of(read()),
            file_name=f"{file}.csv",
            mime=CSV,
            key=key,
            type="tertiary",
            icon=":material/download:",
            on_click="ignore",
        )
        # the page SQL knows the present alone
        asks = (
            sql is not None
            and st.session_state.get(ROLE, "viewer") != "viewer"
            and past_shown() is None
        )
        asked = asks and st.button(
            "Open as SQL", key=f"{key}.sql", type="tertiary", icon=":material/database:"
        )
    if asked and sql is not None:
        sql.open()


def csv_of(frame: pd.DataFrame) -> bytes:
    """Write all rows of a frame as CSV in UTF-8; numbers as they are, without rounding, and no text as a formula."""
    shown = frame.map(lambda value: shown_as_text(value) if isinstance(value, str) else value)
    return shown.to_csv(index=False).encode("utf-8")
