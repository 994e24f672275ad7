"""Foot of a panel of rows: how many of how many are shown, as of when, and all of them as CSV."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from catalog.state import DataState
from dashboard.freshness import foot_words

CSV = "text/csv"


def rows_words(shown: int, found: int, one: str = "row", many: str | None = None) -> str:
    """Describe how many rows a panel shows of how many there are: "50 of 78 shelves"."""
    noun = one if found == 1 else many or f"{one}s"
    return f"{shown:,} of {found:,} {noun}"


def rows_foot(
    state: DataState, words: str, *, key: str, file: str, read: Callable[[], pd.DataFrame]
) -> None:
    """Write a panel's foot line, and offer its rows as CSV.

    words: whose figures, and how many rows of how many. read: reads all rows, in a thread of its own, once somebody
    asks for the file.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(foot_words(state, words))
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


def csv_of(frame: pd.DataFrame) -> bytes:
    """Write all rows of a frame as CSV in UTF-8; numbers as they are, without rounding."""
    return frame.to_csv(index=False).encode("utf-8")
