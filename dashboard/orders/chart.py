"""How stock of a line is expected to go, with the order and without it, on the paths of its sentence."""

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from dashboard.theme import CHART_HEIGHT, Roles, chart_frame, plural, unit_word

WITH, WITHOUT = "with the order", "without it"


def stock_chart(line: Mapping[str, Any], roles: Roles) -> Any:
    """Draw the middle of stock at the end of each period, and the band that holds 80 % of the paths."""
    frame = stock_frame(line)
    unit = unit_word(str(line["unit"]))
    colours = alt.Scale(domain=[WITH, WITHOUT], range=[roles.incoming, roles.stock_out])
    base = alt.Chart(frame).encode(
        x=alt.X("day:T", axis=alt.Axis(title=None, format="%d %b", labelOverlap=True)),
        color=alt.Color("order:N", scale=colours, legend=alt.Legend(title=None, orient="top")),
        tooltip=[
            alt.Tooltip("day:T", title="Day", format="%a %d %b"),
            alt.Tooltip("order:N", title="Stock"),
            alt.Tooltip("middle:Q", title=f"Expected, {unit}", format=",.0f"),
            alt.Tooltip("low:Q", title="Low (10 %)", format=",.0f"),
            alt.Tooltip("high:Q", title="High (90 %)", format=",.0f"),
        ],
    )
    band = base.mark_area(opacity=0.18).encode(
        y=alt.Y("low:Q", title=f"Stock, {unit}"), y2=alt.Y2("high:Q")
    )
    middle = base.mark_line(strokeWidth=2).encode(y=alt.Y("middle:Q"))
    title = f"Stock of {line['product_name']} at {line['location_name']}{_and_shops(line)}"
    under = f"{unit} at the end of each day: the middle, and the band of 80 % of futures · {_empty_words(line)}"
    return chart_frame(
        (band + middle).properties(height=CHART_HEIGHT), roles, title=title, subtitle=under
    )


def stock_frame(line: Mapping[str, Any]) -> pd.DataFrame:
    """Return stock by day, with the order and without it: low, middle and high."""
    why = line["explanation"]
    parts = []
    for name, key in ((WITH, "with"), (WITHOUT, "without")):
        bands = pd.DataFrame(why[key], columns=["low", "middle", "high"])
        parts.append(bands.assign(day=pd.to_datetime(why["days"]), order=name))
    return pd.concat(parts, ignore_index=True)


def empty_day(line: Mapping[str, Any]) -> pd.Timestamp | None:
    """Return the day on which the shelf is expected to be empty without the order; None if it is not."""
    without = stock_frame(line)
    empty = without[(without["order"] == WITHOUT) & (without["middle"] <= 0)]
    return None if empty.empty else empty["day"].iloc[0]


def _and_shops(line: Mapping[str, Any]) -> str:
    """Say that a warehouse's picture has the stock of its shops in it."""
    shops = line["explanation"].get("data", {}).get("shops")
    return f" and in {plural(shops, 'shop')}" if shops else ""


def _empty_words(line: Mapping[str, Any]) -> str:
    day = empty_day(line)
    if day is None:
        return "not empty by then without the order"
    return f"empty on {day:%a} {day.day} {day:%b} without the order"
