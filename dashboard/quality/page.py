"""Quality: what came in that cannot be right, rule by rule, with the rows and a way to what they are about."""

from typing import Any

import pandas as pd
import streamlit as st

from catalog.frames import read_frame
from dashboard.freshness import data_state, foot_line
from dashboard.links import page_link
from dashboard.panels import rows_words
from dashboard.reader import Reader
from dashboard.theme import plain, plural, when
from dashboard.widgets import OPENS, clicked, table
from stocktide.foundation.users import User

# Numbers that only join: the codes beside them say what they mean.
KEYS = ("product_id", "location_id")
LABELS = {"sku": "SKU", "entry_id": "Ledger entry"}


def render(reader: Reader, _user: User) -> None:
    """Draw the page."""
    found = read_frame(reader.engine, "quality")
    if found.empty:
        st.info(
            "Nothing is checked yet. The worker checks every night; an operator can do it now: `stocktide quality`."
        )
        return
    st.markdown(headline(found))
    st.caption(
        f"Checked {when(found['checked_at'].max())}, of days from {found['since'].min():%-d %b %Y} on. Nothing is "
        "changed or left out because of a rule. Click a row for what fails."
    )
    event = table(rule_rows(found), "quality.rules", _columns(), **OPENS)
    chosen = clicked(event, len(found))
    if chosen is None:
        failing = found["failed"].gt(0)
        if not failing.any():
            return
        chosen = int(failing.to_numpy().argmax())
    _failing(reader, found.iloc[chosen])


def headline(found: pd.DataFrame) -> str:
    """Return the sentence above the rules."""
    serious = found[(found["failed"] > 0) & (found["severity"] != "notice")]
    if serious.empty:
        return f"**Nothing needs attention: {plural(len(found), 'rule')} checked.**"
    worst = serious.sort_values("failed", ascending=False).iloc[0]
    words = rule_name(worst["rule"]).lower()
    return (
        f"**{plural(len(serious), 'rule')} of {len(found)} found something.** Most: {words}, "
        f"{worst['failed']:,} of {worst['rows']:,} rows."
    )


def rule_name(rule: str) -> str:
    """Return a rule as people read it."""
    return rule.replace("_", " ").capitalize()


def rule_rows(found: pd.DataFrame) -> pd.DataFrame:
    """Build the table of rules."""
    return pd.DataFrame(
        {
            "rule": [rule_name(rule) for rule in found["rule"]],
            "severity": found["severity"].str.capitalize(),
            "failed": found["failed"],
            "rows": found["rows"],
            "trend": found["trend"],
            "what": found["what"],
        }
    )


def sample_rows(sample: list[dict[str, Any]]) -> pd.DataFrame:
    """Build the table of rows that fail: codes first, the numbers behind them left out."""
    rows = pd.DataFrame(sample).drop(columns=list(KEYS), errors="ignore")
    first = [name for name in ("sku", "location", "source", "day") if name in rows]
    return rows[[*first, *(name for name in rows if name not in first)]]


def _failing(reader: Reader, rule: Any) -> None:
    st.header(rule_name(rule["rule"]))
    st.caption(rule["what"])
    if not rule["sample"]:
        st.success("No row fails.")
        return
    rows = sample_rows(rule["sample"])
    names = [str(name) for name in rows.columns]
    labels = {name: LABELS.get(name, name.replace("_", " ").capitalize()) for name in names}
    event = table(rows, f"quality.rows.{rule['rule']}", labels, **OPENS)
    chosen = clicked(event, len(rows))
    if chosen is not None and "sku" in rows:
        sku = str(rows["sku"].iloc[chosen])
        page_link("products", f"Open **{plain(sku)}**", sku=sku)
    # no file is offered: the check keeps these rows alone
    words = f"{rows_words(len(rows), int(rule['failed']), 'failing row')}, the newest"
    foot_line(data_state(reader), words)


def _columns() -> dict[str, Any]:
    return {
        "rule": st.column_config.TextColumn("Rule", width="medium", pinned=True),
        "severity": "Severity",
        "failed": st.column_config.NumberColumn("Fail", format="localized"),
        "rows": st.column_config.NumberColumn("Of rows", format="localized"),
        "trend": st.column_config.LineChartColumn("Last checks", y_min=0),
        "what": st.column_config.TextColumn("What fails", width="large"),
    }
