"""The form of an override: enter one, see what it does, change or withdraw one that is there."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pandas as pd
import streamlit as st

from dashboard.api_client import ask_api
from dashboard.charts import draw_chart
from dashboard.feeds.fixing import SAID
from dashboard.overrides.fields import ask_override, asked_for
from dashboard.overrides.figures import before_and_after
from dashboard.reader import Reader
from dashboard.theme import plain, roles
from dashboard.widgets import rows_key
from stocktide.foundation.users import User

# Below it a change is as large as what forecasts are off anyway (Fildes, Goodwin, Lawrence and Nikolopoulos 2009).
SMALL = 0.05
# In the session: the override that was previewed last, and what the API said.
SHOWN = "overrides.preview"


def enter_override(reader: Reader, user: User) -> None:
    """Draw the form of a new override; preview it, and record it."""
    st.header("New override")
    scope = asked_for()
    key = "new" if scope is None else rows_key(scope.items())
    body, lacking = ask_override(reader, key, None, scope=scope)
    _buttons(reader, user, body, lacking, save="Save override")


def change_override(reader: Reader, user: User, override: Mapping[str, Any]) -> None:
    """Draw the form of an override that is there; save its change, or withdraw it."""
    st.header(f"Override for {plain(override['for_what'])}, {plain(override['where'])}")
    st.caption(
        f"Recorded by {plain(str(override['recorded_by']))}, id {plain(str(override['override']))}. A change replaces "
        "it and applies last; the history keeps both."
    )
    body, lacking = ask_override(reader, str(override["override_id"]), override)
    _buttons(reader, user, body, lacking, save="Save change")
    if st.button("Withdraw", key="overrides.withdraw"):
        path = (
            f"/v1/overrides/{quote(str(override['override']), safe='')}?user={quote(user.username)}"
        )
        answer, why = _ask_api(reader, "DELETE", path)
        say_after((True, "The override is withdrawn.") if answer is not None else (False, why))


def _buttons(reader: Reader, user: User, body: dict[str, Any], lacking: str, *, save: str) -> None:
    with st.container(horizontal=True):
        wants_preview = st.button("Preview", key="overrides.preview.ask")
        wants_save = st.button(save, key="overrides.save", type="primary")
    if (wants_preview or wants_save) and lacking:
        st.warning(f"Enter: {lacking}.")
        return
    if wants_save:
        say_after(put_overrides(reader, user, [body]))
    if wants_preview:
        st.session_state[SHOWN] = (
            body,
            *_ask_api(reader, "POST", "/v1/overrides/preview", _put(user, [body])),
        )
    previewed, answer, why = st.session_state.get(SHOWN, (None, None, ""))
    if previewed == body:
        _draw_preview(answer, why)


def _draw_preview(answer: Mapping[str, Any] | None, why: str) -> None:
    if answer is None:
        st.warning(plain(why))
        return
    for why in answer["warnings"]:
        st.warning(plain(why))
    draw_chart(before_and_after(answer, roles()), "overrides.preview.chart")
    was, now = float(answer["published"]), float(answer["adjusted"])
    if was > 0 and 0 < abs(now / was - 1) < SMALL:
        st.caption(
            f"This moves the forecast of {pd.to_datetime(answer['days'][0]['ds']):%d %b} to "
            f"{pd.to_datetime(answer['days'][-1]['ds']):%d %b} by less than {SMALL:.0%}".replace(
                "%", " %"
            )
            + ". Changes this small seldom improve a forecast; see Value added for your own."
        )


def put_overrides(reader: Reader, user: User, bodies: list[dict[str, Any]]) -> tuple[bool, str]:
    """Record overrides; return whether it was done and reaches something, and what came of it in words."""
    answer, why = _ask_api(reader, "PUT", "/v1/overrides", _put(user, bodies))
    return (False, why) if answer is None else (not answer["warnings"], _said(answer))


def _put(user: User, bodies: list[dict[str, Any]]) -> dict[str, Any]:
    return {"overrides": bodies, "user": user.username}


def _said(answer: Mapping[str, Any]) -> str:
    """Describe what became of overrides that were sent."""
    if answer["recorded"] + answer["changed"] == 0:
        return "Nothing is new: all of it stands there already."
    said = f"Saved: {answer['recorded']:,} new, {answer['changed']:,} changed."
    return " ".join([said, *(answer["warnings"] or ["Forecast and orders follow."])])


def say_after(what: tuple[bool, str]) -> None:
    """Draw the page again, and say on it what came of a change."""
    st.session_state[SAID] = what
    st.session_state.pop(SHOWN, None)
    st.rerun()


def _ask_api(
    reader: Reader, method: str, path: str, body: dict[str, Any] | None = None
) -> tuple[dict[str, Any] | None, str]:
    settings = reader.settings
    return ask_api(
        method, path, settings.api_address, settings.dashboard_key, body, not_done="Not saved"
    )
