"""The fan: what was sold and what is forecast, with its bands or sample paths and the naive line, by any period."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import altair as alt
import pandas as pd

from dashboard.crosshair import between, crosshair, rounded
from dashboard.theme import (
    CHART_HEIGHT,
    NOT_ON_A_PHONE,
    Roles,
    chart_frame,
    days_between,
    in_words,
)
from stocktide.domain.rhythm import Rhythm

BANDS = (("q025", "q975", "95 %"), ("q10", "q90", "80 %"), ("q25", "q75", "50 %"))
DAY_FORMAT = "%d %b"
# Room right of the last day for the bands' names, as a share of the days shown.
LABEL_ROOM = 0.045
# Names are at least this share of the highest value apart, so that none covers another.
LABEL_GAP = 0.075


# Longer periods are drawn over years.
LONG_FORMAT = "%b %Y"


@dataclass(frozen=True)
class Grain:
    """Period that a point stands for. hours_before: from a point back to where the past ends.

    by_month: points stand above the name of the month that their period ends in.
    """

    one: str
    many: str
    so_far: str
    hover: str
    hours_before: int
    axis_format: str = DAY_FORMAT
    by_month: bool = False

    def axis(self, ticks: int = 8) -> alt.Axis:
        """Build the axis of time."""
        return alt.Axis(title=None, format=self.axis_format, labelOverlap=True, tickCount=ticks)

    def over(self, *days: "pd.Series[Any]") -> "Grain":
        """Return the grain whose axis names the year, where some days are of several years."""
        years = {year for some in days if len(some) for year in pd.to_datetime(some).dt.year}
        return (
            self
            if "%Y" in self.axis_format or len(years) < 2
            else replace(self, axis_format=f"{self.axis_format} %Y")
        )


DAY = Grain("day", "days", "today so far", "%a %d %b %Y", 12)
# Days summed to weeks for reading, named by their Mondays.
WEEK = Grain("week", "weeks", "current week so far", "week from %a %d %b %Y", 84)


def grain_of(rhythm: Rhythm) -> Grain:
    """Return the points of a forecast in its own rhythm."""
    if rhythm.is_daily:
        return DAY
    so_far = f"current {rhythm.one} so far"
    return Grain(
        rhythm.one,
        rhythm.many,
        so_far,
        rhythm.hover,
        12 * rhythm.days_max,
        axis_format=LONG_FORMAT,
        by_month=rhythm.frequency in ("M", "Q"),
    )


def with_days(frame: pd.DataFrame, column: str, grain: Grain = DAY) -> pd.DataFrame:
    """Turn a column of dates, the last days of periods, into the instants that charts draw them at."""
    days = pd.to_datetime(frame[column])
    if grain.by_month:
        days = days.dt.to_period("M").dt.start_time
    return frame.assign(**{column: days})


def days_ahead(forecast: pd.DataFrame, today: date) -> str:
    """Format the days that a forecast is for, such as "28 Nov–25 Dec"; forecast: as `node_days` returns it.

    Days that are over when they are read are named so: what was forecast once is not expected now.
    """
    first = pd.to_datetime(forecast["first_day"].iloc[0]).date()
    last = pd.to_datetime(forecast["ds"].iloc[-1]).date()
    days = days_between(first, last, today=today)
    return f"{days}, days that are over" if last < today else days


def band_words(bands: Sequence[str], coverage: Mapping[str, float] | None, many: str) -> str:
    """Describe what bands are aimed at, and what they held when it was measured, such as on held-out days.

    bands: names such as "80 %", the narrowest first. coverage: shares by width, empty where nothing was measured; None
    names the bands alone.
    """
    widths = [name.removesuffix(" %") for name in bands]
    said = f"bands: {in_words(widths)} % intervals"
    if coverage is None:
        return said
    if not all(width in coverage for width in widths):
        return f"{said}, aimed at and not measured"
    held = in_words([f"{100 * coverage[width]:.0f}" for width in widths])
    return f"{said}, which held {held} % of {many} when tested"


def known_bands(forecast: pd.DataFrame) -> list[tuple[str, str, str]]:
    """List columns and names of the bands that a forecast has on every day, the widest first."""
    return [band for band in BANDS if forecast[list(band[:2])].notna().all(axis=None)]


def fan_layers(forecast: pd.DataFrame, role: Roles, unit: str, grain: Grain = DAY) -> list[Any]:
    """Build the discrete bands, the widest first, and after them the dashed mean."""
    base = alt.Chart(with_days(forecast, "ds", grain).drop(columns="first_day", errors="ignore"))
    x = alt.X("ds:T", axis=grain.axis())
    opacity = dict(zip((name for *_, name in BANDS), reversed(role.band_opacity), strict=True))
    bands = known_bands(forecast)
    layers = [
        base.mark_area(color=role.forecast, opacity=opacity[name]).encode(
            x=x, y=alt.Y(f"{low}:Q", title=unit), y2=f"{high}:Q"
        )
        for low, high, name in bands
    ]
    line = base.mark_line(color=role.forecast, strokeDash=[6, 4], strokeWidth=1.75).encode(
        x=x, y=alt.Y("yhat:Q", title=unit)
    )
    return [*layers, line]


def said_ahead(forecast: pd.DataFrame, grain: Grain = DAY) -> dict[str, "pd.Series[Any]"]:
    """Return what a crosshair reads out of a forecast: the mean, and the middle one of its bands."""
    if forecast.empty:
        return {}
    by_day = with_days(forecast, "ds", grain).set_index("ds")
    said = {"forecast": rounded(by_day["yhat"])}
    for low, high, name in known_bands(forecast)[-2:-1]:
        said[f"{name} interval"] = between(by_day[low], by_day[high])
    return said


def said_of(frame: pd.DataFrame, column: str, value: str, grain: Grain = DAY) -> "pd.Series[Any]":
    """Return a column of numbers as a crosshair reads it out, by the instants of a column of days."""
    return rounded(with_days(frame, column, grain).set_index(column)[value])


def boundary(
    forecast: pd.DataFrame, role: Roles, *, hours_before: int, grain: Grain = DAY
) -> alt.Chart:
    """Draw where the past ends: midway between two points, or where the last bar does."""
    first = with_days(forecast, "ds", grain)["ds"].min()
    edge = pd.DataFrame({"ds": [first - pd.Timedelta(hours=hours_before)]})
    return alt.Chart(edge).mark_rule(color=role.baseline, strokeWidth=1).encode(x=alt.X("ds:T"))


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
    naive: pd.DataFrame | None = None,
    grain: Grain = DAY,
    coverage: Mapping[str, float] | None = None,
    pointer: bool = True,
    published: pd.DataFrame | None = None,
) -> Any:
    """Draw units sold and forecast, by day or by another period; the subtitle says what each line is.

    actual: columns ds, y; from `today` on (a Monday where days are shown as weeks) they still grow and are hollow.
    forecast: ds, yhat and quantiles (may be empty). paths: path, ds, units; drawn in place of the bands. naive: ds, y;
    dotted. coverage: what the bands held when it was measured, by width. pointer: False where nobody can point at it.
    published: ds, yhat of the forecast before overrides, drawn beside the one with them.
    """
    grain = grain.over(actual["ds"], *([] if forecast.empty else [forecast["ds"]]))
    over, so_far = split_today(actual, "ds", today)
    layers: list[Any] = [_sold(over, role, unit, grain)]
    read: dict[str, Any] = {"sold": said_of(over, "ds", "y", grain)}
    said = f"{unit}, {where}. Solid: sold."
    if not forecast.empty:
        ahead, meaning = _ahead(actual, forecast, paths, role, unit, grain, coverage)
        edge = boundary(forecast, role, hours_before=grain.hours_before, grain=grain)
        layers = [*ahead, *layers, edge]
        what = "forecast" if published is None else "forecast with overrides"
        said += f" Dashed: {what}{meaning}."
    if published is not None:
        layers.append(published_line(published, role, grain))
        said += " Grey: as published."
    if naive is not None and not naive.empty:
        layers.append(_naive(naive, role, grain))
        said += " Dotted: seasonal naive."
    if not so_far.empty:
        hollow = alt.Chart(with_days(so_far, "ds", grain)).mark_point(
            color=role.actual, size=60, filled=False
        )
        layers.append(hollow.encode(x=alt.X("ds:T"), y=alt.Y("y:Q")))
        said += f" Hollow: {grain.so_far}."
        read[f"sold, {grain.so_far}"] = said_of(so_far, "ds", "y", grain)
    read |= said_ahead(forecast, grain)
    if published is not None:
        read["as published"] = said_of(published, "ds", "yhat", grain)
    if naive is not None and not naive.empty:
        read["seasonal naive"] = said_of(naive, "ds", "y", grain)
    if pointer:
        layers += crosshair(read, role, one=grain.one, hover=grain.hover, axis=grain.axis())
    return chart_frame(
        alt.layer(*layers).properties(height=CHART_HEIGHT), role, title=title, subtitle=said
    )


def _sold(over: pd.DataFrame, role: Roles, unit: str, grain: Grain) -> alt.Chart:
    return (
        alt.Chart(with_days(over, "ds", grain))
        .mark_line(color=role.actual, strokeWidth=1.75)
        .encode(
            x=alt.X("ds:T", axis=grain.axis()),
            y=alt.Y("y:Q", title=unit),
        )
    )


def _ahead(
    actual: pd.DataFrame,
    forecast: pd.DataFrame,
    paths: pd.DataFrame | None,
    role: Roles,
    unit: str,
    grain: Grain,
    coverage: Mapping[str, float] | None,
) -> tuple[list[Any], str]:
    """Build the layers of the forecast, and a text that explains them."""
    layers = fan_layers(forecast, role, unit, grain)
    if paths is not None and not paths.empty:
        ways = paths["path"].nunique()
        meaning = f"; thin lines: {ways} possible futures, the same at every level"
        return [_paths(paths, role, unit, grain), layers[-1]], meaning
    bands = known_bands(forecast)
    if not bands:
        return layers, ""
    meaning = band_words([name for *_, name in reversed(bands)], coverage, grain.many)
    return [*layers, _edge_names(actual, forecast, role)], f"; {meaning}"


def _paths(paths: pd.DataFrame, role: Roles, unit: str, grain: Grain) -> alt.Chart:
    return (
        alt.Chart(with_days(paths, "ds", grain))
        .mark_line(color=role.forecast, strokeWidth=0.8, opacity=0.55)
        .encode(
            x=alt.X("ds:T", axis=grain.axis()),
            y=alt.Y("units:Q", title=unit),
            detail=alt.Detail("path:N"),
        )
    )


def published_line(published: pd.DataFrame, role: Roles, grain: Grain) -> alt.Chart:
    """Draw the forecast before overrides, thin beside the one with them. published: ds, yhat."""
    return (
        alt.Chart(with_days(published[["ds", "yhat"]], "ds", grain))
        .mark_line(color=role.baseline, strokeDash=[3, 3], strokeWidth=1.5)
        .encode(x=alt.X("ds:T", axis=grain.axis()), y=alt.Y("yhat:Q"))
    )


def _naive(naive: pd.DataFrame, role: Roles, grain: Grain) -> alt.Chart:
    return (
        alt.Chart(with_days(naive, "ds", grain))
        .mark_line(color=role.actual, strokeDash=[1, 4], strokeWidth=1.5, strokeCap="round")
        .encode(
            x=alt.X("ds:T", axis=grain.axis()),
            y=alt.Y("y:Q"),
        )
    )


def _edge_names(actual: pd.DataFrame, forecast: pd.DataFrame, role: Roles) -> alt.Chart:
    """Label each band at its upper edge, right of the last point: as it is on the last day that is not closed."""
    days = pd.to_datetime(pd.concat([actual["ds"], forecast["ds"]]))
    bands = known_bands(forecast)
    low, high, _ = bands[0]
    top = max(float(forecast[high].max()), float(actual["y"].max()))
    # on a closed day nothing sells, and the bands are one line
    open_days = forecast[forecast[high] > forecast[low]]
    last = (forecast if open_days.empty else open_days).iloc[-1]
    rows: list[dict[str, Any]] = []
    for _, high, name in reversed(bands):
        edge = float(last[high])
        rows.append(
            {"edge": max([edge, *(row["edge"] + LABEL_GAP * top for row in rows)]), "name": name}
        )
    frame = pd.DataFrame(rows).assign(ds=days.max() + LABEL_ROOM * (days.max() - days.min()))
    return (
        alt.Chart(frame)
        .mark_text(
            align="right", baseline="middle", fontSize=11, color=role.actual, opacity=NOT_ON_A_PHONE
        )
        .encode(x=alt.X("ds:T"), y=alt.Y("edge:Q"), text=alt.Text("name:N"))
    )
