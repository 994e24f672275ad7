"""One reject on the Feeds page: its payload with the field that is wrong, both of a conflict, and its history."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.theme import plain, when
from dashboard.widgets import table

# The mark of the field that is wrong, and its width.
MARK = {"": st.column_config.TextColumn("", width="small")}


def show_reject(kept: Mapping[str, Any]) -> None:
    """Draw what was sent with the wrong field marked, both payloads of a conflict, and its history."""
    st.markdown(plain(kept["message"]))
    _show_payload(kept)
    hint = kept["hint"]
    if hint and hint["nearest"]:
        st.caption(f"Did you mean: {plain(', '.join(hint['nearest']))}")
    if kept["sent_again_at"]:
        at = when(pd.Timestamp(kept["sent_again_at"]).to_pydatetime())
        st.warning(f"It was sent again after it was {kept['state']}, most recently {at}.")
    st.caption(
        f"{kept['how_to_mend']} Feed {plain(kept['feed'])}, {plain(kept['content_type'] or 'no content type')}."
    )
    with st.expander("Original payload and history"):
        if kept["raw"]["truncated"]:
            st.caption(f"The first part of {kept['raw']['bytes']:,} bytes.")
        st.code(_as_text(kept["raw"]), language=None)
        for action in kept["actions"]:
            st.caption(plain(action_line(action)))


def _show_payload(kept: Mapping[str, Any]) -> None:
    payload = kept["mended"] or kept["raw"]
    if kept["conflict"] and kept["conflict"]["refused"]:
        table(conflict_table(kept["conflict"]), "feeds.conflict", MARK)
        return
    fields = payload_table(payload.get("text", ""), kept["field"])
    if fields.empty:
        st.code(_as_text(payload), language=None)
    else:
        table(fields, "feeds.payload", MARK)


def _as_text(payload: Mapping[str, Any]) -> str:
    return str(payload.get("text") or payload.get("base64") or "(nothing)")


def conflict_table(conflict: Mapping[str, Any]) -> pd.DataFrame:
    """Lay both payloads side by side: columns Field, Recorded, Refused, and a word where they differ."""
    recorded, refused = conflict["recorded"], conflict["refused"]
    fields = [*recorded, *(name for name in refused if name not in recorded)]
    # what differs is what one looks for
    fields.sort(key=lambda name: name not in conflict["differing"])
    return pd.DataFrame(
        {
            "": ["differs" if name in conflict["differing"] else "" for name in fields],
            "Field": fields,
            "Recorded": [_shown(recorded.get(name)) for name in fields],
            "Refused": [_shown(refused.get(name)) for name in fields],
        }
    )


def payload_table(text: str, field: str | None) -> pd.DataFrame:
    """List an event's fields, the wrong one first and marked; empty where the text is no JSON object.

    A missing field has a row, too: it is the fault.
    """
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return pd.DataFrame()
    if not isinstance(event, dict):
        return pd.DataFrame()
    data = event.pop("data", None)
    fields = dict(event)
    if isinstance(data, dict):
        fields |= {f"data.{name}": value for name, value in data.items()}
    elif data is not None:
        fields["data"] = data
    wrong = (
        field
        if field is None or field in fields or f"data.{field}" not in fields
        else f"data.{field}"
    )
    if wrong is not None:
        fields.setdefault(wrong, None)
    names = sorted(fields, key=lambda name: name != wrong)
    return pd.DataFrame(
        {
            "": ["wrong" if name == wrong else "" for name in names],
            "Field": names,
            "Value": [_shown(fields[name]) for name in names],
        }
    )


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def action_line(action: Mapping[str, Any]) -> str:
    """Write one line of a reject's history."""
    came = f", {action['outcome']}" if action["outcome"] else ""
    why = f" ({action['fault_message']})" if action["fault_message"] else ""
    at = when(pd.Timestamp(action["at"]).to_pydatetime())
    return f"{at}: {action['action']} by {action['by']}{came}{why}. Reason: {action['reason']}"
