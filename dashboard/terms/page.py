"""Terms: suppliers, what they sell, targets, costs, limits and budgets, as tables that buyers edit."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.api_client import ask_api
from dashboard.feeds.fixing import SAID
from dashboard.freshness import data_state
from dashboard.panels import rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.terms.choosing import LEAD_TIMES, MISSING, choose_kind
from dashboard.terms.lead_times import draw_lead_times
from dashboard.terms.words import KINDS, TermKind
from dashboard.theme import plain
from dashboard.widgets import ROW_PX, table
from stocktide.foundation.users import User

AWAY = "The API does not answer, so terms cannot be read. See `stocktide status`."
PAGE, ROWS_MAX = 500, 5_000
READ_ONLY = "Buyers, planners and operators change terms."


def render(reader: Reader, user: User) -> None:
    """Draw the terms of a kind; who may change them edits the table."""
    if SAID in st.session_state:
        done, said = st.session_state.pop(SAID)
        (st.success if done else st.warning)(plain(said))
    name = choose_kind()
    if name == MISSING:
        _missing(reader)
        return
    if name == LEAD_TIMES:
        _lead_times(reader)
        return
    kind, state = KINDS[name], data_state(reader)
    st.markdown(kind.about)
    terms, why = read_terms(reader, name)
    if why:
        st.warning(plain(why))
        return
    shown = frame_of(kind, terms)
    if not terms:
        st.info(
            f"No {kind.title.lower()} yet. Add a row below, or import a file: see docs/terms.md."
        )
    edited = st.data_editor(
        shown,
        key=f"terms.{name}.{max((term['term_id'] for term in terms), default=0)}.{len(terms)}",
        column_config=dict(kind.columns),
        num_rows="dynamic" if user.buys else "fixed",
        disabled=not user.buys,
        hide_index=True,
        placeholder="",
        row_height=ROW_PX,
        width="stretch",
    )
    if not user.buys:
        st.caption(READ_ONLY)
    elif _save_button(is_changed=not edited.equals(shown)):
        st.session_state[SAID] = save(reader, user.username, name, terms, edited)
        st.rerun()
    rows_foot(
        state,
        rows_words(len(terms), len(terms), "row"),
        key="terms.csv",
        file=name,
        read=lambda: frame_of(kind, read_terms(reader, name)[0]),
    )


def _missing(reader: Reader) -> None:
    """Draw the worklist: what nobody has said, and what orders go by meanwhile."""
    answer, why = _ask(reader, "GET", f"/v1/orders/missing?limit={PAGE}")
    if answer is None:
        st.warning(plain(why))
        return
    st.markdown(
        "What nobody has said of products whose stock is known, and what orders go by meanwhile."
    )
    if not answer["missing"]:
        st.info(
            "Nothing is missing: each product with stock has a supplier, a price, a pack and a lead time."
        )
        return
    columns = {
        "name": st.column_config.TextColumn("Product", pinned=True, width="medium"),
        "what": "Missing",
        "default": st.column_config.TextColumn("Orders go by", width="medium"),
        "shelves": "Shelves",
        "worth": st.column_config.NumberColumn(
            "On hand is worth", format="%.0f", help="At selling prices, whatever the currency."
        ),
        "product": "SKU",
    }
    frame = pd.DataFrame(answer["missing"], columns=list(columns))
    table(frame, "terms.missing", columns)
    rows_foot(
        data_state(reader),
        rows_words(len(frame), answer["found"], "thing"),
        key="terms.missing.csv",
        file="missing",
        read=lambda: frame,
    )


def _lead_times(reader: Reader) -> None:
    answer, why = _ask(reader, "GET", f"/v1/lead-times?limit={PAGE}")
    if answer is None:
        st.warning(plain(why))
        return
    draw_lead_times(reader, answer["lead_times"])


def _save_button(*, is_changed: bool) -> bool:
    """Draw the button; one that saves nothing does not stand out."""
    look: Any = "primary" if is_changed else "secondary"
    return st.button("Save", key="terms.save", type=look, disabled=not is_changed)


def read_terms(reader: Reader, name: str) -> tuple[list[dict[str, Any]], str]:
    """Return all rows of a kind that are in force, or why there are none."""
    rows: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None and len(rows) < ROWS_MAX:
        answer, why = _ask(reader, "GET", f"/v1/terms/{name}?after={after}&limit={PAGE}")
        if answer is None:
            return [], why
        rows += answer[name.replace("-", "_")]
        after = answer["next"]
    return rows, ""


def frame_of(kind: TermKind, terms: list[dict[str, Any]]) -> pd.DataFrame:
    """Build the table's rows; days as days, a column without any value as text or number as it is edited."""
    frame = pd.DataFrame(
        [{name: term[name] for name in kind.columns} for term in terms], columns=list(kind.columns)
    )
    for name, column in kind.columns.items():
        what = column["type_config"]["type"]
        if what == "date":
            frame[name] = pd.to_datetime(frame[name]).dt.date
        elif what == "number":
            frame[name] = pd.to_numeric(frame[name]).astype(float)
        elif what == "text":
            frame[name] = frame[name].astype("string")
    return frame


def save(
    reader: Reader, user: str, name: str, terms: list[dict[str, Any]], edited: pd.DataFrame
) -> tuple[bool, str]:
    """Put the rows that were changed or added, and withdraw those that are gone; what came of it in words."""
    kind = KINDS[name]
    about = list(kind.columns)[: kind.key]
    rows = [row for row in map(_told, edited.to_dict("records")) if _says(row)]
    before = {
        _key(told, about): (told, str(term["id"]))
        for term in terms
        for told in [_told({column: term[column] for column in kind.columns})]
    }
    kept = {_key(row, about) for row in rows}
    # a row that stays is not sent: somebody else may have changed it since
    sent = [row for row in rows if row != before.get(_key(row, about), ({}, ""))[0]]
    body = {name.replace("-", "_"): sent, "user": user}
    done, why = _ask(reader, "PUT", f"/v1/terms/{name}", body)
    if done is None:
        return False, why
    gone = [term_id for key, (_, term_id) in before.items() if key not in kept]
    for term_id in gone:
        answer, why = _ask(reader, "DELETE", f"/v1/terms/{name}/{term_id}?user={user}")
        if answer is None:
            return False, why
    counts = f"{done['recorded']:,} added, {done['changed']:,} changed, {len(gone):,} withdrawn."
    said = counts + _erased_words(kind, done["erased"])
    return not done["warnings"], " ".join([said, *done["warnings"]])


def _erased_words(kind: TermKind, erased: Mapping[str, int]) -> str:
    """Say in how many rows a column was emptied."""
    columns = (
        f"{kind.columns[name]['label']} of {count:,} row{'s'[: count != 1]}"
        for name, count in erased.items()
    )
    return f" Emptied: {', '.join(columns)}." if erased else ""


def _told(row: dict[Any, Any]) -> dict[str, Any]:
    """Return the cells of a row as the API takes them: one that is empty erases what was known."""
    return {str(name): _cell(value) for name, value in row.items()}


def _cell(value: Any) -> Any:
    if pd.isna(value) or value == "":
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _says(row: Mapping[str, Any]) -> bool:
    """Return True if any cell of a row says something."""
    return any(value is not None for value in row.values())


def _key(row: Mapping[str, Any], about: list[str]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in about)


def _ask(
    reader: Reader, method: str, path: str, body: dict[str, Any] | None = None
) -> tuple[dict[str, Any] | None, str]:
    settings = reader.settings
    return ask_api(
        method,
        path,
        settings.api_address,
        settings.dashboard_key,
        body,
        away=AWAY,
        not_done="Not saved",
    )
