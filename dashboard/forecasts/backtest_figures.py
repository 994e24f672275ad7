"""Charts of a backtest: every candidate at every level, what forecasting adds, and accuracy by level and origin."""

from typing import Any

import altair as alt
import pandas as pd

from catalog.experiments import CHOSEN, NAIVE, NOT_CANDIDATES
from dashboard.figures import FRAME_HEIGHT, NAME_AXIS, ROW_HEIGHT
from dashboard.theme import Roles, chart_frame

# The same colour means the same on every page and day: half of naive's error or less, one and a half of it or more.
RATIO_LOW, RATIO_HIGH = 0.5, 1.5
# On a cell that is further from 1 than this, dark ink is read better in either theme.
DEEP = 0.35
DARK_INK = "#14171A"
# A period on two lines: on one, it covers its neighbour's from five origins on.
TWO_LINES = "split(replace(datum.label, ' to ', '|to '), '|')"


def backtest_dots(backtest: pd.DataFrame, role: Roles, *, title: str, metric: str) -> Any:
    """Draw every candidate at every level: the choice filled, seasonal naive hollow, the others as ticks.

    backtest: columns level, level_name, candidate, value; one run, one metric, lower is better.
    """
    order = backtest.sort_values("level")["level_name"].unique().tolist()
    y = alt.Y("level_name:N", sort=order, title=None, axis=NAME_AXIS)
    x = alt.X(
        "value:Q",
        title=f"{metric.upper()}, mean over origins",
        scale=alt.Scale(zero=False, padding=12),
        axis=alt.Axis(tickCount=6),
    )
    tooltip = [
        alt.Tooltip("level_name:N", title="level"),
        alt.Tooltip("candidate:N"),
        alt.Tooltip("value:Q", title=metric, format=".3f"),
    ]
    special = [*NOT_CANDIDATES, NAIVE]
    ticks = (
        alt.Chart(backtest[~backtest["candidate"].isin(special)])
        .mark_tick(color=role.baseline, thickness=2, size=16)
        .encode(y=y, x=x, tooltip=tooltip)
    )
    naive = (
        alt.Chart(backtest[backtest["candidate"] == NAIVE])
        .mark_point(color=role.actual, size=80, strokeWidth=1.5, filled=False)
        .encode(y=y, x=x, tooltip=tooltip)
    )
    chosen = (
        alt.Chart(backtest[backtest["candidate"] == CHOSEN])
        .mark_point(color=role.forecast, size=110, filled=True, opacity=1)
        .encode(y=y, x=x, tooltip=tooltip)
    )
    chart = alt.layer(ticks, naive, chosen).properties(
        height=FRAME_HEIGHT + ROW_HEIGHT * len(order)
    )
    return chart_frame(
        chart,
        role,
        title=title,
        subtitle="Blue: published. Ring: seasonal naive. Ticks: other models. Further left is better.",
    )


def value_added(levels: pd.DataFrame, role: Roles, *, unit: str) -> Any:
    """Draw per level the share of seasonal naive's error that the forecast saves.

    levels: columns level_name, ours, naive (errors).
    """
    gains = levels.assign(gain=1 - levels["ours"] / levels["naive"])
    gains["label"] = [f"{gain:+.0%} {'better' if gain >= 0 else 'worse'}" for gain in gains["gain"]]
    order = gains["level_name"].tolist()
    reach = max(0.1, 1.35 * float(gains["gain"].abs().max()))
    low = -reach if (gains["gain"] < 0).any() else 0.0
    base = alt.Chart(gains).encode(
        y=alt.Y("level_name:N", sort=order, title=None, axis=NAME_AXIS),
        x=alt.X(
            "gain:Q",
            title=None,
            scale=alt.Scale(domain=[low, reach]),
            axis=alt.Axis(format="+%", tickCount=6),
        ),
    )
    colour = alt.condition("datum.gain < 0", alt.value(role.stock_out), alt.value(role.forecast))
    bars = base.mark_bar(size=14).encode(
        color=colour,
        tooltip=[
            alt.Tooltip("level_name:N", title="level"),
            alt.Tooltip("ours:Q", title="published", format=".3f"),
            alt.Tooltip("naive:Q", title="seasonal naive", format=".3f"),
            alt.Tooltip("label:N", title="vs seasonal naive"),
        ],
    )
    numbers = [
        base.transform_filter(where)
        .mark_text(align=align, dx=dx, color=role.actual)
        .encode(text=alt.Text("label:N"))
        for where, align, dx in (
            ("datum.gain >= 0", "left", 4),
            ("datum.gain < 0", "right", -4),
        )
    ]
    zero = (
        alt.Chart(pd.DataFrame({"zero": [0.0]}))
        .mark_rule(color=role.actual)
        .encode(x=alt.X("zero:Q"))
    )
    better = int((gains["gain"] > 0).sum())
    chart = alt.layer(bars, *numbers, zero).properties(
        height=FRAME_HEIGHT + ROW_HEIGHT * len(gains)
    )
    return chart_frame(
        chart,
        role,
        title=f"Forecasting adds value at {better} of {len(gains)} levels",
        subtitle=f"Reduction of seasonal naive's {unit} by the published forecast.",
    )


def accuracy_cells(
    ratios: pd.DataFrame, role: Roles, *, title: str, metric: str, by: str = "period tested"
) -> Any:
    """Draw a cell per level and origin: the error as a share of seasonal naive's, the number in it.

    ratios: columns level, level_name, period (words), origin, ratio, ours, naive; a missing ratio is an empty cell.
    """
    levels = ratios.sort_values("level")["level_name"].unique().tolist()
    periods = ratios.sort_values("origin")["period"].unique().tolist()
    # the domains keep a level or period whose cells are all empty; a missing number would be written as 0
    base = (
        alt.Chart(ratios)
        .transform_filter("isValid(datum.ratio)")
        .encode(
            x=alt.X(
                "period:N",
                title=None,
                scale=alt.Scale(domain=periods),
                axis=alt.Axis(
                    orient="top",
                    labelAngle=0,
                    labelOverlap=False,
                    labelFlush=False,
                    labelExpr=TWO_LINES,
                ),
            ),
            y=alt.Y("level_name:N", title=None, scale=alt.Scale(domain=levels), axis=NAME_AXIS),
        )
    )
    colour = alt.Color(
        "ratio:Q",
        legend=None,
        scale=alt.Scale(
            domain=[RATIO_LOW, 1.0, RATIO_HIGH],
            range=[role.forecast, role.even, role.stock_out],
            clamp=True,
            interpolate="rgb",
        ),
    )
    cells = base.mark_rect(stroke=role.even, strokeWidth=1).encode(
        color=colour,
        tooltip=[
            alt.Tooltip("level_name:N", title="level"),
            alt.Tooltip("period:N", title=by),
            alt.Tooltip("ratio:Q", title="share of naive's error", format=".2f"),
            alt.Tooltip("ours:Q", title=f"{metric.upper()}, published", format=".3f"),
            alt.Tooltip("naive:Q", title=f"{metric.upper()}, naive", format=".3f"),
            *([alt.Tooltip("days:Q", title="days")] if "days" in ratios else []),
        ],
    )
    ink = alt.condition(
        f"abs(datum.ratio - 1) > {DEEP}", alt.value(DARK_INK), alt.value(role.actual)
    )
    numbers = base.mark_text(fontSize=12, fontWeight="bold").encode(
        text=alt.Text("ratio:Q", format=".2f"), color=ink
    )
    chart = alt.layer(cells, numbers).properties(height=FRAME_HEIGHT + ROW_HEIGHT * len(levels))
    return chart_frame(
        chart,
        role,
        title=title,
        subtitle=(
            f"Published {metric.upper()} ÷ seasonal naive's, by {by}. "
            "Below 1 (blue): better. Above 1 (orange): worse."
        ),
    )
