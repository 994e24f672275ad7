"""Demand: what customers wanted, when and where, beside what was sold."""

import pandas as pd
import streamlit as st

from catalog.money import Money
from dashboard.charts import draw_chart
from dashboard.demand.asking import Scope, of_one_unit, of_unit_above
from dashboard.demand.baskets import baskets_panel
from dashboard.demand.cells import calendar_cells
from dashboard.demand.exceptional import exceptional_days, with_names
from dashboard.demand.figures import lost_bars, sold_and_lost
from dashboard.demand.hours import hours_panel, season_panel
from dashboard.demand.mix import mix_panel, pareto_panel
from dashboard.demand.narrowing import narrowed_by_address, narrowing_bar
from dashboard.demand.periods import periods_panel
from dashboard.demand.prices import price_panel, promotions_panel
from dashboard.filters import choose
from dashboard.freshness import data_state
from dashboard.friendly_errors import isolated
from dashboard.glossary import tip
from dashboard.panels import rows_words
from dashboard.reader import Reader
from dashboard.sums import money_note, money_words
from dashboard.theme import plural, quantity, roles
from dashboard.widgets import switch
from stocktide.foundation.users import User

TABS = {
    "lost": "Sold and lost",
    "when": "When",
    "what": "What",
    "price": "Prices and promotions",
    "together": "Bought together",
}
# The panels that a click on an hour or a month narrows.
NARROWED = "Sold and lost, Mix by category and the products by revenue"


def render(reader: Reader, _user: User) -> None:
    """Draw the page."""
    filters = choose(reader, period=True)
    state = data_state(reader, zones=[filters.zone] if filters.zone else None)
    if state.newest is None:
        st.info(f"{state.why} Demand appears here once sales are loaded.")
        return
    scope = Scope(reader, filters, state, narrowed_by_address())
    panels = {
        "lost": {"sold and lost": sold_panel, "the calendar": calendar_panel},
        "when": {"hours": hours_panel, "the season": season_panel, "periods": periods_panel},
        "what": {"the mix": mix_panel, "the Pareto curve": pareto_panel},
        "price": {"prices": price_panel, "promotions": promotions_panel},
        "together": {"bought together": baskets_panel},
    }[switch("tab", "Show", TABS)]
    narrowing_bar(scope.narrowed, NARROWED)
    for part, panel in panels.items():
        with isolated(part):
            panel(scope)


def sold_panel(scope: Scope) -> None:
    """Draw sold and estimated demand by day."""
    st.header("Sold and lost", help=tip("lost sales"))
    asked = scope.ask_narrowed("demand_by_day")
    rows = scope.rows(asked)
    if rows is None:
        return
    mine, unit = of_one_unit(rows, rows.groupby("unit")["sold"].sum())
    days = mine.groupby("day", as_index=False)[["sold", "lost"]].sum()
    days = _named(days, scope)
    is_open = days["day"] >= pd.Timestamp(scope.state.open_from)
    title, note = lost_words(mine, unit), left_out(mine)
    chart = sold_and_lost(days[~is_open], days[is_open], roles(), title=title, unit=unit, note=note)
    draw_chart(chart, "demand.sold")
    if days["lost"].any():
        words = f"Lost sales by day, {unit}."
        bars = lost_bars(days[~is_open], days["day"], roles(), unit=unit)
        draw_chart(bars, "demand.lost", words=words)
    scope.foot(rows_words(len(rows), len(rows)), rows, asked, "Sold and lost by day")


def _named(days: pd.DataFrame, scope: Scope) -> pd.DataFrame:
    """Name the exceptional ones among some days."""
    span = pd.to_datetime(days["day"])
    found = exceptional_days(scope, span.min().date(), span.max().date())
    return with_names(days, found)


def lost_words(rows: pd.DataFrame, unit: str) -> str:
    """Describe what sold and what was lost, with the value of it. rows: of demand_by_day, in one unit."""
    sold, lost = rows["sold"].sum(), rows["lost"].sum()
    if lost == 0:
        return f"Sold {quantity(sold)} {unit}, no lost sales known"
    by_currency = (
        rows.assign(currency=rows["currency"].fillna("")).groupby("currency")["lost_value"].sum()
    )
    money = Money({str(code): float(value) for code, value in by_currency.items() if value})
    value = f", {money_words(money)} at selling prices" if money.amounts else ""
    return f"Sold {quantity(sold)} {unit}, lost about {quantity(lost)} more{value}"


def left_out(rows: pd.DataFrame) -> str:
    """Describe what the estimate knows nothing of. rows: of demand_by_day, in one unit."""
    said = [f"Out of stock for a time: {plural(int(rows['empty_shelves'].sum()), 'shelf-day')}."]
    if unknown := int(rows["not_estimated"].sum()):
        said.append(f"Not estimated: {plural(unknown, 'of them has', 'of them have')} no such day.")
    if unpriced := int(rows["not_valued"].sum()):
        said.append(f"Not valued: {plural(unpriced, 'has', 'have')} no price.")
    by_currency = (
        rows.assign(currency=rows["currency"].fillna("")).groupby("currency")["lost_value"].sum()
    )
    money = Money({str(code): float(value) for code, value in by_currency.items() if value})
    return " ".join([*said, *filter(None, [money_note(money)])])


def calendar_panel(scope: Scope) -> None:
    """Draw a cell for each day of the last year: what sold beside what is expected of it."""
    st.header("Calendar")
    asked = scope.ask("demand_calendar")
    nothing = scope.nothing("No day can be compared with the same weekday around it")
    rows = scope.rows(asked, nothing)
    if rows is None:
        return
    known = rows.dropna(subset=["ratio"])
    if known.empty:
        st.info(nothing)
        return
    mine, _ = of_unit_above(known, known.groupby("unit")["sold"].sum())
    far = mine.iloc[int((mine["ratio"] - 1).abs().to_numpy().argmax())]
    title = f"Furthest from expected: {far['day']:%a %-d %b %Y}, {100 * (far['ratio'] - 1):+.0f} %"
    draw_chart(calendar_cells(_named(mine, scope), roles(), title=title), "demand.calendar")
    scope.foot(rows_words(len(mine), len(rows)), rows, asked, "Demand by day, beside expected")
