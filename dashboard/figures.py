"""Charts: functions from frames to Altair charts. They read nothing and know no page."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import altair as alt
import pandas as pd

from dashboard.arrivals import arrival_marks, arrival_words, said_of_arrivals
from dashboard.crosshair import crosshair
from dashboard.fan import (
    DAY,
    Grain,
    band_words,
    boundary,
    fan_layers,
    grain_of,
    known_bands,
    said_ahead,
    said_of,
    split_today,
    with_days,
)
from dashboard.theme import CHART_HEIGHT, Roles, chart_frame, quantity, readable_axes
from stocktide.domain.rhythm import DAILY, Rhythm

# Names are all shown: a bar without its name is useless.
NAME_AXIS = alt.Axis(labelLimit=260, labelOverlap=False)
# Charts above each other share the day axis only if the space left of it is equal.
LEFT_EXTENT = 48
ROW_HEIGHT = 26
# Room right of the longest bar for its number, as a share of the bar.
NUMBER_ROOM = 0.1
# Room for the bars of all periods in a picture, less the gaps between them.
BARS_PX = 600
# Title, subtitle and axis of a chart of rows.
FRAME_HEIGHT = 110
STOCK_HEIGHT = 130


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
    rhythm: Rhythm = DAILY,
    coverage: Mapping[str, float] | None = None,
    arrivals: pd.DataFrame | None = None,
) -> list[Any]:
    """Draw one product in one picture: sales and forecast above, stock below, over the same days.

    days: columns day (last of the period), sold, censored (any shop out of stock). stock: day, on_hand. forecast: as
    above; with a column `published`, overrides are in it. coverage: what its bands held when it was measured, by width.
    arrivals: day, units, is_late of what is on order. Returns the panels from top to bottom; their day axes line up.
    """
    grain = grain_of(rhythm)
    every = _every_day(days, stock, forecast, arrivals, grain)
    grain = grain.over(every)
    # bars of longer periods are wide: half of one is before its instant
    room = pd.Timedelta(hours=0 if rhythm.is_daily else grain.hours_before)
    x = alt.X(
        "day:T",
        timeUnit="yearmonthdate",
        axis=grain.axis(),
        scale=alt.Scale(
            domain=[
                (every.min() - room).isoformat(),
                (every.max() + max(room, pd.Timedelta(days=1))).isoformat(),
            ]
        ),
    )
    sold = _sales_panel(
        days,
        forecast,
        role,
        x,
        title=title,
        unit=unit,
        where=where,
        today=today,
        rhythm=rhythm,
        coverage=coverage,
        grain=grain,
    )
    panels = [sold]
    if not stock.empty:
        panels.append(_stock_panel(stock, arrivals, role, x, unit, grain))
    return panels


def _every_day(
    days: pd.DataFrame,
    stock: pd.DataFrame,
    forecast: pd.DataFrame,
    arrivals: pd.DataFrame | None,
    grain: Grain,
) -> "pd.Series[pd.Timestamp]":
    drawn = [with_days(days, "day", grain)["day"], pd.to_datetime(stock["day"])]
    if not forecast.empty:
        drawn.append(with_days(forecast, "ds", grain)["ds"])
    if arrivals is not None:
        drawn.append(arrivals["day"])
    every: pd.Series[pd.Timestamp] = pd.concat(drawn)
    return every


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
    rhythm: Rhythm,
    coverage: Mapping[str, float] | None,
    grain: Grain,
) -> Any:
    each = rhythm.each(unit)
    over, so_far = split_today(days, "day", today)
    shown = {"x": x, "y": alt.Y("sold:Q", axis=_left(each))}
    # a bar is as wide as its day; that of a longer period takes its share of the picture
    wide = {} if rhythm.is_daily else {"size": max(2, BARS_PX // (len(days) + len(forecast) + 1))}
    bars = alt.Chart(with_days(over, "day", grain)).mark_bar(color=role.actual, opacity=0.8, **wide)
    layers: list[Any] = [bars.encode(**shown)]
    said = f"{each}, {where}. Bars: sold."
    if not so_far.empty:
        hollow = alt.Chart(with_days(so_far, "day", grain)).mark_bar(
            fillOpacity=0, stroke=role.actual, strokeWidth=1, **wide
        )
        layers.append(hollow.encode(**shown))
        said += f" Hollow: {grain.so_far}."
    if not forecast.empty:
        layers += [
            *fan_layers(forecast, role, each, grain),
            boundary(
                forecast,
                role,
                hours_before=0 if rhythm.is_daily else grain.hours_before,
                grain=grain,
            ),
        ]
        bands = [name for *_, name in reversed(known_bands(forecast))]
        meaning = f"; {band_words(bands, coverage, grain.many)}" if bands else ""
        what = "forecast with overrides" if "published" in forecast else "forecast"
        said += f" Dashed: {what}{meaning}."
    censored = days[days["censored"]]
    if not censored.empty:
        marks = alt.Chart(with_days(censored, "day", grain)).mark_point(
            color=role.stock_out, shape="triangle-up", filled=True, size=45, opacity=1, yOffset=6
        )
        layers.append(marks.encode(x=x, y=alt.datum(0)))
        said += f" Orange: out of stock somewhere for part of the {rhythm.one}."
    layers += _read_out(over, so_far, forecast, role, rhythm, grain)
    return chart_frame(
        alt.layer(*layers).properties(height=CHART_HEIGHT), role, title=title, subtitle=said
    )


def _read_out(
    over: pd.DataFrame,
    so_far: pd.DataFrame,
    forecast: pd.DataFrame,
    role: Roles,
    rhythm: Rhythm,
    grain: Grain,
) -> list[alt.Chart]:
    """Build the crosshair of the sales: sold, out of stock, forecast."""
    said = {"sold": said_of(over, "day", "sold", grain)}
    if not so_far.empty:
        said[f"sold, {grain.so_far}"] = said_of(so_far, "day", "sold", grain)
    empty = with_days(pd.concat([over, so_far]), "day", grain).set_index("day")["censored"]
    if empty.any():
        said["out of stock"] = empty[empty].map(lambda _: f"for part of the {rhythm.one}")
    said |= said_ahead(forecast, grain)
    axis, from_start = grain.axis(), rhythm.is_daily
    return crosshair(said, role, one=grain.one, hover=grain.hover, axis=axis, from_start=from_start)


def _stock_panel(
    stock: pd.DataFrame,
    arrivals: pd.DataFrame | None,
    role: Roles,
    x: alt.X,
    unit: str,
    grain: Grain,
) -> Any:
    by_day = with_days(stock, "day")
    step = alt.Chart(by_day).mark_area(
        interpolate="step-after", line={"color": role.actual}, color=role.baseline, opacity=0.25
    )
    panel = step.encode(x=x, y=alt.Y("on_hand:Q", axis=_left(f"{unit} on hand")))
    said = {"on hand at close": said_of(stock, "day", "on_hand")}
    if "known" in by_day:
        places = by_day["known"].astype(str) + " of " + by_day["places"].astype(str)
        said["places known"] = places.set_axis(by_day["day"])
    marks = [] if arrivals is None else arrival_marks(arrivals, role, x)
    if arrivals is not None:
        said |= said_of_arrivals(arrivals)
    column = crosshair(said, role, one="day", hover=DAY.hover, axis=grain.axis(), from_start=True)
    layered = alt.layer(panel, *marks, *column).properties(height=STOCK_HEIGHT)
    if arrivals is None:
        return readable_axes(layered, role)
    title, meaning = arrival_words(arrivals, unit)
    return chart_frame(layered, role, title=title, subtitle=meaning)


def ranked_bars(
    frame: pd.DataFrame, role: Roles, *, label: str, value: str, title: str, unit: str, colour: str
) -> Any:
    """Draw horizontal bars, the largest first, the number at the end of each."""
    order = frame[label].tolist()
    longest = float(frame[value].max())
    scale = alt.Scale(domainMax=(1 + NUMBER_ROOM) * longest) if longest > 0 else alt.Scale()
    base = alt.Chart(frame.assign(said=frame[value].map(quantity))).encode(
        y=alt.Y(f"{label}:N", sort=order, title=None, axis=NAME_AXIS),
        x=alt.X(f"{value}:Q", title=None, scale=scale, axis=alt.Axis(tickMinStep=1, tickCount=6)),
    )
    bars = base.mark_bar(color=colour)
    numbers = base.mark_text(align="left", dx=4, color=role.actual).encode(text="said:N")
    chart = alt.layer(bars, numbers).properties(height=FRAME_HEIGHT + ROW_HEIGHT * len(frame))
    return chart_frame(chart, role, title=title, subtitle=unit)


def error_by_level(errors: pd.DataFrame, role: Roles, *, title: str, unit: str) -> Any:
    """Draw two dots a level: ours and seasonal naive, joined by a line. errors: level_name, ours, naive (ratios)."""
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
