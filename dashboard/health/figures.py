"""Charts of the page Inventory health."""

from typing import Any

import altair as alt
import pandas as pd

from dashboard.figures import FRAME_HEIGHT, NAME_AXIS, ROW_HEIGHT
from dashboard.health.words import STATES, named
from dashboard.theme import CHART_HEIGHT, Roles, amount, chart_frame, legend

BAR_HEIGHT, GAP = 28, 32
# Of the bars' axis and legend: the height of a picture has them in it.
AXIS_AND_LEGEND = 110
PERCENT = ".0%"
# A part that is smaller has no room for its number.
WRITTEN_MIN = 0.07


def state_colours(role: Roles) -> dict[str, str]:
    """Return the colour of each state."""
    colours = (
        role.actual,
        role.stock_out,
        role.incoming,
        role.forecast,
        role.promotion,
        role.baseline,
    )
    return dict(zip(STATES, colours, strict=True))


def bar_parts(states: pd.DataFrame) -> pd.DataFrame:
    """Return the parts of the bars: a row for each currency and state with value, and where it begins and ends."""
    known = states[states["currency"].notna() & (states["value"] > 0)]
    order = known["state"].map(list(STATES).index)
    grouped = known.assign(order=order).groupby(["currency", "order", "state"], as_index=False)
    parts: pd.DataFrame = grouped.agg(value=("value", "sum"))
    by_currency = parts.groupby("currency")["value"]
    parts["share"] = parts["value"] / by_currency.transform("sum")
    parts["end"] = parts.groupby("currency")["share"].cumsum()
    return parts.assign(
        begin=parts["end"] - parts["share"],
        middle=parts["end"] - parts["share"] / 2,
        name=parts["state"].map(named),
        worth=[amount(v, c) for v, c in zip(parts["value"], parts["currency"], strict=True)],
        said=[f"{share:.0%}" if share >= WRITTEN_MIN else "" for share in parts["share"]],
    )


def value_bar(parts: pd.DataFrame, role: Roles, *, title: str, valued_at: str) -> Any:
    """Draw one 100 % bar of stock value for each currency. parts: of `bar_parts`."""
    colours = state_colours(role)
    present = [state for state in STATES if state in set(parts["state"])]
    scale = alt.Scale(domain=[named(s) for s in present], range=[colours[s] for s in present])
    bar_legend = legend(len(present), orient="bottom", narrow=3)
    y = alt.Y("currency:N", title=None, axis=NAME_AXIS)
    base = alt.Chart(parts)
    bars = base.mark_bar(height=BAR_HEIGHT).encode(
        y=y,
        x=alt.X(
            "begin:Q",
            title=None,
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format=PERCENT, tickCount=5),
        ),
        x2="end:Q",
        color=alt.Color("name:N", scale=scale, legend=bar_legend),
        tooltip=[
            alt.Tooltip("name:N", title="state"),
            alt.Tooltip("worth:N", title="stock value"),
            alt.Tooltip("share:Q", title="share", format=PERCENT),
        ],
    )
    # above the bar: no colour of a text can be read on every colour of a state
    numbers = base.mark_text(color=role.actual, dy=-BAR_HEIGHT / 2 - 9)
    chart = alt.layer(bars, numbers.encode(y=y, x="middle:Q", text="said:N"))
    height = AXIS_AND_LEGEND + (BAR_HEIGHT + GAP) * parts["currency"].nunique()
    subtitle = f"Share of stock value at {valued_at}, by currency. Empty shelves have no value."
    return chart_frame(chart.properties(height=height), role, title=title, subtitle=subtitle)


def matrix_cells(matrix: pd.DataFrame, *, by: str) -> pd.DataFrame:
    """Add the rows of the report health_matrix up to cells. by: what columns are, department or category.

    A shop with stock in several currencies has a row for each.
    """
    several = matrix["currency"].nunique() > 1
    named = matrix.assign(
        row=matrix["location"] + (" · " + matrix["currency"] if several else ""),
        column=matrix[by].fillna(f"no {by}"),
    )
    of_a_cell = ["code", "row", "column", "currency"]
    cells = named.groupby(of_a_cell, as_index=False)[["shelves", "value", "not_healthy"]].sum()
    share = cells["not_healthy"] / cells["value"]
    return cells.assign(
        share=share,
        said=share.map("{:.0%}".format),
        worth=[amount(v, c) for v, c in zip(cells["value"], cells["currency"], strict=True)],
    )


def health_matrix(cells: pd.DataFrame, role: Roles, *, title: str) -> Any:
    """Draw a cell for each shop and category: the share of its stock value that is not healthy, the worst first."""
    sums = {name: cells.groupby(name)[["not_healthy", "value"]].sum() for name in ("row", "column")}
    orders = {
        name: (of["not_healthy"] / of["value"]).sort_values(ascending=False).index.tolist()
        for name, of in sums.items()
    }
    base = alt.Chart(cells).encode(
        x=alt.X(
            "column:N",
            title=None,
            sort=orders["column"],
            axis=alt.Axis(orient="top", labelAngle=-40, labelOverlap=False, labelLimit=160),
        ),
        y=alt.Y("row:N", title=None, sort=orders["row"], axis=NAME_AXIS),
    )
    rects = base.mark_rect(stroke=role.even, strokeWidth=1).encode(
        color=alt.Color(
            "share:Q",
            legend=None,
            scale=alt.Scale(domain=[0, 1], range=[role.even, role.stock_out], interpolate="rgb"),
        ),
        tooltip=[
            alt.Tooltip("row:N", title="shop"),
            alt.Tooltip("column:N", title="of"),
            alt.Tooltip("said:N", title="not healthy"),
            alt.Tooltip("worth:N", title="stock value"),
            alt.Tooltip("shelves:Q", title="shelves"),
        ],
    )
    numbers = base.mark_text(color=role.actual).encode(text="said:N")
    height = FRAME_HEIGHT + ROW_HEIGHT * len(orders["row"])
    return chart_frame(
        alt.layer(rects, numbers).properties(height=height),
        role,
        title=title,
        subtitle="Share of stock value that is not healthy. Worst shops on top, worst categories left.",
    )


def out_of_stock_days(trend: pd.DataFrame, role: Roles, *, title: str) -> Any:
    """Draw the out-of-stock rate by day."""
    base = alt.Chart(trend.assign(day=pd.to_datetime(trend["day"])))
    line = base.mark_line(
        color=role.stock_out, strokeWidth=2, point={"color": role.stock_out, "size": 16}
    )
    chart = line.encode(
        x=alt.X("day:T", title=None, axis=alt.Axis(format="%-d %b", tickCount=6)),
        y=alt.Y("rate:Q", title=None, scale=alt.Scale(domainMin=0), axis=alt.Axis(format="%")),
        tooltip=[
            alt.Tooltip("day:T", title="day", format="%-d %b %Y"),
            alt.Tooltip("rate:Q", title="out-of-stock rate", format=".1%"),
            alt.Tooltip("empty:Q", title="shelves out of stock", format=","),
            alt.Tooltip("known:Q", title="of shelves", format=","),
        ],
    )
    return chart_frame(
        chart.properties(height=CHART_HEIGHT),
        role,
        title=title,
        subtitle="Shelves that were empty for a time, of all whose stock is known, by day.",
    )
