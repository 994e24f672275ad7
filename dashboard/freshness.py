"""State of the data on a page: read once for the strip and the page below it, and written as a foot line."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from catalog.frames import read_record
from catalog.state import DataState, judge_data
from dashboard.past import known_then, past_shown
from dashboard.reader import Reader
from dashboard.theme import plain
from stocktide.domain.rhythm import DAILY, Rhythm

# In the session: the row of catalog/freshness as the strip read it last.
KNOWN = "freshness.known"


def read_freshness(reader: Reader) -> dict[str, Any]:
    """Read how far each stage has come, and keep it for the page."""
    known = read_record(reader.engine, "freshness", now=reader.clock())
    st.session_state[KNOWN] = known
    return known


def known_now(reader: Reader) -> dict[str, Any]:
    """Return how far each stage has come, as the strip above the page read it."""
    known: dict[str, Any] | None = st.session_state.get(KNOWN)
    return read_freshness(reader) if known is None else known


def data_state(
    reader: Reader, *, zones: Sequence[str] | None = None, rhythm: Rhythm = DAILY
) -> DataState:
    """Return the state of the data that this page shows, of all locations or those of some zones."""
    known, moment = known_now(reader), past_shown()
    if moment is not None:
        return judge_data(known_then(known, moment), moment, zones=zones, rhythm=rhythm)
    return judge_data(known, reader.clock(), zones=zones, rhythm=rhythm)


def foot_line(state: DataState, population: str) -> None:
    """Write whose figures a panel shows, as of when, and in which state they are."""
    st.caption(foot_words(state, population))


def not_final_line(state: DataState) -> None:
    """Say which of the last days are over and will still grow, where there are any."""
    if state.not_final:
        st.caption(
            f":orange-badge[Not final] {plain(state.not_final)}. Sales of these days will still grow."
        )


def foot_words(state: DataState, population: str) -> str:
    """Return the foot line: "10 locations · as of 28 Nov 2026, the newest data · fresh"."""
    return " · ".join([population, state.as_of, state.kind, *([state.why] if state.why else [])])
