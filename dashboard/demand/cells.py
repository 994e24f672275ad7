"""Charts of cells on the page Demand: days of the year, hours of the week, months."""

from typing import Any

import altair as alt
import pandas as pd

from dashboard.demand.figures import EXCEPTIONAL_TIPS
from dashboard.demand.narrowing import CELL
from dashboard.theme import CHART_HEIGHT, Roles, chart_frame

WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
CELLS_HEIGHT = 210
# Half as much as expected, and half as much again, have the full colours.
RATIOS = [0.5, 1.0, 1.5]
WEEKDAY_AXIS = alt.Y(
    "weekday:N", title=None, scale=alt.Scale(domain=WEEKDAYS), axis=alt.Axis(labelOverlap=False)
)


def calendar_cells(days: pd.DataFrame, role: Roles, *, title: str) -> Any:
    """Draw a cell for each day, weeks from left to right. days: with their names, and sold, expected, ratio."""
    day = pd.to_datetime(days["day"])
    shown = days.assign(
        week=day - pd.to_timedelta(day.dt.weekday, unit="D"),
        weekday=day.dt.weekday.map(dict(enumerate(WEEKDAYS))),
    )
    colours = alt.Scale(
        domain=RATIOS,
        range=[role.stock_out, role.even, role.forecast],
        clamp=True,
        interpolate="rgb",
    )
    tips = [
        alt.Tooltip("sold:Q", title="sold", format=",.1f"),
        alt.Tooltip("expected:Q", title="expected", format=",.1f"),
        alt.Tooltip("ratio:Q", title="of expected", format=".0%"),
    ]

    def cells(of: pd.DataFrame, stroke: str, tips: list[Any]) -> Any:
        return (
            alt.Chart(of)
            .mark_rect(stroke=stroke, strokeWidth=1)
            .encode(
                x=alt.X(
                    "yearmonthdate(week):O",
                    title=None,
                    axis=alt.Axis(format="%-d %b %Y", labelOverlap=True, labelAngle=0),
                ),
                y=WEEKDAY_AXIS,
                color=alt.Color("ratio:Q", scale=colours, legend=None),
                tooltip=tips,
            )
        )

    plain_days = shown[shown["exceptional"] == ""]
    promoted = shown[(shown["exceptional"] != "") & ~shown["stands_out"]]
    layers = [
        cells(plain_days, role.even, [EXCEPTIONAL_TIPS[0], *tips]),
        cells(promoted, role.even, [*EXCEPTIONAL_TIPS, *tips]),
    ]
    exceptional = shown[shown["stands_out"]]
    if not exceptional.empty:
        layers.append(cells(exceptional, role.actual, [*EXCEPTIONAL_TIPS, *tips]))
    said = (
        "Sold ÷ expected: the mean of the same weekday in the four weeks before and after. Orange: less, blue: more; "
        "full colour from half as much, and half as much again, on."
    )
    if not exceptional.empty:
        said += " Outlined: closed, an event, or unusual sales."
    chart = alt.layer(*layers).properties(height=CELLS_HEIGHT)
    return chart_frame(chart, role, title=title, subtitle=said)


def hour_cells(
    hours: pd.DataFrame,
    role: Roles,
    *,
    title: str,
    unit: str,
    chosen: tuple[int | None, int | None] = (None, None),
) -> Any:
    """Draw a cell for each hour of the week. hours: weekday (1 is Monday), hour, units_a_day; chosen: of these."""
    names = hours["weekday"].map(dict(enumerate(WEEKDAYS, start=1)))
    is_chosen = (hours["weekday"] == chosen[0]) & (hours["hour"] == chosen[1])
    shown = hours.assign(weekday=names, dow=hours["weekday"], chosen=is_chosen)
    span = list(range(int(hours["hour"].min()), int(hours["hour"].max()) + 1))
    colours = alt.Scale(domainMin=0, range=[role.even, role.forecast], interpolate="rgb")
    base = alt.Chart(shown).encode(
        x=alt.X("hour:O", title="hour", scale=alt.Scale(domain=span), axis=alt.Axis(labelAngle=0)),
        y=WEEKDAY_AXIS,
    )
    cells = base.mark_rect(stroke=role.even, strokeWidth=1, cursor="pointer").encode(
        color=alt.Color("units_a_day:Q", scale=colours, legend=None),
        tooltip=[
            alt.Tooltip("weekday:N", title="weekday"),
            alt.Tooltip("hour:O", title="hour"),
            alt.Tooltip("units_a_day:Q", title=f"{unit} on an average day", format=",.1f"),
        ],
    )
    layers = [cells.add_params(_cell("dow", "hour"))]
    if is_chosen.any():
        # above its neighbours, which would cover its outline
        outline = base.transform_filter("datum.chosen")
        layers.append(outline.mark_rect(fillOpacity=0, stroke=role.actual, strokeWidth=2))
    said = (
        f"{unit.capitalize()} on an average day, on each shop's own clock. Days that are not over are left out. Click "
        "an hour to see what sells in it."
    )
    chart = alt.layer(*layers).properties(height=CELLS_HEIGHT)
    return chart_frame(chart, role, title=title, subtitle=said)


def _cell(*fields: str) -> Any:
    """Return the selection of a chart whose cells narrow the page; the key of the address names them."""
    return alt.selection_point(name=CELL, fields=list(fields), toggle=False)


def month_bars(months: pd.DataFrame, role: Roles, *, title: str, chosen: int | None = None) -> Any:
    """Draw each month's index beside 1. months: month, name, index, units_a_day, days; chosen: one of them."""
    base = alt.Chart(months.assign(chosen=months["month"] == chosen))
    bars = base.mark_bar(color=role.forecast, strokeWidth=2, cursor="pointer").encode(
        stroke=alt.condition("datum.chosen", alt.value(role.actual), alt.value(role.even)),
        x=alt.X("name:N", sort=None, title=None, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("index:Q", title="index"),
        tooltip=[
            alt.Tooltip("name:N", title="month"),
            alt.Tooltip("index:Q", title="index", format=".2f"),
            alt.Tooltip("units_a_day:Q", title="units a day", format=",.1f"),
            alt.Tooltip("days:Q", title="days"),
        ],
    )
    mean = alt.Chart(pd.DataFrame({"index": [1.0]})).mark_rule(color=role.actual, strokeDash=[4, 4])
    bars = bars.add_params(_cell("month"))
    chart = alt.layer(bars, mean.encode(y="index:Q")).properties(height=CHART_HEIGHT)
    said = (
        "Units a day in the month ÷ the mean of all months, over all of the history. A trend is in it. Click a month "
        "to see what sells in it."
    )
    return chart_frame(chart, role, title=title, subtitle=said)
