"""Comparisons that were saved: listed, opened by a link, and applied."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.api_client import ask_api
from dashboard.feeds.fixing import SAID
from dashboard.reader import Reader
from dashboard.theme import plain
from dashboard.whatif.drawing import draw_comparison
from dashboard.whatif.words import assumed_words
from dashboard.widgets import OPENS, clicked, rows_key, table, time_column
from stocktide.foundation.users import User

# In the session: the comparison that was made last, what was asked and what came of it.
MADE = "whatif.made"
# The scenario of which something changed since it was compared.
CHANGED = "whatif.changed"
# How the API's refusal to apply it begins.
ASKS_AGAIN = "Since its figures were computed"
SAVED_MAX = 50


def draw_saved(reader: Reader, user: User, number: int) -> None:
    """Draw a comparison that was saved; planners apply its scenarios."""
    saved, why = ask_what_if(reader, "GET", f"/v1/what-if/saved/{number}")
    if st.button("All what-ifs", key="whatif.back", icon=":material/arrow_back:", type="tertiary"):
        st.query_params.pop("id", None)
        st.rerun()
    if saved is None:
        st.warning(plain(why))
        return
    st.header(plain(str(saved["name"])))
    when = pd.to_datetime(saved["made_at"])
    st.caption(
        f"Saved by {plain(str(saved['owner']))} on {when:%d %b %Y, %H:%M} UTC, with the figures of then. The address "
        "of this page can be shared."
    )
    draw_comparison(reader, saved["asked"], saved["answer"], key="saved")
    applied = {one["scenario"]: one for one in saved["applied"]}
    for scenario in saved["asked"]["scenarios"]:
        name = str(scenario["name"])
        if name in applied:
            st.markdown(f"{plain(name)} was applied by {plain(str(applied[name]['by']))}.")
        elif user.plans and st.button(
            f"Apply {name}", key=f"whatif.apply.{name}", help=f"Writes: {assumed_words(scenario)}."
        ):
            _apply(reader, user, number, name)
        if user.plans and st.session_state.get(CHANGED) == (number, name):
            st.caption(
                f"{plain(name)} was not applied yet: compare again, or apply it all the same."
            )
            if st.button(f"Apply {name} anyway", key=f"whatif.anyway.{name}"):
                _apply(reader, user, number, name, anyway=True)


def _apply(reader: Reader, user: User, number: int, name: str, *, anyway: bool = False) -> None:
    """Apply a scenario; where something changed since, its name is kept so that it can be applied all the same."""
    path = f"/v1/what-if/saved/{number}/apply"
    body = {"scenario": name, "user": user.username, "anyway": anyway}
    done, why = ask_what_if(reader, "POST", path, body)
    st.session_state.pop(CHANGED, None)
    if done is None and ASKS_AGAIN in why:
        st.session_state[CHANGED] = (number, name)
    st.session_state[SAID] = (done is not None, why if done is None else _wrote(done))
    st.rerun()


def _wrote(done: Mapping[str, Any]) -> str:
    """Describe what was written when a scenario was applied."""
    rows = ", ".join(f"{len(rows):,} of {kind}" for kind, rows in done["wrote"].items())
    return f"Applied. Rows written: {rows}. Take them back on their own pages."


def list_saved(reader: Reader) -> None:
    """List what is saved; a click opens it."""
    answer, why = ask_what_if(reader, "GET", f"/v1/what-if/saved?limit={SAVED_MAX}")
    if answer is None:
        st.warning(plain(why))
        return
    if not answer["saved"]:
        st.info("Nothing is saved yet. Compare scenarios, and save what you want to show or apply.")
        return
    st.header("Saved")
    frame = pd.DataFrame(answer["saved"])
    frame["made_at"] = pd.to_datetime(frame["made_at"])
    frame["applied"] = [", ".join(one["scenario"] for one in rows) for rows in frame["applied"]]
    columns = {
        "name": st.column_config.TextColumn("Name", pinned=True, width="medium"),
        "owner": "Saved by",
        "made_at": time_column("Saved"),
        "applied": "Applied",
    }
    key = f"whatif.list.{rows_key(frame['what_if_id'])}"
    event = table(frame[list(columns)], key, columns, **OPENS)
    row = clicked(event, len(frame))
    if row is not None:
        open_saved(int(frame["what_if_id"].iloc[row]))


def open_saved(number: int) -> None:
    """Go to a saved comparison."""
    st.session_state.pop(MADE, None)
    st.query_params["id"] = str(number)
    st.rerun()


def ask_what_if(
    reader: Reader, method: str, path: str, body: dict[str, Any] | None = None
) -> tuple[dict[str, Any] | None, str]:
    """Ask a route of what-ifs for its answer; None and why where there is none."""
    settings = reader.settings
    return ask_api(
        method, path, settings.api_address, settings.dashboard_key, body, not_done="Not done"
    )
