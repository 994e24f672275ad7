"""What is on order and under way: the words of a shelf's next delivery, and its marks in the picture of stock."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import altair as alt
import pandas as pd

from dashboard.crosshair import rounded
from dashboard.fan import with_days
from dashboard.theme import Roles, quantity

NO_DELIVERY, NO_DAY = "none on order", "on order, day unknown"
LATE = "late"
# Areas of the triangles, by what comes.
SIZES = (40, 220)
# Pixels above the axis; what is late stands above what comes today.
ON_TIME_PX, LATE_PX = 7, 24


def delivery_words(on_order: float | None, day: Any, today: date) -> str:
    """Describe a shelf's next delivery: the day that was promised, whether it has passed, or what is not known."""
    if not pd.isna(day):
        named = f"{day:%a %-d %b}"
        return f"{named}, {LATE}" if pd.Timestamp(day).date() < today else named
    return NO_DELIVERY if pd.isna(on_order) or not on_order else NO_DAY


def arrivals_of(stock: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return what is on order and under way of a product: columns location, day (missing: nobody named one), units.

    stock: the product's lines of stock, as `catalog.read_product` gives them.
    """
    rows = [
        (line["location"], one["expected_on"], one["quantity"])
        for line in stock
        for one in line["arrivals"]
    ]
    found = pd.DataFrame(rows, columns=["location", "day", "units"])
    return found.assign(day=pd.to_datetime(found["day"]))


def next_by_location(arrivals: pd.DataFrame) -> pd.DataFrame:
    """Return on_order (units) and day (the first that was named) by location.

    arrivals: as `arrivals_of` gives them.
    """
    return arrivals.groupby("location").agg(on_order=("units", "sum"), day=("day", "min"))


def arrivals_by_day(arrivals: pd.DataFrame, today: date) -> pd.DataFrame:
    """Add up what comes by day: columns day, units, is_late. What is late may come today; no day, no row.

    arrivals: as `arrivals_of` gives them.
    """
    named = arrivals.dropna(subset=["day"])
    is_late = named["day"] < pd.Timestamp(today)
    by_day = named.assign(day=named["day"].where(~is_late, pd.Timestamp(today)), is_late=is_late)
    return by_day.groupby(["day", "is_late"], as_index=False)[["units"]].sum()


def arrival_words(by_day: pd.DataFrame, unit: str) -> tuple[str, str]:
    """Return title and subtitle of a picture with arrivals: how much comes, when first, and what the marks mean."""
    on_time, is_late = by_day[~by_day["is_late"]], by_day[by_day["is_late"]]
    coming = f"{quantity(on_time['units'].sum())} {unit} on order"
    first = f"{coming}, next delivery {on_time['day'].min():%a %-d %b}" if len(on_time) else ""
    late = f"{quantity(is_late['units'].sum())} {unit} late" if len(is_late) else ""
    hollow = " Hollow: late." if late else ""
    meaning = f"Triangles: expected deliveries, larger for more.{hollow}"
    return "; ".join(said for said in (first, late) if said), meaning


def arrival_marks(by_day: pd.DataFrame, role: Roles, x: alt.X) -> list[alt.Chart]:
    """Draw a triangle on each day on which something should come, hollow where it is late."""
    size = alt.Size(
        "units:Q",
        scale=alt.Scale(domain=[0, float(by_day["units"].max())], range=list(SIZES)),
        legend=None,
    )
    marks = []
    for is_late, some in by_day.groupby("is_late"):
        mark = alt.Chart(with_days(some, "day")).mark_point(
            color=role.incoming,
            shape="triangle-up",
            filled=not is_late,
            opacity=1,
            yOffset=-(LATE_PX if is_late else ON_TIME_PX),
        )
        marks.append(mark.encode(x=x, y=alt.datum(0), size=size))
    return marks


def said_of_arrivals(by_day: pd.DataFrame) -> dict[str, "pd.Series[Any]"]:
    """Return what a crosshair reads out of arrivals, by day."""
    return {
        LATE if is_late else "should come": rounded(
            with_days(some, "day").set_index("day")["units"]
        )
        for is_late, some in by_day.groupby("is_late")
    }
