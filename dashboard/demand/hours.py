"""When demand comes: hours of the week, and months of the year."""

from calendar import month_abbr

import streamlit as st

from dashboard.charts import draw_chart
from dashboard.demand.asking import Scope, of_one_unit
from dashboard.demand.figures import WEEKDAYS, hour_cells, month_bars
from dashboard.panels import rows_words
from dashboard.report_rows import report_rows
from dashboard.theme import plural, quantity, roles

MONTHS_OF_YEAR = 12


def hours_panel(scope: Scope) -> None:
    """Draw units by hour and weekday, on each shop's own clock."""
    st.header("Hours of the week")
    asked = scope.ask("demand_by_hour", days=scope.filters.days)
    rows = report_rows(asked)
    if rows is None:
        return
    if rows.empty:
        scope.nothing("Nothing sold")
        return
    mine, unit = of_one_unit(rows, rows.groupby("unit")["units"].sum())
    top = mine.iloc[int(mine["units_a_day"].to_numpy().argmax())]
    day = WEEKDAYS[int(top["weekday"]) - 1]
    title = f"Busiest hour: {day} {top['hour']:.0f}–{top['hour'] + 1:.0f} h, {quantity(top['units_a_day'])} {unit}"
    draw_chart(hour_cells(mine, roles(), title=title, unit=unit), "demand.hours")
    scope.foot(rows_words(len(mine), len(rows)), rows, asked, "Demand by weekday and hour")


def season_panel(scope: Scope) -> None:
    """Draw the index of each month, over all of the history."""
    st.header("Season")
    asked = scope.ask("demand_season")
    rows = report_rows(asked)
    if rows is None:
        return
    if rows.empty:
        scope.nothing("Nothing sold")
        return
    unit = rows.groupby("unit")["units_a_day"].sum().idxmax()
    unit = st.session_state["unit"] if st.session_state.get("unit") in set(rows["unit"]) else unit
    mine = rows[rows["unit"] == unit]
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
    draw_chart(month_bars(named, roles(), title=title), "demand.season")
    scope.foot(rows_words(len(mine), len(rows)), rows, asked, "Season by month")


def month_name(month: int) -> str:
    """Return the short name of a month."""
    return month_abbr[month]
