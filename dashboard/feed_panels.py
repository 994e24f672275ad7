"""The feeds of the Feeds page: their states and rates, which draw themselves anew, and what all its parts share."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from catalog.feeds import (
    OUTCOMES,
    judged,
    rates,
    span,
    state_spans,
    strips,
    window_start,
)
from catalog.frames import read_frame
from dashboard.boundary import plain_words
from dashboard.feed_figures import band_of, rate_chart, state_timeline
from dashboard.reader import Reader
from dashboard.theme import plain, plural, quantity, roles

FEEDS_MAX = 100
LIVE = "5s"
EVERY = "All feeds"
ROW_PX = 28
# States carry in what was heard a day before the window.
REACH = timedelta(hours=24)


def read_feeds(reader: Reader, now: datetime) -> pd.DataFrame:
    """Read every feed with its state, the worst first."""
    settings = reader.settings
    feeds = read_frame(
        reader.engine,
        "feed_list",
        history_h=settings.alert_silent_history_h,
        silent_s_min=settings.alert_silent_s_min,
        silent_factor=settings.alert_silent_factor,
        limit=FEEDS_MAX,
    )
    return judged(feeds, now)


def time_column(label: str) -> Any:
    """A column of instants, in UTC."""
    return st.column_config.DatetimeColumn(
        f"{label} (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"
    )


def switch(name: str, label: str, options: Mapping[str, str]) -> str:
    """Let one of a few be chosen, the first unless the address says another; the choice goes into the address.

    options: what is shown, by what stands in the address under `name`. (Bound by Streamlit, the address would hold
    what is shown, counts and all.)
    """
    first = next(iter(options))
    asked = st.query_params.get(name, first)
    chosen = st.segmented_control(
        label,
        list(options),
        format_func=lambda option: options[option],
        key=f"feeds.{name}",
        default=asked if asked in options else first,
        required=True,
    )
    if chosen is None or chosen == first:
        st.query_params.pop(name, None)
        return first
    st.query_params[name] = chosen
    return chosen


def read_names(reader: Reader) -> list[str]:
    """Names of all feeds, in the order of the alphabet."""
    return sorted(read_feeds(reader, datetime.now(UTC))["feed"].tolist())


def read_bins(reader: Reader, now: datetime) -> pd.DataFrame:
    """Read what feeds sent, in pieces of ten minutes, of the window and a day before it."""
    return read_frame(reader.engine, "feed_bins", since=window_start(now) - REACH)


@st.fragment(run_every=LIVE)
@plain_words("feed rates")
def rates_panel(reader: Reader, bands: pd.DataFrame, feed: str | None) -> None:
    """One row a feed; events a minute, of one or all; states over a day. Draws itself anew."""
    now = datetime.now(UTC)
    feeds, bins = read_feeds(reader, now), read_bins(reader, now)
    st.markdown(headline(feeds))
    _feed_table(feeds, bins, bands, now)
    shown = rates(bins, feed, now)
    usual = band_of(bands, feed, window_start(now), now)
    st.altair_chart(
        rate_chart(
            shown,
            usual,
            roles(),
            title=rate_title(shown, feed),
            subtitle="Events a minute in pieces of ten minutes, the last 24 hours to now; "
            + (
                "dashed: what 95 % of the same hours of four weeks stayed between"
                if not usual.empty
                else "what is usual is known after a week"
            ),
        ),
        width="stretch",
        key="feeds.rates",
    )
    alerts = read_frame(reader.engine, "feed_alert_spans", since=window_start(now))
    spans = state_spans(feeds if feed is None else feeds[feeds["feed"] == feed], bins, alerts, now)
    if not spans.empty:
        chart = state_timeline(spans, roles(), title=timeline_title(spans))
        st.altair_chart(chart, key="feeds.states", width="stretch")
    st.caption(f"Drawn at {now:%H:%M:%S} UTC; draws itself anew every 5 seconds.")


def headline(feeds: pd.DataFrame) -> str:
    """Say in a sentence how the feeds are, the worst first."""
    bad = feeds[feeds["state"].isin(["Firing", "Error", "Pending"])]
    if bad.empty:
        silent = int((feeds["state"] == "No data").sum())
        more = f"; {silent} without data" if silent else ""
        return f"**{plural(len(feeds), 'feed')}, none of them in trouble{more}.**"
    first = bad.iloc[0]
    others = f" {len(bad) - 1} more need a look." if len(bad) > 1 else ""
    return f"**{plain(first['feed'])}: {first['state'].lower()}, {plain(first['why'])}.**{others}"


def rate_title(shown: pd.DataFrame, feed: str | None) -> str:
    """The finding of the rate chart: what came in the last hour, and how much of it was refused."""
    last = shown[shown["at"] > shown["at"].max() - pd.Timedelta(hours=1)]
    sums = last.groupby("outcome")["events"].sum()
    total = int(sums.sum())
    who = "All feeds" if feed is None else feed
    if total == 0:
        return f"{who}: nothing in the last hour"
    refused = int(sums.get("conflict", 0) + sums.get("rejected", 0)) / total
    return f"{who}: {plural(total, 'event')} in the last hour, {refused:.1%} refused"


def timeline_title(spans: pd.DataFrame) -> str:
    """The finding of the timeline: whose state was bad for how long in all."""
    bad = spans[spans["state"].isin(["Firing", "Error"])]
    if bad.empty:
        return "No feed was firing or in error in the last 24 hours"
    took = (bad["end"] - bad["start"]).groupby(bad["feed"]).sum().sort_values(ascending=False)
    return f"{took.index[0]} was firing or in error for {span(took.iloc[0].total_seconds())} of the last 24 hours"


def _feed_table(
    feeds: pd.DataFrame, bins: pd.DataFrame, bands: pd.DataFrame, now: datetime
) -> None:
    strip = strips(bins, now)
    usual = bands[bands["hour_of_day"] == now.hour]
    day = bins[bins["at"] > now - timedelta(hours=24)].groupby("feed")[list(OUTCOMES)].sum()
    total = day.sum(axis=1).reindex(feeds["feed"]).fillna(0).tolist()
    refused = day[["conflict", "rejected"]].sum(axis=1).reindex(feeds["feed"]).fillna(0).tolist()
    shown = pd.DataFrame(
        {
            "state": [[state] for state in feeds["state"]],
            "feed": feeds["feed"],
            "age": [ago(seconds) for seconds in feeds["last_event_s"]],
            "strip": [strip.get(feed, [0] * 24) for feed in feeds["feed"]],
            "events": total,
            "refused": [
                bad / all_ if all_ else None for bad, all_ in zip(refused, total, strict=True)
            ],
            "lag": [lag_words(bins, feed, now) for feed in feeds["feed"]],
            "usual": [_usual(usual, feed) for feed in feeds["feed"]],
            "why": feeds["why"],
            "newest": feeds["newest_event"],
        }
    )
    role = roles()
    st.dataframe(
        shown,
        key="feeds.list",
        hide_index=True,
        placeholder="",
        row_height=ROW_PX,
        column_config={
            "state": st.column_config.MultiselectColumn(
                "State",
                options=["Firing", "Error", "Pending", "No data", "Normal"],
                color=[role.stock_out, role.promotion, role.forecast, role.baseline, role.baseline],
                width="small",
            ),
            "feed": st.column_config.TextColumn("Feed", width="medium"),
            "why": st.column_config.TextColumn("Why", width="medium"),
            "age": st.column_config.TextColumn("Last heard"),
            "strip": st.column_config.BarChartColumn("24 hours, events an hour", y_min=0),
            "events": st.column_config.NumberColumn("Events, 24 h", format="localized"),
            "lag": st.column_config.TextColumn(
                "Lag, last hour",
                help="From the newest event of a minute to the minute's end; exact lags are under Live.",
            ),
            "usual": st.column_config.TextColumn(
                "Usual now, a minute", help="95 % of the same hour of the last four weeks."
            ),
            "refused": st.column_config.NumberColumn("Refused", format="percent"),
            "newest": st.column_config.DatetimeColumn(
                "Newest event of the hour (UTC)", format="MM-DD HH:mm:ss", timezone="UTC"
            ),
        },
    )


def ago(seconds: float | None) -> str:
    """How long ago a feed was heard; feeds count by the minute."""
    if seconds is None or pd.isna(seconds):
        return "never"
    return "within the minute" if seconds < 60 else f"{span(seconds)} ago"


def _usual(usual: pd.DataFrame, feed: str) -> str:
    for row in usual[usual["feed"] == feed].to_dict("records"):
        return f"{quantity(round(row['low'], 1))} to {quantity(round(row['high'], 1))}"
    return ""


def lag_words(bins: pd.DataFrame, feed: str, now: datetime) -> str:
    """How old a feed's newest events of the last hour were when their minute ended; nothing where none came."""
    mine = bins[(bins["feed"] == feed) & (bins["at"] > now - timedelta(hours=1))]["lag_s"].dropna()
    return "" if mine.empty else f"within {span(max(1.0, float(mine.median())))}"
