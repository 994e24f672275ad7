"""SQL: ask what no page answers, over the lake and what was recorded a second ago."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.friendly_errors import isolated
from dashboard.reader import Reader
from dashboard.sql.asking import Asking, read_schema, watched
from dashboard.sql.figures import chart_columns, frame_of, result_chart, saved_chart
from dashboard.sql.keeping import (
    NEXT,
    OPENED,
    TEXT,
    ask_values,
    draw_lists,
    open_asked,
    opened,
    opened_words,
)
from dashboard.sql.saving import draw_saving
from dashboard.theme import plain, plural, roles
from dashboard.widgets import table
from stocktide.foundation.users import User

FIRST = "SELECT day, currency, sum(revenue) AS revenue\nFROM daily_demand\nGROUP BY day, currency\nORDER BY day"
OWN = "A statement of your own"
EXPORTS = {
    "CSV": ("text/csv", "result.csv"),
    "Parquet": ("application/vnd.apache.parquet", "result.parquet"),
}
RESULT, METRIC = "sql.result", "sql.metric"


def render(reader: Reader, user: User) -> None:
    """Draw the page."""
    if user.role == "viewer":
        st.info(
            "Planners and operators can ask in SQL. An operator can give you that role: `stocktide users role`."
        )
        return
    known, why = read_schema(reader)
    if known is None:
        st.error(why)
        return
    if known["off"]:
        st.warning(f"SQL is off on this installation: {known['off']}")
        return
    st.session_state.setdefault(TEXT, FIRST)
    chosen = st.session_state.pop(NEXT, None)
    if chosen is not None:
        st.session_state[TEXT] = chosen
        st.session_state.pop(OPENED, None)
    open_asked(reader, user)
    _editor(reader, user, known["metrics"])
    result = st.session_state.get(RESULT)
    if result is not None:
        _result(reader, user, result)
    answer = (result or {}).get("answer") or {}
    draw_saving(reader, user, [one["name"] for one in answer.get("columns", [])])
    draw_lists(reader, user)
    _schema(known["tables"])


def _editor(reader: Reader, user: User, metrics: list[dict[str, str]]) -> None:
    named = {one["name"]: one for one in metrics}

    def take() -> None:
        chosen = st.session_state[METRIC]
        if chosen in named:
            st.session_state[TEXT] = named[chosen]["statement"]
            st.session_state.pop(OPENED, None)

    chosen = st.selectbox("Start from", [OWN, *named], key=METRIC, on_change=take)
    if chosen in named:
        st.caption(plain(named[chosen]["definition"]))
    found = opened()
    if found is not None:
        st.caption(opened_words(found, user))
    with st.form("sql.form", border=False):
        st.text_area("Statement", key=TEXT, height=180, help="One SELECT. Ctrl+Enter runs it.")
        values = ask_values()
        asked = st.form_submit_button("Run", icon=":material/play_arrow:", type="primary")
    if asked:
        done = watched(Asking(reader, user, st.session_state[TEXT], parameters=values))
        st.session_state[RESULT] = {
            "statement": done.statement,
            "parameters": values,
            "why": done.why,
            "answer": None if done.answer is None else done.answer.json(),
        }


def _result(reader: Reader, user: User, result: dict[str, Any]) -> None:
    if result["answer"] is None:
        st.error(plain(result["why"]))
        return
    answer = result["answer"]
    frame = frame_of(answer)
    if result["statement"] != st.session_state[TEXT]:
        st.caption("Of the statement before your changes.")
    if frame.empty:
        st.info("0 rows: nothing fits the statement.")
        return
    with isolated("chart"):
        _chart(frame, (opened() or {}).get("chart"))
    table(frame, "sql.table", _columns_of(answer, frame), height=400)
    st.caption(foot_of(answer))
    if not answer["complete"]:
        st.info("The table shows the first rows alone. Each file below has all of them.")
    _exports(reader, user, result)


def _columns_of(answer: dict[str, Any], frame: pd.DataFrame) -> dict[str, Any]:
    """Return how columns are written: days without a time."""
    kinds = zip(frame, answer["columns"], strict=True)
    days = [name for name, column in kinds if column["type"].startswith("date")]
    return {str(name): st.column_config.DateColumn(format="YYYY-MM-DD") for name in days}


def _chart(frame: pd.DataFrame, saved: dict[str, Any] | None) -> None:
    if saved is not None and {saved["x"], saved["y"]} <= {*frame}:
        chart = saved_chart(frame, roles(), saved)
        st.altair_chart(chart, width="stretch", key="sql.chart")
        return
    day, numbers, text = chart_columns(frame)
    if day is None or not numbers:
        return
    number = numbers[0]
    if len(numbers) > 1:
        number = st.selectbox("Chart of", numbers, key="sql.number") or number
    chart = result_chart(frame, roles(), day=day, number=number, text=text)
    st.altair_chart(chart, width="stretch", key="sql.chart")


def foot_of(answer: dict[str, Any]) -> str:
    """Return how many rows are shown of how many, how long it took, and as of when the tables were."""
    shown, found = answer["shown"], answer["found"]
    of = "more than could be counted" if found is None else f"{found:,}"
    parts = [
        plural(shown, "row")
        if answer["complete"]
        else f"{shown:,} rows of {of}; the export has all"
    ]
    if "snapshot_at" in answer:
        parts.append(f"as of {answer['snapshot_at'][:19]} UTC")
    if "daily_demand_version" in answer:
        parts.append(
            f"daily demand of lake version {answer['daily_demand_version']}, up to the last ETL run"
        )
    return " · ".join([*parts, f"{answer['seconds']:.1f} s"])


def _exports(reader: Reader, user: User, result: dict[str, Any]) -> None:
    places = st.columns(len(EXPORTS) + 2)
    for place, (name, (media, file)) in zip(places, EXPORTS.items(), strict=False):
        with place:
            if not st.button(f"All rows as {name}", key=f"sql.{name}"):
                continue
            asking = Asking(reader, user, result["statement"], media, result["parameters"])
            done = watched(asking)
            if done.answer is None:
                st.error(plain(done.why))
            else:
                label = f"Save {file} ({plural(int(done.answer.headers['stocktide-rows']), 'row')})"
                st.download_button(label, done.answer.content, file, media, key=f"sql.save.{name}")


def _schema(tables: list[dict[str, Any]]) -> None:
    st.header("Tables")
    known = {one["name"]: one for one in tables}
    name = st.selectbox("Table", list(known), key="sql.browse")
    chosen = known[name or next(iter(known))]
    st.caption(plain(chosen["description"]))
    described = chosen["columns"]
    columns = pd.DataFrame({"column": list(described), "meaning": list(described.values())})
    meaning = st.column_config.TextColumn("Meaning", width="large")
    table(columns, "sql.columns", {"column": "Column", "meaning": meaning})
