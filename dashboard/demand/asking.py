"""What the panels of the page ask for: reports narrowed by the page's filters, in one unit at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from catalog.state import DataState
from dashboard.demand.narrowing import Narrowed
from dashboard.filters import Filters
from dashboard.panels import rows_foot
from dashboard.reader import Reader
from dashboard.report_rows import Asked, come_from, report_rows
from dashboard.theme import plain, unit_word

# What answers only from a year on, whatever the period of the page: seasons, prices, promotions, baskets.
YEAR_DAYS = 364
NONE_ALIKE = "No shop sold in both periods, and so nothing"


@dataclass(frozen=True)
class Scope:
    """What the page shows: filters, the state of the data, and what some panels are narrowed to beside the filters."""

    reader: Reader
    filters: Filters
    state: DataState
    narrowed: Narrowed

    @property
    def days(self) -> int:
        """Return the days that a narrowed panel looks back: a month of the year is in a whole year alone."""
        return self.filters.days if self.narrowed.month is None else YEAR_DAYS

    def ask(self, report: str, **more: Any) -> Asked:
        """Ask for a report of what the page shows."""
        given: Mapping[str, Any] = {**self.filters.asked, "open": self.state.open_from, **more}
        return Asked(
            self.reader, report, {name: value for name, value in given.items() if value is not None}
        )

    def ask_narrowed(self, report: str, **more: Any) -> Asked:
        """Ask for a report of what the page is narrowed to."""
        return self.ask(report, days=self.days, **self.narrowed.asked, **more)

    def rows(self, asked: Asked, nothing: str = "") -> pd.DataFrame | None:
        """Read what a panel draws; None where it cannot be had or is empty, and the panel says so.

        nothing: the sentence about an empty one; that nothing sold where it is left out.
        """
        rows = report_rows(asked)
        if rows is not None and rows.empty:
            st.info(nothing or self.nothing("Nothing sold"))
            return None
        return rows

    def nothing(self, what: str) -> str:
        """Return the sentence that there is nothing to draw, with what it was asked of."""
        whose = f" of {plain(self.filters.words)}" if self.filters.words else ""
        return f"{what}{whose} in these days. Choose another shop, category or period."

    def foot(self, words: str, rows: pd.DataFrame, asked: Asked, title: str) -> None:
        """Write a panel's foot: rows of found, as of when, CSV and SQL."""
        rows_foot(
            self.state,
            self.filters.among(self._narrowed(words, asked)),
            key=f"demand.{asked.name}",
            file=asked.name.replace("_", "-"),
            read=rows.copy,
            sql=asked.as_sql(title),
            help=come_from(rows),
        )

    def _narrowed(self, words: str, asked: Asked) -> str:
        """Add what a panel is narrowed to, if it is."""
        is_narrowed = not self.narrowed.asked.keys().isdisjoint(asked.parameters)
        return f"{words}, {self.narrowed.words}" if is_narrowed else words


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


def of_unit_above(rows: pd.DataFrame, units: "pd.Series[float]") -> tuple[pd.DataFrame, str]:
    """Narrow rows to the unit that was chosen in a panel above, else to the one that sells most.

    units: what sold by unit. Returns the rows and the unit's code.
    """
    chosen = st.session_state.get("unit")
    code = str(chosen if chosen in units.index else units.idxmax())
    return rows[rows["unit"] == code].reset_index(drop=True), code
