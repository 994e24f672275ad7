"""Overrides from a CSV file, as the page writes it."""

import io
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.overrides.form import put_overrides, say_after
from dashboard.overrides.words import FIELDS
from dashboard.reader import Reader
from stocktide.foundation.users import User


def import_file(reader: Reader, user: User) -> None:
    """Offer to record the overrides of a CSV file, as the page writes it."""
    with st.expander("Import a CSV file"):
        st.caption(
            f"Columns: {', '.join(FIELDS)}. Only change, value, from, to and reason are required."
        )
        file = st.file_uploader("CSV file", type="csv", key="overrides.file")
        if file is not None and st.button("Import", key="overrides.import"):
            bodies, why = bodies_of(file.getvalue())
            say_after((False, why) if why else put_overrides(reader, user, bodies))


def bodies_of(text: bytes) -> tuple[list[dict[str, Any]], str]:
    """Return the rows of a CSV as the API takes them, or why they cannot be read."""
    try:
        frame = pd.read_csv(io.BytesIO(text), dtype=str, keep_default_na=False)
    except (ValueError, UnicodeDecodeError) as error:
        return [], f"The file is not a CSV in UTF-8: {error}"
    rows = [
        {str(name): value.strip() for name, value in row.items() if value.strip()}
        for row in frame.to_dict("records")
    ]
    for number, row in enumerate(rows):
        try:
            row["value"] = float(row.get("value", ""))
        except ValueError:
            return [], f"Row {number + 1}: value {row.get('value', '')!r} is not a number."
    return rows, ""
