"""Charts of feeds: events a minute by outcome, states over time, and lag. They read nothing and know no page."""

from datetime import datetime
from typing import Any

import altair as alt
import pandas as pd

from catalog.feeds import OUTCOMES, STATES, span
from dashboard.figures import FRAME_HEIGHT, NAME_AXIS, ROW_HEIGHT
from dashboard.theme import CHART_HEIGHT, Roles, chart_frame, legend

TIME_AXIS = alt.Axis(title="UTC", format="%H:%M", tickCount=12, labelOverlap=True)
# A letter inside each bar, so that colour is not all that tells states apart.
LETTERS = {"Firing": "F", "Error": "E", "Pending": "P", "No data": "0", "Normal": "N"}
LETTER_PX_MIN = 14
LEGEND_HEIGHT = 30
PIECE = pd.Timedelta(minutes=10)


def outcome_colours(role: Roles) -> list[str]:
    """Return the colours of accepted, duplicate, conflict and rejected."""
    return [role.forecast, role.baseline, role.promotion, role.stock_out]


def state_colours(role: Roles) -> list[str]:
    """Return the colours of the states, the worst first."""
    return [role.stock_out, role.promotion, role.forecast, role.even, role.baseline]


def rate_chart(
    rates: pd.DataFrame,
    band: pd.DataFrame,
    role: Roles,
    *,
    title: str,
    subtitle: str,
    top: float | None = None,
) -> Any:
    """Draw events a minute by outcome, stacked, over the last 24 hours up to now, and the usual rate as an outline.

    rates: columns at, outcome, per_minute. band: columns at, low, high (events a minute); may be empty.
    top: pieces are cut off above it.
    """
    pieces = stacked(rates)
    if top is not None:
        pieces = pieces.assign(**{name: pieces[name].clip(upper=top) for name in ("bottom", "top")})
    x = alt.X(
        "at:T",
        axis=TIME_AXIS,
        scale=alt.Scale(type="utc", domain=[_iso(pieces["at"].min()), _iso(pieces["until"].max())]),
    )
    # a rectangle a piece: bars between two instants are not stacked
    bars = (
        alt.Chart(pieces)
        .mark_rect()
        .encode(
            x=x,
            x2="until:T",
            y=alt.Y("top:Q", title="events per minute", scale=alt.Scale(domainMin=0, nice=True)),
            y2="bottom:Q",
            color=alt.Color(
                "outcome:N",
                title=None,
                sort=list(OUTCOMES),
                scale=alt.Scale(domain=list(OUTCOMES), range=outcome_colours(role)),
                legend=legend(len(OUTCOMES)),
            ),
            tooltip=[
                alt.Tooltip("at:T", title="from (UTC)", format="%a %d %b %H:%M", formatType="utc"),
                alt.Tooltip("outcome:N"),
                alt.Tooltip("per_minute:Q", title="events per minute", format=",.1f"),
            ],
        )
    )
    layers = [bars]
    if not band.empty:
        # above the bars as lines: behind them it would not be seen where it matters
        edge = alt.Chart(band).mark_line(
            interpolate="step-after", strokeDash=[4, 3], color=role.actual, strokeWidth=1
        )
        layers += [edge.encode(x="at:T", y=f"{name}:Q") for name in ("low", "high")]
    chart = alt.layer(*layers).properties(height=CHART_HEIGHT)
    return chart_frame(chart, role, title=title, subtitle=subtitle)


def stacked(rates: pd.DataFrame) -> pd.DataFrame:
    """Stack the outcomes of each piece in their order: adds until, bottom and top.

    Zeros are left out, except the accepted events of each piece: an empty piece has to be there to be seen.
    """
    order = {name: index for index, name in enumerate(OUTCOMES)}
    pieces = rates.assign(order=rates["outcome"].map(order)).sort_values(["at", "order"])
    top = pieces.groupby("at")["per_minute"].cumsum()
    pieces = pieces.assign(
        until=pieces["at"] + PIECE, bottom=top - pieces["per_minute"], top=top
    ).drop(columns="order")
    return pieces[(pieces["per_minute"] > 0) | (pieces["outcome"] == OUTCOMES[0])]


def band_of(bands: pd.DataFrame, feed: str | None, start: datetime, now: datetime) -> pd.DataFrame:
    """Return the usual range at each hour of a window: columns at, low, high; empty where nothing is usual yet.

    bands: of the query feed_bands.
    """
    mine = bands[bands["feed"].isna() if feed is None else bands["feed"] == feed]
    hours = pd.date_range(pd.Timestamp(start).floor("h"), now, freq="h")
    frame = pd.DataFrame({"at": hours, "hour_of_day": hours.hour}).merge(mine, on="hour_of_day")
    frame = frame.sort_values("at")[["at", "low", "high"]]
    if frame.empty:
        return frame
    frame["at"] = frame["at"].where(frame["at"] >= pd.Timestamp(start), pd.Timestamp(start))
    return pd.concat([frame, frame.tail(1).assign(at=pd.Timestamp(now))], ignore_index=True)


def state_timeline(spans: pd.DataFrame, role: Roles, *, title: str) -> Any:
    """Draw which state each feed was in, a row a feed. spans: columns feed, state, start, end."""
    feeds = spans["feed"].drop_duplicates().tolist()
    share = (spans["end"] - spans["start"]) / (spans["end"].max() - spans["start"].min())
    # of a chart some 900 px wide
    lettered = spans.assign(
        letter=spans["state"].map(LETTERS).where(share * 900 >= LETTER_PX_MIN, ""),
        middle=spans["start"] + (spans["end"] - spans["start"]) / 2,
    )
    base = alt.Chart(lettered).encode(
        y=alt.Y("feed:N", sort=feeds, title=None, axis=NAME_AXIS),
        tooltip=[
            alt.Tooltip("feed:N"),
            alt.Tooltip("state:N"),
            alt.Tooltip("start:T", title="from (UTC)", format="%a %H:%M", formatType="utc"),
            alt.Tooltip("end:T", title="to (UTC)", format="%a %H:%M", formatType="utc"),
        ],
    )
    x = alt.X("start:T", axis=TIME_AXIS, scale=alt.Scale(type="utc"))
    bars = base.mark_bar(height=ROW_HEIGHT - 8).encode(
        x=x,
        x2="end:T",
        color=alt.Color(
            "state:N",
            title=None,
            sort=list(STATES),
            scale=alt.Scale(domain=list(STATES), range=state_colours(role)),
            legend=legend(len(STATES), narrow=3),
        ),
    )
    letters = base.mark_text(fontSize=11, fontWeight="bold").encode(
        x=alt.X("middle:T"),
        text="letter:N",
        color=alt.condition(
            alt.FieldOneOfPredicate("state", ["No data"]),
            alt.value(role.actual),
            alt.value(role.even),
        ),
    )
    height = FRAME_HEIGHT + LEGEND_HEIGHT + ROW_HEIGHT * len(feeds)
    chart = alt.layer(bars, letters).properties(height=height)
    return chart_frame(
        chart,
        role,
        title=title,
        subtitle="State of each feed over 24 hours, N normal, P pending, F firing, E error, 0 no data",
    )


def lag_chart(lag: pd.DataFrame, role: Roles) -> Any:
    """Draw lag by source: a line from the median to the 95th percentile on a logarithmic axis of seconds.

    lag: columns source, events, median_s, p95_s.
    """
    floor = 0.001
    shown = lag.assign(
        median_s=lag["median_s"].clip(lower=floor), p95_s=lag["p95_s"].clip(lower=floor)
    )
    base = alt.Chart(shown).encode(
        y=alt.Y("source:N", sort=shown["source"].tolist(), title=None, axis=NAME_AXIS),
        tooltip=[
            alt.Tooltip("source:N"),
            alt.Tooltip("median_s:Q", title="median, s", format=",.3~r"),
            alt.Tooltip("p95_s:Q", title="95 % within, s", format=",.3~r"),
            alt.Tooltip("events:Q", title="events", format=","),
        ],
    )
    scale = alt.Scale(type="log", nice=True)
    x = alt.X("median_s:Q", scale=scale, title="seconds", axis=alt.Axis(format="~s", tickCount=8))
    rule = base.mark_rule(strokeWidth=3, color=role.baseline).encode(x=x, x2="p95_s:Q")
    median = base.mark_point(filled=True, size=80, color=role.forecast).encode(x=x)
    late = base.mark_tick(thickness=3, size=14, color=role.actual).encode(
        x=alt.X("p95_s:Q", scale=scale)
    )
    worst = shown.iloc[0]
    return chart_frame(
        alt.layer(rule, median, late).properties(height=FRAME_HEIGHT + ROW_HEIGHT * len(shown)),
        role,
        title=f"{worst['source']}: 95 % of events committed within {span(float(worst['p95_s']))}",
        subtitle="Time from event to commit, latest events by source. Dot: median. Tick: 95 %. Logarithmic",
    )


def _iso(instant: Any) -> str:
    return pd.Timestamp(instant).isoformat()
