"""What rises and what fades: demand outside the interval that was forecast for the day, whatever its size or unit."""

import pandas as pd
import streamlit as st

from catalog.frames import read_frame
from catalog.state import in_words
from dashboard.freshness import data_state
from dashboard.links import go_to
from dashboard.panels import rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.theme import counted, distinct, quantity
from dashboard.widgets import OPENS, clicked, table

ROWS = 10
# A share of less than so many expected units says little.
FEW = 5.0


def surprises_panel(reader: Reader, location: str | None) -> None:
    """Draw the products that sold more, and those that sold less, than their intervals of the newest whole day."""
    state = data_state(reader)
    found = read_frame(reader.engine, "surprises", day=state.complete, location=location)
    st.header("Rising and fading")
    st.caption(
        f"Demand of {in_words(state.complete)} outside the 80 % interval that was forecast before it, the furthest "
        "outside first. Days out of stock are no fall. Click a row to open its product."
    )
    up = found["sold"] > found["expected"]
    for title, rows in (("Rising", found[up]), ("Fading", found[~up])):
        st.markdown(f"**{title}**")
        if rows.empty:
            st.caption(
                "Nothing: demand was inside its interval, or no forecast was made before that day."
            )
            continue
        shown = rows.head(ROWS)
        event = table(surprise_rows(shown), f"trending.{title}.{location}", _columns(), **OPENS)
        row = clicked(event, len(shown))
        if row is not None:
            go_to("products", sku=str(shown["sku"].iloc[row]))
        rows_foot(
            state,
            rows_words(len(shown), len(rows), "product"),
            key=f"trending.csv.{title}",
            file=title.lower(),
            read=rows.copy,
        )


def surprise_rows(found: pd.DataFrame) -> pd.DataFrame:
    """Build the table's rows: shares of what was expected, "few" where they would say little."""
    records = found.to_dict("records")
    return pd.DataFrame(
        {
            "name": distinct(found["name"].tolist(), found["sku"].tolist()),
            "against": [against(row["sold"], row["expected"]) for row in records],
            "sold": [counted(row["sold"], row["unit"]) for row in records],
            "interval": [f"{quantity(row['low'])} to {quantity(row['high'])}" for row in records],
            "department": found["department"].tolist(),
        }
    )


def against(sold: float, expected: float) -> str:
    """Describe demand as a share of what was expected: "+120 %"; few units are called so."""
    if max(sold, expected) < FEW or not expected:
        return "few units"
    return f"{100 * (sold / expected - 1):+.0f} %"


def _columns() -> dict[str, object]:
    text = st.column_config.TextColumn
    return {
        "name": text("Product", width="medium", pinned=True),
        "against": text("vs expected"),
        "sold": text("Sold"),
        "interval": text("80 % interval"),
        "department": text("Department"),
    }
