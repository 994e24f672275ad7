"""What the panels of the page ask for: reports narrowed by the page's filters, in one unit at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from catalog.state import DataState
from dashboard.filters import Filters
from dashboard.panels import rows_foot
from dashboard.reader import Reader
from dashboard.report_rows import Asked, come_from
from dashboard.theme import plain, unit_word

# What answers only from a year on, whatever the period of the page: seasons, prices, promotions, baskets.
YEAR_DAYS = 364


@dataclass(frozen=True)
class Scope:
    """What the page shows: filters, and the state of the data."""

    reader: Reader
    filters: Filters
    state: DataState

    def ask(self, report: str, **more: Any) -> Asked:
        """Ask for a report of what the page shows."""
        given: Mapping[str, Any] = {**self.filters.asked, "open": self.state.open_from, **more}
        return Asked(
            self.reader, report, {name: value for name, value in given.items() if value is not None}
        )

    def nothing(self, what: str) -> None:
        """Say that there is nothing to draw, and what it was asked of."""
        whose = f" of {plain(self.filters.words)}" if self.filters.words else ""
        st.info(f"{what}{whose} in these days. Choose another shop, category or period.")

    def foot(self, words: str, rows: pd.DataFrame, asked: Asked, title: str) -> None:
        """Write a panel's foot: rows of found, as of when, CSV and SQL."""
        rows_foot(
            self.state,
            self.filters.among(words),
            key=f"demand.{asked.name}",
            file=asked.name.replace("_", "-"),
            read=rows.copy,
            sql=asked.as_sql(title),
            help=come_from(rows),
        )


def of_one_unit(rows: pd.DataFrame, units: "pd.Series[float]") -> tuple[pd.DataFrame, str]:
    """Narrow rows to one unit, for kg are never added to pieces; the unit that sells most unless another is chosen.

    units: what sold by unit. Returns the rows and the unit as it reads after a number.
    """
    order = [str(unit) for unit in units.sort_values(ascending=False).index]
    chosen = order[0]
    if len(order) > 1:
        picked = st.selectbox(
            "Counted in", order, format_func=unit_word, key="unit", bind="query-params", width=240
        )
        chosen = str(picked or chosen)
    return rows[rows["unit"] == chosen], unit_word(chosen)
