"""Charts: functions from frames to Altair charts. They read nothing and know no page."""

from typing import Any

import altair as alt
import pandas as pd

from dashboard.theme import CHART_HEIGHT, Roles, chart_frame

BANDS = (("q025", "q975", "95 %"), ("q10", "q90", "80 %"), ("q25", "q75", "50 %"))
DAY_AXIS = alt.Axis(title=None, format="%d %b", labelOverlap=True, tickCount=8)


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


def _boundary(forecast: pd.DataFrame, role: Roles) -> alt.Chart:
    """Where the past ends."""
    edge = pd.DataFrame({"ds": [pd.to_datetime(forecast["ds"]).min() - pd.Timedelta(hours=12)]})
    return alt.Chart(edge).mark_rule(color=role.baseline, strokeWidth=1).encode(x="ds:T")


def sales_and_forecast(
    actual: pd.DataFrame, forecast: pd.DataFrame, role: Roles, *, title: str, unit: str, where: str
) -> Any:
    """Daily units sold and the coming days.

    actual: columns ds, y. forecast: ds, yhat and quantiles (may be empty). The bands are said in the subtitle.
    """
    past = (
        alt.Chart(_days(actual, "ds"))
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
        layers = [*_fan(forecast, role, unit), past, _boundary(forecast, role)]
        said += " Dashed: forecast; bands hold 50, 80 and 95 % of days."
    return chart_frame(
        alt.layer(*layers).properties(height=CHART_HEIGHT), title=title, subtitle=said
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
) -> Any:
    """One product in one picture: sales and forecast above, stock below, over the same days.

    days: columns day, sold, censored (any shop out of stock). stock: day, on_hand. forecast: as above.
    """
    x = alt.X("day:T", axis=DAY_AXIS)
    bars = (
        alt.Chart(_days(days, "day"))
        .mark_bar(color=role.actual, width={"band": 0.7})
        .encode(
            x=x,
            y=alt.Y("sold:Q", title=f"{unit} a day"),
            tooltip=[
                alt.Tooltip("day:T", title="day", format="%a %d %b %Y"),
                alt.Tooltip("sold:Q", title="sold", format=",.1f"),
            ],
        )
    )
    censored = days[days["censored"]]
    ticks = (
        alt.Chart(_days(censored, "day"))
        .mark_tick(color=role.stock_out, thickness=3, size=10, orient="horizontal", yOffset=5)
        .encode(
            x=x,
            y=alt.datum(0),
            tooltip=[alt.Tooltip("day:T", title="out of stock", format="%a %d %b %Y")],
        )
    )
    upper: list[Any] = [bars, *([ticks] if not censored.empty else [])]
    if not forecast.empty:
        upper += [*_fan(forecast, role, f"{unit} a day"), _boundary(forecast, role)]
    panels = [alt.layer(*upper).properties(height=220)]
    if not stock.empty:
        step = (
            alt.Chart(_days(stock, "day"))
            .mark_area(
                interpolate="step-after",
                line={"color": role.actual},
                color=role.baseline,
                opacity=0.25,
            )
            .encode(
                x=x,
                y=alt.Y("on_hand:Q", title=f"{unit} on hand"),
                tooltip=[
                    alt.Tooltip("day:T", title="day", format="%a %d %b %Y"),
                    alt.Tooltip("on_hand:Q", title="on hand at close", format=",.1f"),
                ],
            )
        )
        panels.append(step.properties(height=120))
    said = f"{where}. Bars: sold. Dashed: forecast, bands 50/80/95 %."
    said += " Orange: out of stock for part of the day." if not censored.empty else ""
    chart = alt.vconcat(*panels, spacing=6).resolve_scale(x="shared")
    return chart_frame(chart, title=title, subtitle=said)


def ranked_bars(
    frame: pd.DataFrame, role: Roles, *, label: str, value: str, title: str, unit: str, colour: str
) -> Any:
    """Horizontal bars, the largest first, the number at the end of each."""
    order = frame[label].tolist()
    base = alt.Chart(frame).encode(
        y=alt.Y(f"{label}:N", sort=order, title=None, axis=alt.Axis(labelLimit=260)),
        x=alt.X(f"{value}:Q", title=unit, axis=alt.Axis(tickMinStep=1)),
    )
    bars = base.mark_bar(color=colour)
    numbers = base.mark_text(align="left", dx=4, color=role.actual).encode(
        text=alt.Text(f"{value}:Q", format=",.3~g")
    )
    height = max(80, 26 * len(frame))
    return chart_frame(
        alt.layer(bars, numbers).properties(height=height), title=title, subtitle=unit
    )


def error_by_level(errors: pd.DataFrame, role: Roles, *, title: str, unit: str) -> Any:
    """Two dots a level: ours and seasonal naive, joined by a line. errors: level_name, ours, naive (ratios)."""
    order = errors["level_name"].tolist()
    y = alt.Y("level_name:N", sort=order, title=None, axis=alt.Axis(labelLimit=260))
    x_title = f"{unit} (lower is better)"
    base = alt.Chart(errors)
    scale = alt.Scale(domainMin=0)
    span = base.mark_rule(color=role.baseline, strokeWidth=2).encode(
        y=y, x=alt.X("ours:Q", title=x_title, scale=scale, axis=alt.Axis(format="%")), x2="naive:Q"
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
    chart = alt.layer(span, naive, ours).properties(height=max(120, 34 * len(errors)))
    return chart_frame(
        chart,
        title=title,
        subtitle="Filled blue: the published forecast. Hollow grey: seasonal naive.",
    )
