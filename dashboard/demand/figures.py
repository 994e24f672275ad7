"""Charts of the page Demand."""

from typing import Any

import altair as alt
import pandas as pd

from dashboard.theme import CHART_HEIGHT, Roles, chart_frame, readable_axes

LOST_HEIGHT = 130
# Of a day's room, taken by its bar.
BAR_SHARE = 0.7
CLASS_LIMITS = {"A": 0.8, "B": 0.95}
DAY_AXIS = alt.Axis(format="%-d %b %Y", title=None, labelOverlap=True, tickCount=6)
# What stands where somebody points at an exceptional day.
EXCEPTIONAL_TIPS = [
    alt.Tooltip("day:T", title="day", format="%a %-d %b %Y"),
    alt.Tooltip("exceptional:N", title="exceptional"),
]
MARKED = "Triangles: closed, an event, or unusual sales; dots: promotions."


def exceptional_marks(days: pd.DataFrame, role: Roles, x: Any) -> Any:
    """Mark the exceptional days at the top of a chart by day, each with its names. days: as of `with_names`."""
    marked = days[days["exceptional"] != ""].drop_duplicates("day")
    marks = alt.Chart(marked).mark_point(filled=True, opacity=1, color=role.promotion)
    return marks.encode(
        x=x,
        y=alt.value(4),
        shape=alt.condition("datum.stands_out", alt.value("triangle-down"), alt.value("circle")),
        size=alt.condition("datum.stands_out", alt.value(70), alt.value(18)),
        tooltip=EXCEPTIONAL_TIPS,
    )


def sold_and_lost(
    days: pd.DataFrame, so_far: pd.DataFrame, role: Roles, *, title: str, unit: str, note: str
) -> Any:
    """Draw what was sold, and above it what was lost.

    days: day, sold, lost, exceptional, stands_out; so_far: of days that are not over.
    """
    shown = days.assign(demand=days["sold"] + days["lost"])
    x = _days_axis(pd.concat([days["day"], so_far["day"]]))
    base = alt.Chart(shown).encode(x=x)
    lost = base.mark_area(color=role.stock_out, opacity=0.45).encode(
        y=alt.Y("sold:Q", title=unit), y2=alt.Y2("demand:Q")
    )
    demand = base.mark_line(color=role.actual, strokeDash=[2, 3]).encode(y=alt.Y("demand:Q"))
    tips = [
        alt.Tooltip("day:T", title="day", format="%a %-d %b %Y"),
        alt.Tooltip("sold:Q", title="sold", format=",.1f"),
        alt.Tooltip("lost:Q", title="lost", format=",.1f"),
        alt.Tooltip("demand:Q", title="estimated demand", format=",.1f"),
    ]
    sold = base.mark_line(
        color=role.actual, strokeWidth=2, point={"size": 20, "color": role.actual}
    )
    layers = [lost, demand, sold.encode(y=alt.Y("sold:Q"), tooltip=tips)]
    said = (
        "Line: sold. Dotted: estimated demand. Orange: lost, to the mean of the shelf's in-stock days of the same "
        f"weekday in the four weeks before and after. {note}"
    )
    if not so_far.empty:
        hollow = alt.Chart(so_far).mark_point(
            color=role.actual, filled=False, size=60, strokeWidth=2
        )
        layers.append(
            hollow.encode(
                x=x,
                y=alt.Y("sold:Q"),
                tooltip=[tips[0], alt.Tooltip("sold:Q", title="sold so far")],
            )
        )
        said += " Hollow: so far."
    if (days["exceptional"] != "").any():
        layers.append(exceptional_marks(days, role, x))
        said += f" {MARKED}"
    chart = alt.layer(*layers).properties(height=CHART_HEIGHT)
    return chart_frame(chart, role, title=title, subtitle=said)


def _days_axis(days: "pd.Series[Any]") -> alt.X:
    """Build the axis of days; half a day of room on each side, so that points and bars of a day stand at one place."""
    half = pd.Timedelta(hours=12)
    ends = (pd.Timestamp(days.min()) - half, pd.Timestamp(days.max()) + half)
    scale = alt.Scale(domain=[f"{moment:%Y-%m-%dT%H:%M:%S}" for moment in ends])
    return alt.X("day:T", axis=DAY_AXIS, scale=scale)


def lost_bars(days: pd.DataFrame, of_chart: "pd.Series[Any]", role: Roles, *, unit: str) -> Any:
    """Draw what was lost on each day by itself: beside what sold it is often too little to be seen.

    of_chart: days of the chart above, which these bars stand below.
    """
    x = _days_axis(of_chart)
    width = alt.ExprRef(f"max(1, {BAR_SHARE} * width / {of_chart.nunique()})")
    bars = alt.Chart(days).mark_bar(color=role.stock_out, size=width)
    shown = bars.encode(
        x=x,
        y=alt.Y("lost:Q", title=f"{unit} lost", axis=alt.Axis(tickCount=3)),
        tooltip=[
            alt.Tooltip("day:T", title="day", format="%a %-d %b %Y"),
            alt.Tooltip("lost:Q", title="lost", format=",.1f"),
        ],
    )
    chart = alt.layer(shown, exceptional_marks(days, role, x))
    return readable_axes(chart.properties(height=LOST_HEIGHT), role)


def price_points(prices: pd.DataFrame, role: Roles, *, title: str) -> Any:
    """Draw volume against price, and the elasticity through them. prices: of price_volume."""
    fitted = prices.assign(fitted=prices["relative_price"] ** prices["elasticity"])
    x = alt.X(
        "relative_price:Q",
        title="price beside its mean",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(format="%"),
    )
    y = alt.Y(
        "relative_volume:Q",
        title="units a day beside their mean",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(format="%"),
    )
    line = (
        alt.Chart(fitted)
        .mark_line(color=role.forecast)
        .encode(x=x, y=alt.Y("fitted:Q", scale=alt.Scale(type="log", nice=False)))
    )
    dots = (
        alt.Chart(fitted)
        .mark_point(color=role.actual, filled=True, opacity=0.8)
        .encode(
            x=x,
            y=y,
            size=alt.Size("prices:Q", legend=None),
            tooltip=[
                alt.Tooltip("relative_price:Q", title="price beside its mean", format=".0%"),
                alt.Tooltip("relative_volume:Q", title="volume beside its mean", format=".0%"),
                alt.Tooltip("prices:Q", title="prices"),
            ],
        )
    )
    said = (
        "Dots: prices of a product in a shop that held on seven days with stock, last 52 weeks; larger: more of them. "
        "Line: the elasticity. Promotions are in it, and what else changed on the same days."
    )
    chart = alt.layer(line, dots).properties(height=CHART_HEIGHT)
    return chart_frame(chart, role, title=title, subtitle=said)


def pareto_curve(products: pd.DataFrame, role: Roles, *, title: str) -> Any:
    """Draw the share of revenue that the best sellers make. products: of demand_pareto, in one currency."""
    start = pd.DataFrame({"rank": [0], "cumulative_share": [0.0]})
    shown = pd.concat([start, products[["rank", "cumulative_share", "name", "class"]]])
    share = alt.Y(
        "cumulative_share:Q",
        title="share of revenue",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format="%"),
    )
    line = (
        alt.Chart(shown)
        .mark_line(color=role.forecast, strokeWidth=2)
        .encode(
            x=alt.X(
                "rank:Q",
                title="products, best sellers first",
                axis=alt.Axis(tickMinStep=1, format="d"),
            ),
            y=share,
            tooltip=[
                alt.Tooltip("rank:Q", title="rank"),
                alt.Tooltip("name:N", title="product"),
                alt.Tooltip("class:N", title="class"),
                alt.Tooltip("cumulative_share:Q", title="share so far", format=".1%"),
            ],
        )
    )
    limits = pd.DataFrame({"name": list(CLASS_LIMITS), "limit": list(CLASS_LIMITS.values())})
    base = alt.Chart(limits).encode(y=alt.Y("limit:Q"))
    rules = base.mark_rule(color=role.baseline, strokeDash=[4, 4])
    names = base.mark_text(align="left", dx=4, dy=9, color=role.actual).encode(
        x=alt.value(0), text=alt.Text("name:N")
    )
    said = "Revenue of sales less returns. Dashed: A ends at 80 %, B at 95 %, C is the rest."
    chart = alt.layer(rules, names, line).properties(height=CHART_HEIGHT)
    return chart_frame(chart, role, title=title, subtitle=said)
