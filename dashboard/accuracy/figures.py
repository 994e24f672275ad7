"""Charts of the page Accuracy."""

from typing import Any

import altair as alt
import pandas as pd

from catalog.accuracy import AHEAD
from dashboard.figures import NAME_AXIS
from dashboard.forecasts.backtest_figures import accuracy_cells
from dashboard.theme import CHART_HEIGHT, Roles, chart_frame

LEVEL_HEIGHT, FRAME_HEIGHT = 48, 30
PERCENT = ".0%"


def ahead_cells(cells: pd.DataFrame, role: Roles, *, title: str) -> Any:
    """Draw a cell per level and days ahead: our error as a share of seasonal naive's. cells: of catalog.accuracy."""
    order = {name: place for place, name in enumerate(AHEAD)}
    shown = cells.assign(period=cells["ahead"], origin=cells["ahead"].map(order))
    return accuracy_cells(shown, role, title=title, metric="wape", by="days ahead")


def calibration_rows(held: pd.DataFrame, role: Roles, *, title: str) -> Any:
    """Draw for each level and band how often it held: a dot, beside where it should be and what chance alone does."""
    levels = held.sort_values("level")["level_name"].unique().tolist()
    base = alt.Chart(held).encode(
        y=alt.Y("level_name:N", title=None, scale=alt.Scale(domain=levels), axis=NAME_AXIS),
        yOffset=alt.YOffset("nominal:O"),
    )
    share = alt.Axis(format=PERCENT, title=None, values=[0, *sorted(held["nominal"].unique()), 1])
    chance = base.mark_bar(color=role.baseline, opacity=0.35).encode(
        x=alt.X("low:Q", scale=alt.Scale(domain=[0, 1]), axis=share), x2="high:Q"
    )
    wanted = base.mark_tick(color=role.actual, thickness=2, size=12).encode(x="nominal:Q")
    dots = base.mark_point(color=role.forecast, filled=True, size=70, opacity=1).encode(
        x="held:Q",
        tooltip=[
            alt.Tooltip("level_name:N", title="level"),
            alt.Tooltip("nominal:Q", title="should hold", format=PERCENT),
            alt.Tooltip("held:Q", title="held", format=PERCENT),
            alt.Tooltip("days:Q", title="days"),
        ],
    )
    height = FRAME_HEIGHT + LEVEL_HEIGHT * len(levels)
    return chart_frame(
        alt.layer(chance, wanted, dots).properties(height=height),
        role,
        title=title,
        subtitle=(
            "Share of days inside the 50, 80 and 95 % bands, one below the other. Dot: held. Tick: should hold. "
            "Grey: 90 % of what chance alone does."
        ),
    )


def bias_weeks(bias: pd.DataFrame, role: Roles, *, title: str, where: str) -> Any:
    """Draw the mean signed error of each week around zero, and what chance alone would do."""
    shown = bias.assign(low=-bias["reach"], high=bias["reach"])
    weeks = alt.Axis(format="%-d %b", title=None, tickCount="week", labelOverlap=True)
    base = alt.Chart(shown).encode(x=alt.X("week:T", axis=weeks))
    axis = alt.Axis(format="+.0%")
    band = base.mark_area(color=role.baseline, opacity=0.3).encode(
        y=alt.Y("low:Q", title="forecast less what came", axis=axis), y2="high:Q"
    )
    zero = alt.Chart(pd.DataFrame({"y": [0.0]})).mark_rule(color=role.actual).encode(y="y:Q")
    line = base.mark_line(color=role.forecast, point=True, strokeWidth=2).encode(
        y="bias:Q",
        tooltip=[
            alt.Tooltip("week:T", title="week from", format="%-d %b %Y"),
            alt.Tooltip("bias:Q", title="bias", format="+.1%"),
            alt.Tooltip("days:Q", title="days"),
        ],
    )
    return chart_frame(
        alt.layer(band, zero, line).properties(height=CHART_HEIGHT),
        role,
        title=title,
        subtitle=f"Share of what came, by week, level: {where}. Above zero: too much. Grey: 90 % of what chance does.",
    )
