"""Quality: what came in that cannot be right, rule by rule, with the rows and a way to what they are about."""

import io
from typing import Any

import httpx
import pandas as pd
import streamlit as st

from catalog.frames import read_frame
from dashboard.api_client import trusted, why_not
from dashboard.events.links import events_link
from dashboard.freshness import data_state
from dashboard.links import page_link
from dashboard.panels import rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.report_rows import AWAY
from dashboard.theme import plain, plural, when
from dashboard.widgets import OPENS, clicked, table
from stocktide.foundation.errors import Transient
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
    if chosen is not None:
        _lead_on(rows.iloc[chosen])
    words = f"{rows_words(len(rows), int(rule['failed']), 'failing row')}, the newest"
    name = str(rule["rule"])
    rows_foot(
        data_state(reader),
        words,
        key="quality.csv",
        file=name.replace("_", "-"),
        # the check keeps some rows alone; all that fail by now are looked up
        read=lambda: all_failing(reader, name),
    )


def _lead_on(row: Any) -> None:
    """Lead to the product of a row that fails, and to the events behind it."""
    if "sku" in row:
        page_link("products", f"Open **{plain(str(row['sku']))}**", sku=str(row["sku"]))
    day = pd.Timestamp(row["day"]).date()
    feed = "source" in row
    events_link(
        product=None if feed else str(row["sku"]),
        shop=str(row["location"]) if "location" in row else None,
        source=str(row["source"]) if feed else None,
        first=day,
        last=day,
        table="feeds_days" if feed else "movements",
    )


def all_failing(reader: Reader, rule: str) -> pd.DataFrame:
    """Read all rows that fail a rule by now, each value as text. Raises Transient."""
    settings = reader.settings
    try:
        answer = httpx.get(
            f"{settings.api_address}/v1/quality/{rule}",
            headers={"Authorization": f"Bearer {settings.dashboard_key}"},
            timeout=settings.query_seconds_max,
            verify=trusted(),
        )
    except httpx.HTTPError:
        raise Transient("quality_unread", AWAY) from None
    if not answer.is_success:
        raise Transient("quality_unread", why_not(answer))
    return pd.read_csv(io.BytesIO(answer.content), dtype=str, keep_default_na=False)


def _columns() -> dict[str, Any]:
    return {
        "rule": st.column_config.TextColumn("Rule", width="medium", pinned=True),
        "severity": "Severity",
        "failed": st.column_config.NumberColumn("Fail", format="localized"),
        "rows": st.column_config.NumberColumn("Of rows", format="localized"),
        "trend": st.column_config.LineChartColumn("Last checks", y_min=0),
        "what": st.column_config.TextColumn("What fails", width="large"),
    }
