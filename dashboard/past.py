"""Pages of the past: what a page said at a moment. The choice stands in the address, and links keep it."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

import streamlit as st

from dashboard.links import kept, remember
from dashboard.reader import Reader
from dashboard.theme import in_words
from stocktide.foundation.errors import Invalid

# In the address: the moment, a day or an instant.
AS_OF = "asof"
# In the session: the moment that the page shows, where it can show one.
SHOWN = "past.shown"
# The day that is chosen.
CHOSEN = "past.day"
# Pages whose figures are all of the lake, which keeps its past; alerts and forecasts are kept as they are now.
OF_PAST = ("Demand", "Inventory health", "Events")
UNREAD = "The address asks for a past that is no moment, so this page shows now."
DAY_LETTERS = len("2026-11-23")


def moment_of(text: str) -> datetime:
    """Read the moment of an address: an instant, or a day, which means its end (UTC). Raises Invalid."""
    try:
        moment = datetime.fromisoformat(text)
        if len(text) <= DAY_LETTERS:
            return datetime.combine(moment.date() + timedelta(days=1), time(), UTC) - timedelta(
                seconds=1
            )
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Invalid("as_of", UNREAD) from None


def past_shown() -> datetime | None:
    """Return the moment that this page shows; None where that is now."""
    shown: datetime | None = st.session_state.get(SHOWN)
    return shown


def known_then(known: Mapping[str, Any], moment: datetime) -> dict[str, Any]:
    """Return how far each stage had come at a moment, as far as figures of the lake depend on it.

    known: the row of catalog/freshness.
    """
    newest = known.get("newest_day")
    return {
        **known,
        "loaded_at": moment,
        "newest_day": None if newest is None else min(newest, moment.date()),
        # what was late or waited then is not known any more
        "last_received": None,
        "late_days": None,
        "importing": None,
    }


def past_bar(reader: Reader, title: str) -> None:
    """Offer the past on pages that can show it, and say so wherever one is asked for."""
    asked = kept().get(AS_OF, "")
    moment = None
    if asked:
        try:
            moment = moment_of(asked)
        except Invalid as unread:
            st.warning(unread.message)
        # today's end is still to come
        if moment is not None and moment >= reader.clock():
            moment = None
            remember(AS_OF, "", "")
    of_past = title in OF_PAST
    st.session_state[SHOWN] = moment if of_past else None
    if of_past:
        _choose(reader, moment)
    if moment is None:
        return
    said = f"{moment:%a %-d %b %Y, %H:%M} UTC"
    with st.container(horizontal=True, vertical_alignment="center"):
        if of_past:
            st.warning(f"**You see the past:** this page as it stood on {said}.", width="stretch")
        else:
            st.info(
                f"This page shows now. {in_words(OF_PAST)} show {said}.",
                width="stretch",
            )
        st.button("Back to now", key="past.back", on_click=_forget)


def _choose(reader: Reader, moment: datetime | None) -> None:
    now = reader.clock()
    first = now.date() - timedelta(days=reader.settings.lake_history_days)
    day = None if moment is None else min(max(moment.date(), first), now.date())
    if st.session_state.get(CHOSEN) != day:
        st.session_state[CHOSEN] = day
    st.date_input(
        "As of the end of (UTC)",
        value=None,
        min_value=first,
        max_value=now.date(),
        format="YYYY-MM-DD",
        key=CHOSEN,
        on_change=_keep,
        width=240,
        help="What this page said then. Empty: now.",
    )


def _keep() -> None:
    day = st.session_state.get(CHOSEN)
    remember(AS_OF, "" if day is None else day.isoformat(), "")


def _forget() -> None:
    st.session_state[CHOSEN] = None
    remember(AS_OF, "", "")
