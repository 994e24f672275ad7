"""Stock ahead under each scenario, as a chart."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from dashboard.crosshair import crosshair, rounded
from dashboard.fan import DAY
from dashboard.theme import CHART_HEIGHT, Roles, chart_frame

# Dashes tell scenarios apart without their colours.
DASHES = ([1, 0], [6, 4], [2, 3], [8, 3, 2, 3])


def stock_ahead(
    days: Sequence[str], figures: Sequence[Mapping[str, Any]], role: Roles, *, where: str
) -> Any:
    """Draw the stock of all lines at the end of each day: the middle of its futures, and 80 % of them for what is."""
    frame = pd.concat(
        [
            pd.DataFrame(one["stock"], columns=["low", "mid", "high"]).assign(
                ds=pd.to_datetime(list(days)), scenario=one["name"]
            )
            for one in figures
        ],
        ignore_index=True,
    )
    names = [one["name"] for one in figures]
    colours = [role.actual, role.forecast, role.stock_out, role.promotion][: len(names)]
    x = alt.X("ds:T", axis=DAY.axis())
    band = (
        alt.Chart(frame[frame["scenario"] == names[0]])
        .mark_area(color=role.actual, opacity=role.band_opacity[2])
        .encode(x=x, y=alt.Y("low:Q", title="units in stock"), y2="high:Q")
    )
    lines = (
        alt.Chart(frame)
        .mark_line(strokeWidth=1.75)
        .encode(
            x=x,
            y=alt.Y("mid:Q", title="units in stock"),
            color=alt.Color(
                "scenario:N",
                scale=alt.Scale(domain=names, range=colours),
                legend=alt.Legend(title=None, orient="top", labelColor=role.actual, labelLimit=300),
            ),
            strokeDash=alt.StrokeDash(
                "scenario:N",
                scale=alt.Scale(domain=names, range=list(DASHES[: len(names)])),
                legend=None,
            ),
        )
    )
    read = {
        name: rounded(frame[frame["scenario"] == name].set_index("ds")["mid"]) for name in names
    }
    layers = [band, lines, *crosshair(read, role, one=DAY.one, hover=DAY.hover, axis=DAY.axis())]
    return chart_frame(
        alt.layer(*layers).properties(height=CHART_HEIGHT),
        role,
        title=f"Stock ahead, {where}",
        subtitle="Lines: the middle of the possible futures. Band: 80 % of them as it is.",
    )
