"""The form of a plan: enter a promotion, event or closure, change or withdraw one that is there."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import streamlit as st

from dashboard.api_client import ask_api
from dashboard.calendar.fields import ask_plan
from dashboard.calendar.words import ONE, for_what, where
from dashboard.reader import Reader
from dashboard.theme import plain
from stocktide.foundation.users import User

# In the session: the result of a request, shown once after the page is drawn again.
SAID = "calendar.said"
ENTERED = {"promotions": "Promotion", "events": "Event", "closures": "Closure"}


def enter_plan(reader: Reader, user: User) -> None:
    """Draw the form of a new plan, and record it."""
    st.header("New plan")
    kind = st.segmented_control(
        "Kind",
        list(ENTERED),
        format_func=lambda name: ENTERED[name],
        key="calendar.new.kind",
        default="promotions",
        required=True,
    )
    asked = ask_plan(reader, str(kind or "promotions"), "new", None)
    if st.button("Save plan", key="calendar.save", type="primary"):
        _record(reader, user, str(kind or "promotions"), *asked)


def change_plan(reader: Reader, user: User, plan: Mapping[str, Any]) -> None:
    """Draw the form of a plan that is there; save its change, or withdraw it."""
    kind = str(plan["kind"])
    st.header(f"{ONE[kind]}: {plain(str(plan['label']))}")
    st.caption(
        f"For {plain(for_what(plan))}, {plain(where(plan))}. Recorded by {plain(str(plan['recorded_by']))}, "
        f"id {plain(str(plan['plan']))}. A change applies from now on; past backtests keep what was known then."
    )
    asked = None
    if kind in ENTERED:
        asked = ask_plan(reader, kind, str(plan["plan"]), plan)
    with st.container(horizontal=True):
        if asked is not None and st.button("Save change", key="calendar.change", type="primary"):
            _record(reader, user, kind, *asked)
        if st.button("Withdraw", key="calendar.withdraw"):
            _withdraw(reader, user, kind, str(plan["plan"]))


def _record(
    reader: Reader, user: User, kind: str, body: dict[str, Any], still_missing: str
) -> None:
    if still_missing:
        st.warning(f"Enter: {still_missing}.")
        return
    answer, why = ask_api(
        "PUT",
        f"/v1/calendar/{kind}",
        reader.settings.api_address,
        reader.settings.dashboard_key,
        {kind: [body], "user": user.username},
    )
    _say_after((False, why) if answer is None else (True, recorded(answer)))


def recorded(answer: Mapping[str, Any]) -> str:
    """Describe what became of a plan that was sent."""
    if answer["unchanged"]:
        return "This plan exists already; nothing was changed."
    said = "The plan is changed." if answer["changed"] else "The plan is saved."
    return " ".join([said, *answer["warnings"]])


def _withdraw(reader: Reader, user: User, kind: str, plan: str) -> None:
    answer, why = ask_api(
        "DELETE",
        f"/v1/calendar/{kind}/{quote(plan, safe='')}?user={quote(user.username)}",
        reader.settings.api_address,
        reader.settings.dashboard_key,
    )
    _say_after((False, why) if answer is None else (True, "The plan is withdrawn."))


def _say_after(what: tuple[bool, str]) -> None:
    st.session_state[SAID] = what
    st.rerun()
