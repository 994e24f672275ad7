"""Saved queries of the page SQL: asked of the API on a user's behalf, opened by the address, saved by a form."""

from typing import Any
from urllib.parse import quote

import pandas as pd
import streamlit as st

from dashboard.api_client import ask_api
from dashboard.reader import Reader
from dashboard.sql.asking import AWAY
from dashboard.theme import plain, plural
from dashboard.widgets import OPENS, clicked, table
from stocktide.foundation.statement_parameters import names_in
from stocktide.foundation.users import User

TEXT, OPENED, TOLD = "sql.statement", "sql.opened", "sql.told"
# In the session: a statement that the next run puts into the editor.
NEXT = "sql.next"
# In the session, before a parameter's name: its value.
VALUE = "sql.value."
# Before the fields of the form that saves.
FORM = "sql.save."
QUERY, HANDED = "q", "h"
PLAIN = "As the page draws it"
MARKS = {"line": "Lines", "bar": "Bars", "point": "Points"}
FORMS = {"csv": "CSV", "parquet": "Parquet"}
NUMBERS = ("integer", "number")


def ask(
    reader: Reader, method: str, path: str, body: dict[str, Any] | None = None
) -> tuple[Any, str]:
    """Ask a route of queries; returns its answer, or None and the reason in words."""
    settings = reader.settings
    return ask_api(
        method,
        path,
        settings.api_address,
        settings.dashboard_key,
        body,
        away=AWAY,
        not_done="Not done",
    )


def open_asked(reader: Reader, user: User) -> None:
    """Put what the address names into the editor, once: a saved query, or what a panel handed over."""
    asked = {name: st.query_params[name] for name in (QUERY, HANDED) if name in st.query_params}
    if not asked or st.session_state.get(TOLD) == asked:
        return
    st.session_state[TOLD] = asked
    if QUERY in asked:
        path = f"/v1/saved-queries/{quote(asked[QUERY], safe='')}?user={quote(user.username)}"
        found, why = ask(reader, "GET", path)
    else:
        found, why = ask(reader, "GET", f"/v1/query/handovers/{quote(asked[HANDED], safe='')}")
    if found is None:
        st.error(plain(why))
        return
    # the form shows what was opened, not what was typed before
    for key in [key for key in st.session_state if str(key).startswith(FORM)]:
        del st.session_state[key]
    st.session_state[TEXT] = found["statement"]
    st.session_state[OPENED] = found
    for one in found.get("parameters", []):
        st.session_state[VALUE + one["name"]] = one["default"]


def opened() -> dict[str, Any] | None:
    """Return the saved query or hand-over that is in the editor, if one is."""
    found: dict[str, Any] | None = st.session_state.get(OPENED)
    return found


def opened_words(found: dict[str, Any], user: User) -> str:
    """Describe what was opened."""
    if "title" in found:
        return f"The figures of {plain(found['title'])}, as SQL."
    whose = "yours" if found["owner"] == user.username else f"of {plain(found['owner'])}"
    shared = ", shared" if found["shared"] else ""
    words = f"Saved query {plain(found['name'])}, {whose}{shared}."
    if found["schedule"]:
        due = str(found["due_at"])[:16].replace("T", " ")
        words += f" Exported as {FORMS[found['form']]}, next at {due} UTC."
    return words


def ask_values() -> dict[str, Any]:
    """Offer a field for each parameter that the statement names; returns their values, None for empty ones."""
    names = names_in(st.session_state[TEXT])
    kinds = {one["name"]: one["kind"] for one in (opened() or {}).get("parameters", [])}
    values: dict[str, Any] = {}
    if not names:
        return values
    with st.container(horizontal=True):
        for name in names:
            said = st.text_input(f"${name}", key=VALUE + name, width=200)
            values[name] = value_of(kinds.get(name, "text"), said or "")
    return values


def value_of(kind: str, said: str) -> Any:
    """Return a value as the API takes it; one that is not of its kind stays a text, and the answer says so."""
    if not said:
        return None
    try:
        if kind in NUMBERS:
            return int(said) if kind == "integer" else float(said)
    except ValueError:
        return said
    return said == "true" if kind == "boolean" else said


def draw_lists(reader: Reader, user: User) -> None:
    """Draw the saved queries and the user's latest statements, each opens on a click."""
    saved, history = st.tabs(["Saved queries", "Your latest statements"])
    with saved:
        path = f"/v1/saved-queries?user={quote(user.username)}"
        _list(reader, path, "queries", _saved_row, "No saved queries yet: run one, then save it.")
    with history:
        path = f"/v1/query/history?user={quote(user.username)}"
        _list(reader, path, "statements", _history_row, "You have run no statements yet.")


def _list(reader: Reader, path: str, name: str, row: Any, empty: str) -> None:
    found, why = ask(reader, "GET", path)
    if found is None:
        st.error(plain(why))
        return
    rows = found[name]
    if not rows:
        st.caption(empty)
        return
    frame = pd.DataFrame([row(one) for one in rows])
    shown = frame.drop(columns=["opens"])
    event = table(shown, f"sql.list.{name}", {}, height=240, **OPENS)
    st.caption(f"{plural(len(rows), 'row')}, click one to open it.")
    chosen = clicked(event, len(rows))
    if chosen is not None and st.session_state.get("sql.clicked") != (name, chosen):
        st.session_state["sql.clicked"] = (name, chosen)
        _open(frame["opens"][chosen])


def _open(what: Any) -> None:
    """Open a saved query by its number, or a statement by its text, in the next run: the editor is drawn by now."""
    if isinstance(what, str):
        st.session_state[NEXT] = what
        st.query_params.pop(QUERY, None)
    else:
        st.query_params[QUERY] = str(what)
    st.query_params.pop(HANDED, None)
    st.rerun()


def _saved_row(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "Name": one["name"],
        "Owner": one["owner"],
        "Shared": "yes" if one["shared"] else "no",
        "Schedule (UTC)": one["schedule"] or "",
        "Changed": str(one["updated_at"])[:16].replace("T", " "),
        "opens": int(one["query_id"]),
    }


def _history_row(one: dict[str, Any]) -> dict[str, Any]:
    outcome = str(one["outcome"] or "running")
    return {
        "Run at (UTC)": str(one["started_at"])[:16].replace("T", " "),
        "Statement": " ".join(one["statement"].split())[:200],
        "Outcome": outcome.replace("_", " "),
        "Rows": one["rows"],
        "opens": str(one["statement"]),
    }
