"""Charts: functions from frames to Altair charts. They read nothing and know no page."""

from datetime import date
from typing import Any

import altair as alt
import pandas as pd

from dashboard.theme import CHART_HEIGHT, Roles, chart_frame, readable_axes

BANDS = (("q025", "q975", "95 %"), ("q10", "q90", "80 %"), ("q25", "q75", "50 %"))
DAY_AXIS = alt.Axis(title=None, format="%d %b", labelOverlap=True, tickCount=8)
# Names are all shown: a bar without its name says nothing.
NAME_AXIS = alt.Axis(labelLimit=260, labelOverlap=False)
# Charts above each other share the day axis only if the space left of it is equal.
LEFT_EXTENT = 48
ROW_HEIGHT = 26
# Title, subtitle and axis of a chart of rows.
FRAME_HEIGHT = 110


def _days(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    return frame.assign(**{column: pd.to_datetime(frame[column])})


def _fan(forecast: pd.DataFrame, role: Roles, unit: str) -> list[alt.Chart]:
    """Discrete bands 50/80/95 and the dashed median."""
    base = alt.Chart(_days(forecast, "ds"))
    x = alt.X("ds:T", axis=DAY_AXIS)
    layers = [
        base.mark_area(color=role.forecast, opacity=opacity).encode(
            x=x, y=alt.Y(f"{low}:Q", title=unit), y2=f"{high}:Q"
        )
        for (low, high, _), opacity in zip(BANDS, reversed(role.band_opacity), strict=True)
        if forecast[low].notna().all()
    ]
    tooltip = [
        alt.Tooltip("ds:T", title="day", format="%a %d %b %Y"),
        alt.Tooltip("yhat:Q", title="forecast", format=",.1f"),
    ]
    if forecast["q10"].notna().all():
        tooltip += [
            alt.Tooltip("q10:Q", title="80 % from", format=",.1f"),
            alt.Tooltip("q90:Q", title="80 % to", format=",.1f"),
        ]
    line = base.mark_line(color=role.forecast, strokeDash=[6, 4], strokeWidth=1.75).encode(
        x=x, y=alt.Y("yhat:Q", title=unit), tooltip=tooltip
    )
    return [*layers, line]


def _paths(paths: pd.DataFrame, role: Roles, unit: str) -> alt.Chart:
    return (
        alt.Chart(_days(paths, "ds"))
        .mark_line(color=role.forecast, strokeWidth=0.8, opacity=0.55)
        .encode(x=alt.X("ds:T", axis=DAY_AXIS), y=alt.Y("units:Q", title=unit), detail="path:N")
    )


def _boundary(forecast: pd.DataFrame, role: Roles, *, hours_before: int) -> alt.Chart:
    """Where the past ends: midway between two points, or where the last bar does."""
    edge = pd.DataFrame(
        {"ds": [pd.to_datetime(forecast["ds"]).min() - pd.Timedelta(hours=hours_before)]}
    )
    return alt.Chart(edge).mark_rule(color=role.baseline, strokeWidth=1).encode(x="ds:T")


def split_today(frame: pd.DataFrame, column: str, today: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split days that are over from today, whose figures still grow and are drawn hollow."""
    over = pd.to_datetime(frame[column]).dt.date < today
    return frame[over], frame[~over]


def sales_and_forecast(
    actual: pd.DataFrame,
    forecast: pd.DataFrame,
    role: Roles,
    *,
    title: str,
    unit: str,
    where: str,
    today: date,
    paths: pd.DataFrame | None = None,
) -> Any:
    """Daily units sold and the coming days.

    actual: columns ds, y. forecast: ds, yhat and quantiles (may be empty). The bands are said in the subtitle.
    paths: columns path, ds, units; drawn in place of the bands.
    """
    over, so_far = split_today(actual, "ds", today)
    past = (
        alt.Chart(_days(over, "ds"))
        .mark_line(color=role.actual, strokeWidth=1.75)
        .encode(
            x=alt.X("ds:T", axis=DAY_AXIS),
            y=alt.Y("y:Q", title=unit),
            tooltip=[
                alt.Tooltip("ds:T", title="day", format="%a %d %b %Y"),
                alt.Tooltip("y:Q", title="sold", format=",.1f"),
            ],
        )
    )
    said = f"{unit}, {where}. Solid: sold."
    layers: list[Any] = [past]
    if not forecast.empty:
        ahead = _fan(forecast, role, unit)
        meaning = "bands hold 50, 80 and 95 % of days"
        if paths is not None and not paths.empty:
            ahead = [_paths(paths, role, unit), ahead[-1]]
            meaning = f"thin lines: {paths['path'].nunique()} ways it may go, the same ones at every level"
        layers = [*ahead, past, _boundary(forecast, role, hours_before=12)]
        said += f" Dashed: forecast; {meaning}."
    if not so_far.empty:
        hollow = alt.Chart(_days(so_far, "ds")).mark_point(color=role.actual, size=60, filled=False)
        layers.append(
            hollow.encode(
                x="ds:T", y="y:Q", tooltip=[alt.Tooltip("y:Q", title="today so far", format=",.1f")]
            )
        )
        said += " Hollow: today so far."
    return chart_frame(
        alt.layer(*layers).properties(height=CHART_HEIGHT), role, title=title, subtitle=said
    )


def product_story(
    days: pd.DataFrame,
    stock: pd.DataFrame,
    forecast: pd.DataFrame,
    role: Roles,
    *,
    title: str,
    unit: str,
    where: str,
    today: date,
) -> list[Any]:
    """One product in one picture: sales and forecast above, stock below, over the same days.

    days: columns day, sold, censored (any shop out of stock). stock: day, on_hand. forecast: as above.
    Returns the panels from top to bottom; their day axes line up.
    """
    every = pd.to_datetime(
        pd.concat([days["day"], forecast["ds"] if not forecast.empty else days["day"]])
    )
    x = alt.X(
        "day:T",
        timeUnit="yearmonthdate",
        axis=DAY_AXIS,
        scale=alt.Scale(
            domain=[every.min().isoformat(), (every.max() + pd.Timedelta(days=1)).isoformat()]
        ),
    )
    panels = [
        _sales_panel(days, forecast, role, x, title=title, unit=unit, where=where, today=today)
    ]
    if not stock.empty:
        panels.append(_stock_panel(stock, role, x, unit))
    return panels


def _left(title: str) -> alt.Axis:
    return alt.Axis(title=title, minExtent=LEFT_EXTENT, maxExtent=LEFT_EXTENT)


def _sales_panel(
    days: pd.DataFrame,
    forecast: pd.DataFrame,
    role: Roles,
    x: alt.X,
    *,
    title: str,
    unit: str,
    where: str,
    today: date,
) -> Any:
    over, so_far = split_today(days, "day", today)
    shown = {
        "x": x,
        "y": alt.Y("sold:Q", axis=_left(f"{unit} a day")),
        "tooltip": [
            alt.Tooltip("day:T", title="day", format="%a %d %b %Y"),
            alt.Tooltip("sold:Q", title="sold", format=",.1f"),
        ],
    }
    bars = alt.Chart(_days(over, "day")).mark_bar(color=role.actual, opacity=0.8).encode(**shown)
    layers: list[Any] = [bars]
    said = f"{unit} a day, {where}. Bars: sold."
    if not so_far.empty:
        hollow = alt.Chart(_days(so_far, "day")).mark_bar(
            fillOpacity=0, stroke=role.actual, strokeWidth=1
        )
        layers.append(hollow.encode(**shown))
        said += " Hollow: today so far."
    if not forecast.empty:
        layers += [
            *_fan(forecast, role, f"{unit} a day"),
            _boundary(forecast, role, hours_before=0),
        ]
        known = forecast["q10"].notna().all()
        said += f" Dashed: forecast{', bands 50, 80 and 95 %' if known else ''}."
    censored = days[days["censored"]]
    if not censored.empty:
        marks = alt.Chart(_days(censored, "day")).mark_point(
            color=role.stock_out, shape="triangle-up", filled=True, size=45, opacity=1, yOffset=6
        )
        layers.append(
            marks.encode(
                x=x,
                y=alt.datum(0),
                tooltip=[alt.Tooltip("day:T", title="out of stock", format="%a %d %b")],
            )
        )
        said += " Orange: somewhere out of stock for part of the day."
    return chart_frame(
        alt.layer(*layers).properties(height=CHART_HEIGHT), role, title=title, subtitle=said
    )


def _stock_panel(stock: pd.DataFrame, role: Roles, x: alt.X, unit: str) -> Any:
    step = alt.Chart(_days(stock, "day")).mark_area(
        interpolate="step-after", line={"color": role.actual}, color=role.baseline, opacity=0.25
    )
    panel = step.encode(
        x=x,
        y=alt.Y("on_hand:Q", axis=_left(f"{unit} on hand")),
        tooltip=[
            alt.Tooltip("day:T", title="day", format="%a %d %b %Y"),
            alt.Tooltip("on_hand:Q", title="on hand at close", format=",.1f"),
        ],
    ).properties(height=130)
    return readable_axes(panel, role)


def ranked_bars(
    frame: pd.DataFrame, role: Roles, *, label: str, value: str, title: str, unit: str, colour: str
) -> Any:
    """Horizontal bars, the largest first, the number at the end of each."""
    order = frame[label].tolist()
    base = alt.Chart(frame).encode(
        y=alt.Y(f"{label}:N", sort=order, title=None, axis=NAME_AXIS),
        x=alt.X(f"{value}:Q", title=None, axis=alt.Axis(tickMinStep=1, tickCount=6)),
    )
    bars = base.mark_bar(color=colour)
    numbers = base.mark_text(align="left", dx=4, color=role.actual).encode(
        text=alt.Text(f"{value}:Q", format=",.3~r")
    )
    chart = alt.layer(bars, numbers).properties(height=FRAME_HEIGHT + ROW_HEIGHT * len(frame))
    return chart_frame(chart, role, title=title, subtitle=unit)


def error_by_level(errors: pd.DataFrame, role: Roles, *, title: str, unit: str) -> Any:
    """Two dots a level: ours and seasonal naive, joined by a line. errors: level_name, ours, naive (ratios)."""
    order = errors["level_name"].tolist()
    y = alt.Y("level_name:N", sort=order, title=None, axis=NAME_AXIS)
    base = alt.Chart(errors)
    scale = alt.Scale(domainMin=0)
    span = base.mark_rule(color=role.baseline, strokeWidth=2).encode(
        y=y,
        x=alt.X("ours:Q", title=unit, scale=scale, axis=alt.Axis(format="%", tickCount=6)),
        x2="naive:Q",
    )
    naive = base.mark_point(color=role.baseline, size=90, filled=False, strokeWidth=2).encode(
        y=y,
        x="naive:Q",
        tooltip=["level_name:N", alt.Tooltip("naive:Q", title="seasonal naive", format=".1%")],
    )
    ours = base.mark_point(color=role.forecast, size=110, filled=True, opacity=1).encode(
        y=y,
        x="ours:Q",
        tooltip=["level_name:N", alt.Tooltip("ours:Q", title="published", format=".1%")],
    )
    chart = alt.layer(span, naive, ours).properties(height=FRAME_HEIGHT + ROW_HEIGHT * len(errors))
    return chart_frame(
        chart,
        role,
        title=title,
        subtitle="Filled blue: the published forecast. Hollow grey: seasonal naive. Further left is better.",
    )
