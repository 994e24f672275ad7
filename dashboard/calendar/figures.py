"""The time line of plans: which days each kind takes. It reads nothing and knows no page."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from dashboard.calendar.words import KINDS
from dashboard.figures import FRAME_HEIGHT, NAME_AXIS, ROW_HEIGHT
from dashboard.theme import NOT_ON_A_PHONE, Roles, chart_frame, legend

# More rows are not looked at; what begins first is drawn.
ROWS_MAX = 24
# A number needs so many days of width to be read.
NUMBERED_DAYS_MIN = 2
NAMED_MAX = 3
COLUMNS = ["row", "kind", "start", "end", "last", "count", "names"]


def timeline_runs(plans: pd.DataFrame, first: date, n_days: int) -> pd.DataFrame:
    """Return a row for plans of one kind, name and place, each as runs of days with the same number of plans.

    plans: columns kind, label, where, for_what, terms, starts_on, ends_on (missing: open). Returns COLUMNS: row, kind,
    start and end (half-open), last (day), count of plans, names of some of them; rows in the order of their beginning.
    """
    order = {kind: index for index, kind in enumerate(KINDS)}
    rows = plans.assign(
        row=[
            f"{label} · {where}"
            for label, where in zip(plans["label"], plans["where"], strict=True)
        ],
        order=plans["kind"].map(order),
    ).sort_values(["order", "starts_on"], kind="stable")
    found = [
        run
        for (_, row), same in rows.groupby(["order", "row"], sort=False)
        for run in _runs(str(row), same, first, n_days)
    ]
    return pd.DataFrame(found, columns=COLUMNS)


def _runs(row: str, plans: pd.DataFrame, first: date, n_days: int) -> list[list[Any]]:
    starts = _position(plans["starts_on"], first)
    ends = _position(plans["ends_on"], first, missing=n_days)
    active = (np.arange(n_days) >= starts[:, None]) & (np.arange(n_days) <= ends[:, None])
    count = active.sum(axis=0)
    edges = np.flatnonzero(np.diff(count, prepend=0, append=0))
    runs = []
    for start, end in pairwise(edges):
        if count[start]:
            here = plans[active[:, start]]
            names = [
                f"{what} {how}".strip()
                for what, how in zip(here["for_what"], here["terms"], strict=True)
            ]
            more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
            days = [first + timedelta(days=int(day)) for day in (start, end, end - 1)]
            said = ", ".join(names[:NAMED_MAX]) + more
            runs.append(
                [row, plans["kind"].iloc[0], *map(pd.Timestamp, days), int(count[start]), said]
            )
    return runs


def _position(days: pd.Series, first: date, missing: int = 0) -> np.ndarray[Any, Any]:
    """Count days from the first one, (n,)."""
    return np.array([missing if pd.isna(day) else (day - first).days for day in days])


def timeline(
    runs: pd.DataFrame, role: Roles, first: date, n_days: int, *, title: str, subtitle: str
) -> Any:
    """Draw the runs of `timeline_runs`: a row each, a bar a run, with how many plans it has."""
    ends = [day.isoformat() for day in (first, first + timedelta(days=n_days))]
    names = runs["row"].drop_duplicates().tolist()
    colours = [role.promotion, role.forecast, role.stock_out, role.incoming, role.baseline]
    kinds = [kind for kind in KINDS if kind in set(runs["kind"])]
    base = alt.Chart(runs.assign(kind_name=runs["kind"].map(KINDS))).encode(
        y=alt.Y("row:N", sort=names, title=None, axis=NAME_AXIS),
        tooltip=[
            alt.Tooltip("row:N", title="plan"),
            alt.Tooltip("start:T", title="from", format="%a %d %b"),
            alt.Tooltip("last:T", title="to", format="%a %d %b"),
            alt.Tooltip("count:Q", title="plans"),
            alt.Tooltip("names:N", title="for"),
        ],
    )
    bars = base.mark_bar(height=ROW_HEIGHT * 0.7, stroke=role.even, strokeWidth=1).encode(
        x=alt.X(
            "start:T",
            axis=alt.Axis(title=None, format="%d %b", tickCount="week"),
            scale=alt.Scale(domain=ends),
        ),
        x2="end:T",
        color=alt.Color(
            "kind_name:N",
            title=None,
            sort=[KINDS[kind] for kind in kinds],
            scale=alt.Scale(
                domain=[KINDS[kind] for kind in kinds],
                range=[colours[list(KINDS).index(kind)] for kind in kinds],
            ),
            legend=legend(len(kinds)),
        ),
    )
    wide = (runs["end"] - runs["start"]) >= pd.Timedelta(days=NUMBERED_DAYS_MIN)
    middle = runs["start"] + (runs["end"] - runs["start"]) / 2
    numbered = runs.assign(middle=middle, text=runs["count"].astype(str))[
        wide & (runs["count"] > 1)
    ]
    number = (
        alt.Chart(numbered)
        .mark_text(fontSize=11, fontWeight="bold", color=role.even, opacity=NOT_ON_A_PHONE)
        .encode(x="middle:T", y=alt.Y("row:N", sort=names), text="text:N")
    )
    height = FRAME_HEIGHT + ROW_HEIGHT * len(names)
    return chart_frame(
        alt.layer(bars, number).properties(height=height), role, title=title, subtitle=subtitle
    )
