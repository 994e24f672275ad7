"""Drawing a chart on a page: its words stand above it as text, which wraps and is read out, and are its alt text."""

from collections.abc import Callable
from typing import Any

import altair as alt
import streamlit as st

from dashboard.theme import plain


def words_of(chart: Any) -> tuple[str, str]:
    """Return title and subtitle of a chart as `chart_frame` gave it; empty where it has none."""
    if chart.title is alt.Undefined:
        return "", ""
    title, under = chart.title.text, chart.title.subtitle
    return str(title), under if isinstance(under, str) else " ".join(under)


def draw_chart(
    chart: Any, key: str, *, words: str = "", on_select: Callable[[], None] | None = None
) -> None:
    """Draw a chart below its title and subtitle; in the picture a narrow screen would cut them.

    words: of a chart without a title, which are only read out. on_select: called when a mark is clicked, of a chart
    with a selection.
    """
    title, under = words_of(chart)
    if title:
        st.markdown(f"**{plain(title)}**")
        st.caption(plain(under))
        chart = chart.copy(deep=False)
        chart.title = alt.Undefined
    st.altair_chart(
        chart,
        width="stretch",
        key=key,
        alt=words or f"{title}. {under}",
        on_select=on_select or "ignore",
    )
