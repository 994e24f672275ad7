"""Charts of versions: each against seasonal naive, where two disagree, the champions over time, and drift."""

from typing import Any

import altair as alt
import pandas as pd

from dashboard.crosshair import crosshair
from dashboard.fan import DAY, Grain, grain_of, said_of, with_days
from dashboard.figures import FRAME_HEIGHT, NAME_AXIS, ROW_HEIGHT
from dashboard.theme import CHART_HEIGHT, Roles, chart_frame, quantity
from stocktide.domain.rhythm import DAILY, Rhythm

TILE_HEIGHT = 100
# Tiles are three in a row: a longer title would be cut by the next one.
TITLE_PX = 300
SHAPES = ("circle", "square", "triangle-up", "diamond")
# How a page names what the registry keeps as a version's status.
# What a crosshair reads out where two versions disagree.
READ = {"newer": "now", "older": "before"}
STATUS = {
    "champion": "current version",
    "challenger": "new version",
    "rejected": "not published",
    "retired": "replaced",
}


def compare_versions(gains: pd.DataFrame, role: Roles, *, metric: str) -> Any:
    """Draw per level the share of seasonal naive's error that each version saves on its own test periods.

    gains: columns version, level, level_name, gain; at most 4 versions.
    """
    named = gains.assign(version="version " + gains["version"].astype(str))
    order = named.sort_values("level")["level_name"].unique().tolist()
    versions = sorted(named["version"].unique(), key=lambda name: int(name.split()[1]))
    colours = [role.forecast, role.actual, role.stock_out, role.promotion][: len(versions)]
    dots = (
        alt.Chart(named)
        .mark_point(size=90, filled=True, opacity=0.9)
        .encode(
            y=alt.Y("level_name:N", sort=order, title=None, axis=NAME_AXIS),
            x=alt.X(
                "gain:Q",
                title=None,
                scale=alt.Scale(padding=16),
                axis=alt.Axis(format="+%", tickCount=6),
            ),
            color=alt.Color(
                "version:N",
                sort=versions,
                title=None,
                scale=alt.Scale(domain=versions, range=colours),
            ),
            shape=alt.Shape(
                "version:N",
                sort=versions,
                title=None,
                scale=alt.Scale(domain=versions, range=list(SHAPES[: len(versions)])),
            ),
            tooltip=[
                alt.Tooltip("level_name:N", title="level"),
                "version:N",
                alt.Tooltip("gain:Q", title="error reduced by", format="+.1%"),
            ],
        )
    )
    zero = alt.Chart(pd.DataFrame({"zero": [0.0]})).mark_rule(color=role.actual).encode(x="zero:Q")
    chart = alt.layer(zero, dots).properties(height=FRAME_HEIGHT + ROW_HEIGHT * len(order))
    return chart_frame(
        chart,
        role,
        title="Each version vs seasonal naive on its own test periods",
        subtitle=f"Reduction of seasonal naive's {metric.upper()}. Left of the line: worse than naive.",
    ).configure_legend(labelColor=role.actual, orient="top")


def disagreement_tiles(days: pd.DataFrame, role: Roles, rhythm: Rhythm = DAILY) -> list[Any]:
    """Draw a tile for each node where two versions disagree: the newer one solid, the older one dashed.

    days: rows of the query disagreements, of which the first node disagrees most.
    """
    return [
        _disagreement(of, role, grain_of(rhythm)) for _, of in days.groupby("node_id", sort=False)
    ]


def _disagreement(of: pd.DataFrame, role: Roles, grain: Grain) -> Any:
    days, time = with_days(of, "ds", grain), grain.over(of["ds"]).axis(ticks=4)
    base = alt.Chart(days).encode(x=alt.X("ds:T", axis=time))
    read = {name: said_of(of, "ds", value, grain) for name, value in READ.items()}
    axis = alt.Axis(tickCount=3)
    older = base.mark_line(color=role.actual, strokeDash=[4, 3], strokeWidth=1.25).encode(
        y=alt.Y("before:Q", title=None, axis=axis)
    )
    newer = base.mark_line(color=role.forecast, strokeWidth=1.75).encode(
        y=alt.Y("now:Q", title=None, axis=axis)
    )
    before, now = float(of["before"].sum()), float(of["now"].sum())
    first = of.iloc[0]
    moved = f"{quantity(before)} → {quantity(now)} units"
    apart = f", {first['apart']:.2f} intervals apart" if pd.notna(first["apart"]) else ""
    column = crosshair(read, role, one=grain.one, hover=grain.hover, axis=time)
    chart = alt.layer(older, newer, *column).properties(height=FRAME_HEIGHT + TILE_HEIGHT)
    framed = chart_frame(chart, role, title=str(first["label"]), subtitle=f"{moved}{apart}")
    return framed.configure_title(limit=TITLE_PX)


def version_history(models: pd.DataFrame, role: Roles) -> Any:
    """Draw the score of every version by the day it was trained to; champions filled, the present one ringed.

    models: columns version, cutoff, score, status, decided_by; no score is missing.
    """
    frame = models.assign(
        cutoff=pd.to_datetime(models["cutoff"]), state=models["status"].map(STATUS)
    )
    x = alt.X("cutoff:T", axis=DAY.over(frame["cutoff"]).axis())
    y = alt.Y("score:Q", title="error", scale=alt.Scale(zero=False, padding=12))
    tooltip = [
        alt.Tooltip("version:Q", title="version"),
        alt.Tooltip("cutoff:T", title="trained to", format="%a %d %b %Y"),
        alt.Tooltip("score:Q", title="error", format=".4f"),
        alt.Tooltip("state:N", title="status"),
    ]
    base = alt.Chart(frame).encode(x=x, y=y, tooltip=tooltip)
    reigned = base.transform_filter("datum.status == 'champion' || datum.status == 'retired'")
    line = reigned.mark_line(color=role.forecast, strokeWidth=1.5, interpolate="step-after")
    champions = reigned.mark_point(color=role.forecast, size=70, filled=True, opacity=1)
    others = base.transform_filter(
        "datum.status == 'rejected' || datum.status == 'challenger'"
    ).mark_point(color=role.actual, size=60, shape="cross", filled=True)
    present = base.transform_filter("datum.status == 'champion'").mark_point(
        color=role.actual, size=220, filled=False, strokeWidth=2
    )
    chart = alt.layer(line, champions, others, present).properties(height=CHART_HEIGHT - 60)
    return chart_frame(
        chart,
        role,
        title="Error of published versions over time",
        subtitle=(
            "Mean over levels and origins, each on its own test periods; lower is better. "
            "Ring: current version. Crosses: not published."
        ),
    )


def drift_lines(
    drift: pd.DataFrame, role: Roles, *, level_name: str, rhythm: Rhythm = DAILY
) -> Any:
    """Draw one level's error of each period against what was expected; alarms marked.

    drift: columns day (last of the period), wape, expected_wape, alarm of one level.
    """
    grain = grain_of(rhythm)
    frame = with_days(drift, "day", grain)
    base = alt.Chart(frame)
    axis = grain.over(drift["day"]).axis()
    x = alt.X("day:T", axis=axis)
    y = alt.Y("wape:Q", title=f"WAPE of the {rhythm.one}", axis=alt.Axis(format="%", tickCount=5))
    shares = frame.set_index("day")[["wape", "expected_wape"]].map(
        "{:.1%}".format, na_action="ignore"
    )
    read = {"error": shares["wape"], "expected": shares["expected_wape"]}
    error = base.mark_line(
        color=role.actual, strokeWidth=1.5, point={"color": role.actual, "size": 20}
    )
    expected = base.mark_line(color=role.baseline, strokeDash=[4, 4])
    alarms = base.transform_filter("datum.alarm").mark_point(
        color=role.stock_out, shape="triangle-up", filled=True, size=110, opacity=1
    )
    chart = alt.layer(
        expected.encode(x=x, y=alt.Y("expected_wape:Q")),
        error.encode(x=x, y=y),
        alarms.encode(x=x, y=y),
        *crosshair(read, role, one=grain.one, hover=grain.hover, axis=axis),
    ).properties(height=CHART_HEIGHT - 80)
    count, periods = int(drift["alarm"].sum()), rhythm.counted(len(drift))
    return chart_frame(
        chart,
        role,
        title=(
            f"{count} alarm{'s' if count != 1 else ''} in {periods}: published forecast vs actuals"
            if count
            else f"No alarms in {periods}: error as expected"
        ),
        subtitle=f"Level: {level_name}. Dashed: expected error. Triangle: larger than chance, retraining requested.",
    )
