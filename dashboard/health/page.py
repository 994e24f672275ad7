"""Inventory health: where too little, too much or dead stock is, and what it costs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pandas as pd
import streamlit as st

from catalog.state import DataState
from dashboard.charts import draw_chart
from dashboard.events.links import events_link
from dashboard.filters import Filters, choose
from dashboard.freshness import data_state
from dashboard.friendly_errors import isolated
from dashboard.glossary import tip
from dashboard.health.ageing import ageing_bars, ageing_title
from dashboard.health.chances import read_rows
from dashboard.health.figures import (
    bar_parts,
    health_matrix,
    matrix_cells,
    out_of_stock_days,
    value_bar,
)
from dashboard.health.tabs import TABS, Tab
from dashboard.health.words import STATES, headline, named, state_lines
from dashboard.links import page_link
from dashboard.panels import rows_foot, rows_words
from dashboard.past import past_shown
from dashboard.reader import Reader
from dashboard.report_rows import Asked, come_from
from dashboard.theme import plain, plural, roles
from dashboard.widgets import OPENS, clicked, rows_key, switch, table
from stocktide.foundation.errors import StocktideError
from stocktide.foundation.users import User

EVERY_STATE = "all"
# More rows of a matrix than this are read by nobody; the CSV has all.
SHOPS_MAX = 25
# What a shelf is judged by.
EVENT_DAYS = 28


def render(reader: Reader, _user: User) -> None:
    """Draw the page."""
    filters, state = choose(reader), data_state(reader)
    if state.kind == "unknown":
        st.info(f"No stock can be judged yet. {state.why}")
        return
    page = Panels(reader, filters, state)
    with _panel("stock value by state"):
        states = page.read("health_states")
        if states.empty:
            st.info(_nothing(filters))
            return
        page.states(states)
        for draw in (page.rows, page.matrix, page.trend):
            with _panel(draw.__name__):
                draw()


@contextmanager
def _panel(part: str) -> Iterator[None]:
    """Say in place of a panel why its report cannot be had; the others are drawn."""
    try:
        with isolated(part):
            yield
    except StocktideError as error:
        # a past that is not kept is no fault
        (st.error if past_shown() is None else st.info)(error.message)


def _nothing(filters: Filters) -> str:
    if filters.words:
        return f"No stock of {plain(filters.words)} is known, and nothing of it sold in the last 28 days."
    return "No stock is known yet: send a receipt or a count. See Feeds."


class Panels:
    """The panels of the page over one choice of filters."""

    def __init__(self, reader: Reader, filters: Filters, state: DataState) -> None:
        self.reader, self.filters, self.state = reader, filters, state

    def read(self, report: str, **more: str | None) -> pd.DataFrame:
        """Read a report, narrowed by the filters."""
        return read_rows(self.asked(report, **more))

    def asked(self, report: str, **more: str | None) -> Asked:
        """Ask for a report, narrowed by the filters."""
        return Asked(self.reader, report, {**self.filters.asked, **more})

    def foot(
        self, found: pd.DataFrame, report: str, title: str, words: str, **more: str | None
    ) -> None:
        """Write the foot line of a report's panel. more: parameters beside the filters."""
        asked = self.asked(report, **more)
        rows_foot(
            self.state,
            self.filters.among(words),
            key=f"{report}.csv",
            file=report.replace("_", "-"),
            read=(lambda: read_rows(asked)) if "found" in found else found.copy,
            sql=asked.as_sql(title),
            help=come_from(found),
        )

    def states(self, found: pd.DataFrame) -> None:
        """Draw what first meets the eye: a bar of stock value by state, and what each state means."""
        st.markdown(headline(found))
        parts = bar_parts(found)
        if parts.empty:
            st.info(
                "No stock has a cost or a price yet, so nothing has a value: send receipts with their cost."
            )
        else:
            healthy = parts[parts["state"] == "healthy"].set_index("currency")["share"]
            said = " and ".join(
                f"{healthy.get(code, 0.0):.0%} of {code}" for code in parts["currency"].unique()
            )
            title = f"Healthy: {said} stock value"
            valued_at = str(found["valued_at"].iloc[0])
            chart = value_bar(parts, roles(), title=title, valued_at=valued_at)
            draw_chart(chart, "health.states")
        st.markdown("\n".join(state_lines(found)))
        shelves = int(found["shelves"].sum())
        words = rows_words(shelves, shelves, "shelf", "shelves")
        self.foot(found, "health_states", "Stock value by state", words)

    def rows(self) -> None:
        """Draw the list that was chosen."""
        name = switch("tab", "Show", {key: tab.title for key, tab in TABS.items()})
        tab = TABS[name]
        st.header(tab.title)
        more: dict[str, str | None] = {}
        if name == "shelves":
            names = {EVERY_STATE: "All", **{state: named(state) for state in STATES}}
            chosen = switch("state", "State", names)
            more["state"] = None if chosen == EVERY_STATE else chosen
        if name == "ageing":
            self.ageing()
        st.caption(tab.rule)
        found = self.read(tab.report, **more, **tab.more)
        if found.empty:
            st.info(tab.nothing)
            return
        self._table(found, tab)
        count = int(found["found"].iloc[0]) if "found" in found else len(found)
        words = rows_words(len(found), count, tab.one, tab.many)
        self.foot(found, tab.report, tab.title, words, **more)

    def _table(self, found: pd.DataFrame, tab: Tab) -> None:
        rows = found.copy()
        columns = tab.columns(rows)
        leads = "sku" in found
        # another set of rows is another table: no row of it is chosen yet
        chosen_of = rows_key(found["sku"] + found["code"]) if leads else ""
        key = f"health.{tab.report}.{chosen_of}"
        event = table(rows[list(columns)], key, columns, **(OPENS if leads else {}))
        chosen = clicked(event, len(rows)) if leads else None
        if chosen is not None:
            row = found.iloc[chosen]
            page_link(
                "products",
                f"Open **{plain(str(row['name']))}**",
                icon=":material/open_in_new:",
                sku=str(row["sku"]),
            )
            if newest := self.state.newest:
                events_link(
                    f"Events of the last {EVENT_DAYS} days",
                    product=str(row["sku"]),
                    shop=str(row["code"]),
                    first=newest - timedelta(days=EVENT_DAYS - 1),
                    last=newest,
                )

    def ageing(self) -> None:
        """Draw the value of all stock by age."""
        found = self.read("health_ageing")
        known = found[found["currency"].notna() & (found["value"] > 0)]
        if known.empty:
            st.info("No stock has a cost or a price yet, so no age has a value.")
            return
        chart = ageing_bars(known, roles(), title=ageing_title(known))
        draw_chart(chart, "health.ageing")
        words = rows_words(len(known), len(found), "part")
        self.foot(found, "health_ageing", "Stock value by age", words)

    def matrix(self) -> None:
        """Draw a matrix of shops and categories."""
        st.header("By shop and category")
        found = self.read("health_matrix")
        if found.empty:
            st.info("No stock has a cost or a price yet, so no share of its value can be told.")
            return
        # all categories at once are too narrow to read
        by = "category" if self.filters.department else "department"
        cells = matrix_cells(found, by=by)
        worst = cells.groupby("row")["not_healthy"].sum().nlargest(SHOPS_MAX).index
        shown = cells[cells["row"].isin(worst)]
        title = f"{(shown['share'] > 0.5).sum():,} of {plural(len(shown), 'cell')} more than half not healthy"
        if by == "department":
            st.caption("Departments; choose one above for its categories.")
        draw_chart(health_matrix(shown, roles(), title=title), "health.matrix")
        words = rows_words(len(shown), len(cells), "cell")
        self.foot(found, "health_matrix", "Health by shop and category", words)

    def trend(self) -> None:
        """Draw the out-of-stock rate by day, of days that are over."""
        st.header("Out-of-stock rate", help=tip("out-of-stock rate"))
        found = self.read("health_trend")
        over = found[pd.to_datetime(found["day"]).dt.date <= self.state.complete]
        if over.empty:
            st.info("No day with known stock is over yet.")
            return
        rate = over["empty"].sum() / over["known"].sum()
        title = f"{rate:.1%} of known shelf-days in {plural(len(over), 'day')}"
        draw_chart(out_of_stock_days(over, roles(), title=title), "health.trend")
        words = rows_words(len(over), len(found), "day")
        self.foot(found, "health_trend", "Out-of-stock rate by day", words)
