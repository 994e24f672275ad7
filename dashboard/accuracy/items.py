"""The items whose forecast missed most money, with the likely cause; a click opens one."""

from typing import Any

import pandas as pd
import streamlit as st

from catalog.accuracy import likely_cause
from catalog.frames import read_frame
from dashboard.freshness import data_state
from dashboard.links import go_to
from dashboard.panels import AsSql, rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.theme import amount, distinct
from dashboard.widgets import OPENS, clicked, table

ROWS = 20


def items_panel(reader: Reader) -> None:
    """Draw the worst items of the last four weeks."""
    st.header("Items that missed most")
    found = read_frame(reader.engine, "accuracy_items", limit=ROWS)
    if found.empty:
        st.info("No day has been forecast and sold yet at the level of products.")
        return
    st.caption(
        "Last four weeks, each day by the newest forecast made before it; errors weighted by price. "
        "Click a row to open its forecast."
    )
    event = table(item_rows(found), "accuracy.items", _columns(), **OPENS)
    row = clicked(event, len(found))
    if row is not None:
        go_to("forecasts", node=str(found["node_id"].iloc[row]))
    rows_foot(
        data_state(reader),
        rows_words(len(found), int(found["found"].iloc[0]), "item"),
        key="accuracy.items.csv",
        file="forecast-errors-by-item",
        read=lambda: _with_causes(read_frame(reader.engine, "accuracy_items")).drop(
            columns=["sold", "expected", "found"]
        ),
        sql=AsSql(reader, "Forecast of items", "forecast_items"),
    )


def records_of(found: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as mappings by their columns' names."""
    return [{str(name): value for name, value in row.items()} for row in found.to_dict("records")]


def item_rows(found: pd.DataFrame) -> pd.DataFrame:
    """Build the table's rows. found: of the query accuracy_items."""
    records = records_of(found)
    products = found.drop_duplicates("sku")
    names = dict(
        zip(
            products["sku"],
            distinct(products["name"].tolist(), products["sku"].tolist()),
            strict=True,
        )
    )
    return pd.DataFrame(
        {
            "name": [names[sku] for sku in found["sku"]],
            "location": found["location"].tolist(),
            "money": [
                "no price" if pd.isna(row["money"]) else amount(row["money"], row["currency"])
                for row in records
            ],
            "cause": [likely_cause(row) for row in records],
            "err": found["err"].tolist(),
            "came": found["came"].tolist(),
            "sold": found["sold"].tolist(),
            "expected": found["expected"].tolist(),
        }
    )


def _with_causes(found: pd.DataFrame) -> pd.DataFrame:
    causes = [likely_cause(row) for row in records_of(found)]
    return found.assign(likely_cause=causes)


def _columns() -> dict[str, Any]:
    columns = st.column_config
    return {
        "name": columns.TextColumn("Product", width="medium", pinned=True),
        "location": "Location",
        "money": columns.TextColumn("Missed", help="Absolute errors at the price of the product."),
        "err": columns.NumberColumn("Units missed", format="%,.0f"),
        "came": columns.NumberColumn("Units sold", format="%,.0f"),
        "sold": columns.LineChartColumn("Sold", y_min=0),
        "expected": columns.LineChartColumn("Forecast", y_min=0),
        "cause": columns.TextColumn("Likely cause", width="medium"),
    }
