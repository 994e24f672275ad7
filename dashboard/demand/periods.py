"""Demand by period of the fiscal calendar, beside the same period of the year before."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.demand.asking import NONE_ALIKE, Scope, of_unit_above
from dashboard.fiscal import SHOPS, calendar_words, fiscal_asked, period_name
from dashboard.glossary import tip
from dashboard.panels import rows_words
from dashboard.sums import amount_column
from dashboard.theme import days_between, unit_word
from dashboard.widgets import switch, table


def periods_panel(scope: Scope) -> None:
    """Draw a row a period, the newest first."""
    st.header("Fiscal periods", help=tip("fiscal calendar"))
    alike = switch("period_shops", "Shops", SHOPS) == "like"
    settings = scope.reader.settings
    asked = scope.ask("demand_periods", like_for_like=alike, **fiscal_asked(settings))
    rows = scope.rows(asked, scope.nothing(NONE_ALIKE) if alike else "")
    if rows is None:
        return
    # the unit is chosen above, with the hours
    mine, code = of_unit_above(rows, rows.groupby("unit")["sold"].sum())
    unit = unit_word(code)
    shown = period_rows(mine, scope)
    table(shown, "demand.periods", _columns(shown, unit))
    st.caption(calendar_words(settings))
    words = rows_words(len(mine), len(rows), "period")
    scope.foot(words, rows, asked, "Demand by fiscal period")


def period_rows(rows: pd.DataFrame, scope: Scope) -> pd.DataFrame:
    """Build the table. rows: of demand_periods, in one unit; what was before the data began is not compared with."""
    settings, today = scope.reader.settings, scope.state.today
    known = rows["comparable"].fillna(False).astype(bool) & (rows["sold_before"] > 0)
    names = [
        period_name(settings, year=int(year), period=int(period), first=first)
        for year, period, first in zip(rows["year"], rows["period"], rows["first"], strict=True)
    ]
    return pd.DataFrame(
        {
            "period": [
                name if over else f"{name}, so far"
                for name, over in zip(names, rows["complete"], strict=True)
            ],
            "days": [
                days_between(first, last, today=today)
                for first, last in zip(rows["first"], rows["last"], strict=True)
            ],
            "sold": rows["sold"].round(1),
            "sold_before": rows["sold_before"].round(1).where(known),
            "change": (100 * (rows["sold"] / rows["sold_before"].where(known) - 1)),
            "net_sales": rows["net_sales"],
            "currency": rows["currency"],
            "shops": rows["shops"],
        }
    )


def _columns(shown: pd.DataFrame, unit: str) -> dict[str, Any]:
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    columns = {
        "period": text("Period", pinned=True),
        "days": text("Days"),
        "sold": number(f"Sold, {unit}", format="localized"),
        "sold_before": number("Year before", format="localized"),
        "change": number("vs year before", format="%+.1f %%", help="Empty where there is none."),
        "net_sales": amount_column(shown, "net_sales", "Net sales"),
        "shops": number("Shops"),
    }
    return {**columns, "currency": None}
