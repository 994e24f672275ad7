"""Charts of the page Customers."""

from typing import Any

import altair as alt
import pandas as pd

from dashboard.theme import CHART_HEIGHT, Roles, amount, chart_frame

# Cohorts that one can still read, and months since whose cells have room for a number.
COHORTS_MAX, MONTHS_MAX = 24, 12
CELL_HEIGHT, AXES_HEIGHT = 22, 60
# The fullest cell has half of the full colour, on which the numbers can still be read.
FULL = 2.0
SHARE_AXIS = alt.Axis(format="%")


def cohort_cells(cohorts: pd.DataFrame, role: Roles, *, title: str) -> Any:
    """Draw a cell for each cohort and month since. cohorts: of customer_cohorts, without groups that are too small."""
    month = pd.to_datetime(cohorts["cohort"])
    # a fiscal period may begin on any day
    form = "%b %Y" if (month.dt.day == 1).all() else "%-d %b %Y"
    shown = cohorts.assign(
        row=[
            f"{day:{form}} · {size:,}"
            for day, size in zip(month, cohorts["customers"], strict=True)
        ],
        said=[
            f"{100 * share:.0f}{'' if complete else '*'}"
            for share, complete in zip(cohorts["share"], cohorts["complete"], strict=True)
        ],
        when=pd.to_datetime(cohorts["month"]),
    )
    later = shown[shown["months_since"] > 0]
    top = float(later["share"].max() or 1)
    colours = alt.Scale(
        domain=[0, FULL * top], range=[role.even, role.forecast], clamp=True, interpolate="rgb"
    )
    base = alt.Chart(later).encode(
        x=alt.X(
            "months_since:O", title="months since the first purchase", axis=alt.Axis(labelAngle=0)
        ),
        y=alt.Y("row:N", title=None, sort=None, axis=alt.Axis(labelLimit=160, labelOverlap=False)),
    )
    cells = base.mark_rect(stroke=role.even, strokeWidth=1).encode(
        color=alt.Color("share:Q", scale=colours, legend=None),
        tooltip=[
            alt.Tooltip("row:N", title="cohort"),
            alt.Tooltip("when:T", title="month", format="%b %Y"),
            alt.Tooltip("active:Q", title="bought", format=","),
            alt.Tooltip("share:Q", title="of the cohort", format=".1%"),
        ],
    )
    numbers = base.mark_text(fontSize=10, color=role.actual).encode(text="said:N")
    height = AXES_HEIGHT + CELL_HEIGHT * later["row"].nunique()
    said = (
        "Per cent of the customers who first bought in a month that bought again so many months later, up to a year; "
        "beside the month, how many they are. Star: the month is not over."
    )
    return chart_frame(
        alt.layer(cells, numbers).properties(height=height), role, title=title, subtitle=said
    )


def concentration_curve(points: pd.DataFrame, role: Roles, *, title: str, currency: str) -> Any:
    """Draw which share of net sales the best customers make. points: of customer_concentration."""
    start = pd.DataFrame({"percent": [0], "share": [0.0], "customers": [0], "net_sales": [0.0]})
    shown = pd.concat([start, points[start.columns]]).assign(
        of_all=lambda rows: rows["percent"] / 100,
        worth=lambda rows: [amount(value, currency or None) for value in rows["net_sales"]],
    )
    x = alt.X(
        "of_all:Q", title="customers, best first", scale=alt.Scale(domain=[0, 1]), axis=SHARE_AXIS
    )
    y = alt.Y(
        "share:Q", title="share of net sales", scale=alt.Scale(domain=[0, 1]), axis=SHARE_AXIS
    )
    line = (
        alt.Chart(shown)
        .mark_line(color=role.forecast, strokeWidth=2, point={"size": 12, "color": role.forecast})
        .encode(
            x=x,
            y=y,
            tooltip=[
                alt.Tooltip("of_all:Q", title="best customers", format=".0%"),
                alt.Tooltip("customers:Q", title="customers", format=","),
                alt.Tooltip("worth:N", title="net sales"),
                alt.Tooltip("share:Q", title="share", format=".1%"),
            ],
        )
    )
    even = pd.DataFrame({"of_all": [0.0, 1.0], "share": [0.0, 1.0]})
    alike = alt.Chart(even).mark_line(color=role.baseline, strokeDash=[4, 4]).encode(x=x, y=y)
    said = (
        "Sales less returns of customers that sales name. Dashed: if all of them bought the same."
    )
    chart = alt.layer(alike, line).properties(height=CHART_HEIGHT)
    return chart_frame(chart, role, title=title, subtitle=said)


def holdout_bars(classes: pd.DataFrame, role: Roles, *, title: str, last: int) -> Any:
    """Draw what was predicted beside what came, by repeat purchases before. classes: of the run's holdout."""
    names = {"predicted": "predicted", "came": "came"}
    shown = classes.assign(
        group=[f"{n}{' or more' if n == last else ''}" for n in classes["repeats"]]
    ).melt(["group", "customers"], list(names), "kind", "days")
    colours = alt.Scale(domain=list(names), range=[role.forecast, role.actual])
    bars = alt.Chart(shown).mark_bar().encode(
        x=alt.X("group:N", sort=None, title="repeat purchases before", axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("kind:N", sort=list(names)),
        y=alt.Y("days:Q", title="days with a purchase, mean"),
        color=alt.Color("kind:N", scale=colours, legend=alt.Legend(orient="bottom", title=None)),
        tooltip=[
            alt.Tooltip("group:N", title="repeat purchases before"),
            alt.Tooltip("customers:Q", title="customers", format=","),
            alt.Tooltip("kind:N", title="what"),
            alt.Tooltip("days:Q", title="days a customer", format=".2f"),
        ],
    )  # fmt: skip
    said = "The models see the first two thirds of history; the last third is compared with what they predict."
    return chart_frame(bars.properties(height=CHART_HEIGHT), role, title=title, subtitle=said)


def month_bars(months: pd.DataFrame, role: Roles, *, title: str, currency: str) -> Any:
    """Draw what one customer bought by month. months: of customer_months, in one currency."""
    shown = months.assign(worth=[amount(value, currency or None) for value in months["sales"]])
    bars = alt.Chart(shown).mark_bar(color=role.forecast).encode(
        x=alt.X("yearmonth(month):T", title=None, axis=alt.Axis(format="%b %Y", tickCount=6, labelOverlap=True)),
        y=alt.Y("sales:Q", title=currency or "amount"),
        tooltip=[
            alt.Tooltip("month:T", title="month", format="%b %Y"),
            alt.Tooltip("worth:N", title="bought"),
            alt.Tooltip("days:Q", title="days with a purchase"),
        ],
    )  # fmt: skip
    said = "Amounts bought, before returns."
    return chart_frame(bars.properties(height=CHART_HEIGHT // 2), role, title=title, subtitle=said)
