"""The form that saves a query of the page SQL, and the files that its schedule wrote."""

from typing import Any
from urllib.parse import quote

import pandas as pd
import streamlit as st

from dashboard.reader import Reader
from dashboard.sql.keeping import (
    FORMS,
    HANDED,
    MARKS,
    OPENED,
    PLAIN,
    QUERY,
    TEXT,
    TOLD,
    VALUE,
    ask,
    opened,
)
from dashboard.theme import plain
from dashboard.widgets import table
from stocktide.foundation.statement_parameters import names_in
from stocktide.foundation.users import User

NONE = "None"


def draw_saving(reader: Reader, user: User, columns: list[str]) -> None:
    """Offer to save the statement of the editor. columns: of its result, for the chart."""
    found = opened() or {}
    own = found.get("owner") == user.username
    with st.expander("Save this query"), st.form("sql.save.form", border=False):
        name = st.text_input("Name", value=found.get("name", ""), key="sql.save.name")
        shared = st.checkbox(
            "Share with everybody who may ask in SQL",
            value=bool(found.get("shared")),
            key="sql.save.shared",
        )
        chart = _chart(columns, found.get("chart"))
        schedule, form = _schedule(found)
        label = "Save changes" if own else "Save"
        if st.form_submit_button(label, icon=":material/save:"):
            body = {
                "name": name, "statement": st.session_state[TEXT], "shared": shared, "chart": chart,
                "parameters": _parameters(found), "schedule": schedule or None, "form": form, "user": user.username,
            }  # fmt: skip
            _send(reader, found["query_id"] if own else None, body)
    if own:
        _own(reader, user, found)


def _parameters(found: dict[str, Any]) -> list[dict[str, str]]:
    """Return the parameters of the statement, with the values in the fields as their defaults."""
    kinds = {one["name"]: one["kind"] for one in found.get("parameters", [])}
    return [
        {
            "name": name,
            "kind": kinds.get(name, "text"),
            "default": st.session_state.get(VALUE + name) or "",
        }
        for name in names_in(st.session_state[TEXT])
    ]


def _chart(columns: list[str], before: dict[str, Any] | None) -> dict[str, Any] | None:
    known = [*columns, *(one for one in (before or {}).values() if one and one not in columns)]
    known = [one for one in known if one not in MARKS]
    if not known:
        return before
    marks = [PLAIN, *MARKS]
    chosen = before or {"mark": PLAIN, "x": known[0], "y": known[-1], "colour": None}
    with st.container(horizontal=True):
        mark = st.selectbox(
            "Chart",
            marks,
            index=marks.index(chosen["mark"]),
            format_func=lambda one: MARKS.get(one, one),
            key="sql.save.mark",
            width=200,
        )
        axes = {
            axis: st.selectbox(
                label, known, index=known.index(chosen[axis]), key=f"sql.save.{axis}", width=160
            )
            for axis, label in (("x", "Across"), ("y", "Up"))
        }
        colours = [NONE, *known]
        colour = st.selectbox(
            "Colour",
            colours,
            index=colours.index(chosen["colour"] or NONE),
            key="sql.save.colour",
            width=160,
        )
    if mark == PLAIN:
        return None
    return {"mark": mark, **axes, "colour": None if colour == NONE else colour}


def _schedule(found: dict[str, Any]) -> tuple[str, str]:
    with st.container(horizontal=True):
        schedule = st.text_input(
            "Export at (cron line, UTC)",
            value=found.get("schedule") or "",
            key="sql.save.schedule",
            help="Such as 0 6 * * 1: Mondays at six. Empty: not exported by itself. Files have all rows, and lie "
            "under HOME/exports.",
            width=260,
        )
        forms = list(FORMS)
        form = st.selectbox(
            "As",
            forms,
            index=forms.index(found.get("form") or "csv"),
            format_func=lambda one: FORMS[one],
            key="sql.save.as",
            width=160,
        )
    return schedule, form or "csv"


def _send(reader: Reader, query_id: int | None, body: dict[str, Any]) -> None:
    if query_id is None:
        done, why = ask(reader, "POST", "/v1/saved-queries", body)
    else:
        done, why = ask(reader, "PUT", f"/v1/saved-queries/{query_id}", body)
    if done is None:
        st.error(plain(why))
        return
    st.query_params.pop(HANDED, None)
    st.query_params[QUERY] = str(done["query_id"])
    # as it is stored
    st.session_state.pop(TOLD, None)
    st.rerun()


def _own(reader: Reader, user: User, found: dict[str, Any]) -> None:
    """Draw the exports of an own query, and offer to delete it."""
    if found["exports"]:
        frame = pd.DataFrame(
            {
                "Began (UTC)": str(one["started_at"])[:16].replace("T", " "),
                "File": one["file"] or "",
                "Rows": one["rows"],
                "Error": one["error"] or "",
            }
            for one in found["exports"]
        )
        st.caption(f"Exports, newest first. Files are in exports/{found['query_id']} of the home.")
        table(frame, "sql.exports", {})
    if st.button("Delete this query", key="sql.delete", type="tertiary"):
        path = f"/v1/saved-queries/{found['query_id']}?user={quote(user.username)}"
        done, why = ask(reader, "DELETE", path)
        if done is None:
            st.error(plain(why))
            return
        st.query_params.pop(QUERY, None)
        st.session_state.pop(OPENED, None)
        st.rerun()
