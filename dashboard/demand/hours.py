"""When demand comes: hours of the week, and months of the year."""

from calendar import month_abbr
from functools import partial
from typing import Any

import streamlit as st

from dashboard.charts import draw_chart
from dashboard.demand.asking import Scope, of_one_unit, of_unit_above
from dashboard.demand.cells import WEEKDAYS, hour_cells, month_bars
from dashboard.demand.narrowing import HOUR, MONTH, WEEKDAY, narrow_to
from dashboard.panels import rows_words
from dashboard.theme import plural, quantity, roles

MONTHS_OF_YEAR = 12


def hours_panel(scope: Scope) -> None:
    """Draw units by hour and weekday, on each shop's own clock."""
    st.header("Hours of the week")
    asked = scope.ask("demand_by_hour", days=scope.filters.days)
    rows = scope.rows(asked)
    if rows is None:
        return
    mine, unit = of_one_unit(rows, rows.groupby("unit")["units"].sum())
    top = mine.iloc[int(mine["units_a_day"].to_numpy().argmax())]
    day = WEEKDAYS[int(top["weekday"]) - 1]
    title = f"Busiest hour: {day} {top['hour']:.0f}–{top['hour'] + 1:.0f} h, {quantity(top['units_a_day'])} {unit}"
    chosen = (scope.narrowed.weekday, scope.narrowed.hour)
    chart = hour_cells(mine, roles(), title=title, unit=unit, chosen=chosen)
    _draw_cells(chart, scope, "demand.hours", (WEEKDAY, HOUR))
    scope.foot(rows_words(len(mine), len(rows)), rows, asked, "Demand by weekday and hour")


def season_panel(scope: Scope) -> None:
    """Draw the index of each month, over all of the history."""
    st.header("Season")
    asked = scope.ask("demand_season")
    rows = scope.rows(asked)
    if rows is None:
        return
    mine, _ = of_unit_above(rows, rows.groupby("unit")["units_a_day"].sum())
    months = int(mine["months"].iloc[0])
    if months < MONTHS_OF_YEAR:
        st.info(
            f"Too early for a season: {plural(months, 'month')} of the year {'has' if months == 1 else 'have'} data, "
            f"and all {MONTHS_OF_YEAR} are needed."
        )
        return
    top = mine.iloc[int(mine["index"].to_numpy().argmax())]
    title = f"Strongest month: {month_name(int(top['month']))}, {100 * (top['index'] - 1):+.0f} % beside the mean"
    named = mine.assign(name=mine["month"].map(month_name))
    chart = month_bars(named, roles(), title=title, chosen=scope.narrowed.month)
    _draw_cells(chart, scope, "demand.season", (MONTH,))
    scope.foot(rows_words(len(mine), len(rows)), rows, asked, "Season by month")


def _draw_cells(chart: Any, scope: Scope, name: str, names: tuple[str, ...]) -> None:
    """Draw a chart whose cells narrow the page when they are clicked. names: what a cell says, as in the address."""
    key = f"{name}.{scope.narrowed.key}"
    draw_chart(chart, key, on_select=partial(narrow_to, key, names))


def month_name(month: int) -> str:
    """Return the short name of a month."""
    return month_abbr[month]
