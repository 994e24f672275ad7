"""The crosshair of a chart over time: wherever the pointer is, the nearest period is marked and read out in words."""

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from dashboard.theme import Roles, quantity

NAME = "crosshair"
# The marked column, light enough to see what is below it.
OPACITY = 0.3
# A chart of one point has no gap to be as wide as.
ALONE = pd.Timedelta(days=1)


def rounded(values: "pd.Series[float]") -> "pd.Series[Any]":
    """Write quantities as a crosshair reads them out; what is missing stays missing."""
    return values.map(quantity, na_action="ignore").astype(object)


def between(low: "pd.Series[float]", high: "pd.Series[float]") -> "pd.Series[Any]":
    """Write an interval: "18 to 45"; missing where an end is."""
    known = low.notna() & high.notna()
    words = rounded(low).astype(str) + " to " + rounded(high).astype(str)
    return words.where(known, None)


def crosshair(
    said: Mapping[str, "pd.Series[Any]"],
    role: Roles,
    *,
    one: str,
    hover: str,
    axis: alt.Axis,
    from_start: bool = False,
) -> list[alt.Chart]:
    """Build the layers on top of a chart, of columns as high as it and as wide as a period, which show on hover.

    said: text by instant, by its name for people. one, hover: name and format of a period. axis: of the chart below.
    from_start: marks begin at their instants, as bars of days do. A column reads out what is known of its instant and
    nothing else, so those that know the same share a layer.
    """
    columns = _columns(said, hover, from_start)
    # a layer for each set of things that are known together
    alike = columns.groupby([columns[name].notna() for name in said])
    layers = []
    for number, (are_known, group) in enumerate(alike):
        names = [name for name, is_known in zip(said, are_known, strict=True) if is_known]
        shown = group[["start", "end", "when", *names]]
        layers.append(_layer(shown, names, number, role, one, axis))
    return layers


def _columns(said: Mapping[str, "pd.Series[Any]"], hover: str, from_start: bool) -> pd.DataFrame:
    frame = pd.DataFrame(dict(said)).sort_index()
    at = frame.index.to_series()
    gap = at.diff().fillna(at.diff().min()).fillna(ALONE)
    start = at if from_start else at - gap / 2
    last = at.iloc[-1:] + (gap.iloc[-1:] if from_start else gap.iloc[-1:] / 2)
    end = start.shift(-1).fillna(last)
    return frame.assign(start=start, end=end, when=at.dt.strftime(hover)).dropna(
        how="all", subset=list(said)
    )


def _layer(
    group: pd.DataFrame, names: list[str], number: int, role: Roles, one: str, axis: alt.Axis
) -> alt.Chart:
    pointed = alt.selection_point(
        name=f"{NAME}_{number}", on="pointerover", clear="pointerout", fields=["start"], empty=False
    )
    # a column's name may have a dot or a bracket, which Vega reads as a path
    plain = {name: f"said{place}" for place, name in enumerate(names)}
    return (
        alt.Chart(group.rename(columns=plain), name=f"{NAME}_{number}")
        .mark_rect()
        .encode(
            x=alt.X("start:T", axis=axis),
            # classes of channels, not short forms: Altair looks through all of its classes for each of these
            x2=alt.X2("end:T"),
            y=alt.YValue(0),
            y2=alt.Y2Value("height"),
            color=alt.ColorValue(
                **alt.condition(pointed, alt.value(role.baseline), alt.value("transparent"))
            ),
            opacity=alt.OpacityValue(OPACITY),
            tooltip=[
                alt.Tooltip("when:N", title=one),
                *(alt.Tooltip(f"{field}:N", title=name) for name, field in plain.items()),
            ],
        )
        .add_params(pointed)
    )
