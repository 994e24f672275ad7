"""Parts that pages of tables share: how tables look, what is chosen through the address, how often they draw."""

import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

LIVE = "5s"
EVERY = "All feeds"
ROW_PX = 28
# A table whose rows open on a click anywhere in them, or by the arrow keys: a box to tick in front is easily missed.
OPENS: dict[str, Any] = {"on_select": "rerun", "selection_mode": "single-cell"}
# Reasons whose code does not read as words.
REASONS = {
    "time_past": "time too old",
    "time_future": "time in the future",
    "bad_text": "text that cannot be stored",
}


def table(frame: pd.DataFrame, key: str, columns: Mapping[str, Any], **more: Any) -> Any:
    """Draw a table as all of this page look: a missing value is an empty cell. more: as st.dataframe takes it."""
    return st.dataframe(
        frame,
        key=key,
        hide_index=True,
        placeholder="",
        row_height=ROW_PX,
        column_config=dict(columns),
        **more,
    )


def rows_key(values: Iterable[Any]) -> str:
    """Return a short text that stands for the rows of a table: another list of rows is another table to Streamlit."""
    return f"{zlib.crc32(repr(list(values)).encode()):08x}"


def clicked(event: Any, rows: int) -> int | None:
    """Return the row of a table of `OPENS` that was clicked, if one was and still exists."""
    chosen = [row for row, _ in event["selection"]["cells"] if row < rows]
    return chosen[0] if chosen else None


def time_column(label: str) -> Any:
    """Return a column of instants, in UTC."""
    return st.column_config.DatetimeColumn(
        f"{label} (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"
    )


def reason_words(reason: str) -> str:
    """Return a reject's reason as people read it."""
    return REASONS.get(reason, reason.replace("_", " "))


def rule_words(rule: str) -> str:
    """Return a rule as people read it."""
    return rule.replace("_", " ").capitalize()


def listed_note(shown: int, found: int, word: str = "listed") -> str:
    """Describe how many of how many are listed; "" where all are."""
    return f"{shown:,} of {found:,} are {word}." if shown < found else ""


def switch(name: str, label: str, options: Mapping[str, str]) -> str:
    """Offer one of a few choices, the first unless the address names another; the choice goes into the address.

    options: what is shown, by what stands in the address under `name`. (Bound by Streamlit, the address would hold
    what is shown, counts and all.)
    """
    first = next(iter(options))
    asked = st.query_params.get(name, first)
    chosen = st.segmented_control(
        label,
        list(options),
        format_func=lambda option: options[option],
        key=f"feeds.{name}",
        default=asked if asked in options else first,
        required=True,
    )
    if chosen is None or chosen == first:
        st.query_params.pop(name, None)
        return first
    st.query_params[name] = chosen
    return chosen
