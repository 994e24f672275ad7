"""Charts of the page Demand."""

from typing import Any

import altair as alt
import pandas as pd

from dashboard.theme import CHART_HEIGHT, Roles, chart_frame, readable_axes

WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
CELLS_HEIGHT = 210
LOST_HEIGHT = 130
# Half as much as expected, and half as much again, have the full colours.
RATIOS = [0.5, 1.0, 1.5]
CLASS_LIMITS = {"A": 0.8, "B": 0.95}
DAY_AXIS = alt.Axis(format="%-d %b %Y", title=None, labelOverlap=True, tickCount=6)
WEEKDAY_AXIS = alt.Y(
    "weekday:N", title=None, scale=alt.Scale(domain=WEEKDAYS), axis=alt.Axis(labelOverlap=False)
)


def sold_and_lost(
    days: pd.DataFrame, so_far: pd.DataFrame, role: Roles, *, title: str, unit: str, note: str
) -> Any:
    """Draw what was sold, and above it what was lost. days: day, sold, lost; so_far: of days that are not over."""
    shown = days.assign(demand=days["sold"] + days["lost"])
    x = alt.X("day:T", axis=DAY_AXIS)
    base = alt.Chart(shown).encode(x=x)
    lost = base.mark_area(color=role.stock_out, opacity=0.45).encode(
        y=alt.Y("sold:Q", title=unit), y2="demand:Q"
    )
    demand = base.mark_line(color=role.actual, strokeDash=[2, 3]).encode(y="demand:Q")
    tips = [
        alt.Tooltip("day:T", title="day", format="%a %-d %b %Y"),
        alt.Tooltip("sold:Q", title="sold", format=",.1f"),
        alt.Tooltip("lost:Q", title="lost", format=",.1f"),
        alt.Tooltip("demand:Q", title="estimated demand", format=",.1f"),
    ]
    sold = base.mark_line(
        color=role.actual, strokeWidth=2, point={"size": 20, "color": role.actual}
    )
    layers = [lost, demand, sold.encode(y="sold:Q", tooltip=tips)]
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
                x=x, y="sold:Q", tooltip=[tips[0], alt.Tooltip("sold:Q", title="sold so far")]
            )
        )
        said += " Hollow: so far."
    chart = alt.layer(*layers).properties(height=CHART_HEIGHT)
    return chart_frame(chart, role, title=title, subtitle=said)


def lost_bars(days: pd.DataFrame, role: Roles, *, unit: str) -> Any:
    """Draw what was lost on each day by itself: beside what sold it is often too little to be seen."""
    bars = alt.Chart(days).mark_bar(color=role.stock_out)
    shown = bars.encode(
        x=alt.X("yearmonthdate(day):T", axis=DAY_AXIS),
        y=alt.Y("lost:Q", title=f"{unit} lost", axis=alt.Axis(tickCount=3)),
        tooltip=[
            alt.Tooltip("day:T", title="day", format="%a %-d %b %Y"),
            alt.Tooltip("lost:Q", title="lost", format=",.1f"),
        ],
    )
    return readable_axes(shown.properties(height=LOST_HEIGHT), role)


def calendar_cells(days: pd.DataFrame, role: Roles, *, title: str) -> Any:
    """Draw a cell for each day, weeks from left to right. days: day, sold, expected, ratio."""
    day = pd.to_datetime(days["day"])
    shown = days.assign(
        week=day - pd.to_timedelta(day.dt.weekday, unit="D"),
        weekday=day.dt.weekday.map(dict(enumerate(WEEKDAYS))),
    )
    colours = alt.Scale(
        domain=RATIOS,
        range=[role.stock_out, role.even, role.forecast],
        clamp=True,
        interpolate="rgb",
    )
    cells = alt.Chart(shown).mark_rect(stroke=role.even, strokeWidth=1)
    cells = cells.encode(
        x=alt.X(
            "yearmonthdate(week):O",
            title=None,
            axis=alt.Axis(format="%-d %b %Y", labelOverlap=True, labelAngle=0),
        ),
        y=WEEKDAY_AXIS,
        color=alt.Color("ratio:Q", scale=colours, legend=None),
        tooltip=[
            alt.Tooltip("day:T", title="day", format="%a %-d %b %Y"),
            alt.Tooltip("sold:Q", title="sold", format=",.1f"),
            alt.Tooltip("expected:Q", title="expected", format=",.1f"),
            alt.Tooltip("ratio:Q", title="of expected", format=".0%"),
        ],
    )
    said = (
        "Sold ÷ expected: the mean of the same weekday in the four weeks before and after. Orange: less, blue: more; "
        "full colour from half as much, and half as much again, on."
    )
    return chart_frame(cells.properties(height=CELLS_HEIGHT), role, title=title, subtitle=said)


def hour_cells(hours: pd.DataFrame, role: Roles, *, title: str, unit: str) -> Any:
    """Draw a cell for each hour of the week. hours: weekday (1 is Monday), hour, units_a_day."""
    shown = hours.assign(weekday=hours["weekday"].map(dict(enumerate(WEEKDAYS, start=1))))
    span = list(range(int(hours["hour"].min()), int(hours["hour"].max()) + 1))
    colours = alt.Scale(domainMin=0, range=[role.even, role.forecast], interpolate="rgb")
    cells = alt.Chart(shown).mark_rect(stroke=role.even, strokeWidth=1)
    cells = cells.encode(
        x=alt.X("hour:O", title="hour", scale=alt.Scale(domain=span), axis=alt.Axis(labelAngle=0)),
        y=WEEKDAY_AXIS,
        color=alt.Color("units_a_day:Q", scale=colours, legend=None),
        tooltip=[
            alt.Tooltip("weekday:N", title="weekday"),
            alt.Tooltip("hour:O", title="hour"),
            alt.Tooltip("units_a_day:Q", title=f"{unit} on an average day", format=",.1f"),
        ],
    )
    said = f"{unit.capitalize()} on an average day, on each shop's own clock. Days that are not over are left out."
    return chart_frame(cells.properties(height=CELLS_HEIGHT), role, title=title, subtitle=said)


def month_bars(months: pd.DataFrame, role: Roles, *, title: str) -> Any:
    """Draw each month's index beside 1. months: name, index, units_a_day, days."""
    base = alt.Chart(months)
    bars = base.mark_bar(color=role.forecast).encode(
        x=alt.X("name:N", sort=None, title=None, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("index:Q", title="index"),
        tooltip=[
            alt.Tooltip("name:N", title="month"),
            alt.Tooltip("index:Q", title="index", format=".2f"),
            alt.Tooltip("units_a_day:Q", title="units a day", format=",.1f"),
            alt.Tooltip("days:Q", title="days"),
        ],
    )
    mean = alt.Chart(pd.DataFrame({"index": [1.0]})).mark_rule(color=role.actual, strokeDash=[4, 4])
    chart = alt.layer(bars, mean.encode(y="index:Q")).properties(height=CHART_HEIGHT)
    said = "Units a day in the month ÷ the mean of all months, over all of the history. A trend is in it."
    return chart_frame(chart, role, title=title, subtitle=said)


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
    base = alt.Chart(limits).encode(y="limit:Q")
    rules = base.mark_rule(color=role.baseline, strokeDash=[4, 4])
    names = base.mark_text(align="left", dx=4, dy=9, color=role.actual).encode(
        x=alt.value(0), text="name:N"
    )
    said = "Revenue of sales less returns. Dashed: A ends at 80 %, B at 95 %, C is the rest."
    chart = alt.layer(rules, names, line).properties(height=CHART_HEIGHT)
    return chart_frame(chart, role, title=title, subtitle=said)
