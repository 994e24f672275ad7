"""Ageing of stock: how long what is on the shelves has been there, first in, first out."""

from typing import Any

import altair as alt
import pandas as pd

from dashboard.figures import FRAME_HEIGHT, NAME_AXIS, ROW_HEIGHT
from dashboard.health.words import value_by_currency
from dashboard.sums import money_words
from dashboard.theme import Roles, amount, chart_frame, legend

# Bands as the report names them, in their order; the last one has no age that is known.
BANDS = [
    "0-30 days",
    "31-60 days",
    "61-90 days",
    "91-180 days",
    "over 180 days",
    "before the ledger",
]
# What is not old yet.
YOUNG = BANDS[:3]
NO_DEPARTMENT = "no department"


def ageing_title(ages: pd.DataFrame) -> str:
    """Say how much of the stock is older than 90 days. ages: of the report health_ageing."""
    old, every = value_by_currency(ages[~ages["band"].isin(YOUNG)]), value_by_currency(ages)
    return f"{money_words(old) if old.amounts else 'Nothing'} of {money_words(every)} came more than 90 days ago"


def ageing_bars(ages: pd.DataFrame, role: Roles, *, title: str) -> Any:
    """Draw a bar of stock value by age for each department and currency. ages: of the report health_ageing."""
    several = ages["currency"].nunique() > 1
    names = ages["department"].fillna(NO_DEPARTMENT)
    shown = ages.assign(
        name=names + " · " + ages["currency"] if several else names,
        order=ages["band"].map(BANDS.index),
        worth=[amount(v, c) for v, c in zip(ages["value"], ages["currency"], strict=True)],
    )
    scale = alt.Scale(domain=BANDS, range=band_colours(role))
    chart = (
        alt.Chart(shown)
        .mark_bar(stroke=role.even, strokeWidth=0.5)
        .encode(
            x=alt.X("value:Q", title=None, stack="zero", axis=alt.Axis(tickCount=5, format="~s")),
            y=alt.Y("name:N", title=None, sort="-x", axis=NAME_AXIS),
            color=alt.Color(
                "band:N",
                scale=scale,
                sort=BANDS,
                legend=legend(len(BANDS), orient="bottom"),
            ),
            order="order:Q",
            tooltip=[
                alt.Tooltip("name:N", title="department"),
                alt.Tooltip("band:N", title="came"),
                alt.Tooltip("worth:N", title="stock value"),
                alt.Tooltip("shelves:Q", title="shelves", format=","),
            ],
        )
    )
    height = FRAME_HEIGHT + ROW_HEIGHT * shown["name"].nunique()
    said = (
        "Stock value by days since it came to its location: what is there is taken to be of the newest deliveries. "
        "“Before the ledger”: no delivery of it is recorded."
    )
    return chart_frame(chart.properties(height=height), role, title=title, subtitle=said)


def band_colours(role: Roles) -> list[str]:
    """Return the colour of each band: blue to orange by age, grey for what has none."""
    return [
        role.forecast,
        _mixed(role.forecast, role.even, 0.5),
        _mixed(role.stock_out, role.even, 0.35),
        _mixed(role.stock_out, role.even, 0.7),
        role.stock_out,
        role.baseline,
    ]


def _mixed(colour: str, other: str, share: float) -> str:
    """Mix two colours, in the share that the first one has."""
    pairs = [(int(colour[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(share * one + (1 - share) * two):02X}" for one, two in pairs)
