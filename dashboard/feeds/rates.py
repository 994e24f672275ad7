"""Rates of feeds: the list, events per minute of one or all, and states over a day; refreshes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pandas as pd
import streamlit as st

from catalog.feeds import rates, readable_top, span, state_spans, window_start
from catalog.frames import read_frame
from dashboard.charts import draw_chart
from dashboard.feeds.figures import band_of, rate_chart, state_timeline
from dashboard.feeds.list import FEEDS_SHOWN, feed_rows, feed_table, headline, read_feeds
from dashboard.friendly_errors import friendly_errors
from dashboard.panels import AsSql, rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.theme import plural, quantity, roles
from dashboard.widgets import EVERY, LIVE, listed_note

# States include what was sent a day before the window.
REACH = timedelta(hours=24)
# As many rows as a reader scans.
TIMELINE_ROWS = 30


@st.fragment(run_every=LIVE)
@friendly_errors("feed rates")
def rates_panel(reader: Reader, bands: pd.DataFrame, feed: str | None) -> None:
    """Draw one row a feed, events per minute of one or all, and states over a day; refreshes."""
    now = datetime.now(UTC)
    feeds = read_feeds(reader, now)
    worst = feeds.head(FEEDS_SHOWN)
    alerts = read_frame(reader.engine, "feed_alert_spans", since=window_start(now), feed=feed)
    timed = of_timeline(feeds, alerts, feed)
    bins = read_bins(reader, [*worst["feed"], *timed["feed"]], now)
    st.markdown(headline(feeds))
    feed_table(feed_rows(worst, bins, bands, now))
    rows_foot(
        now,
        f"{rows_words(len(worst), len(feeds), 'feed')}, worst first",
        key="feeds.list.csv",
        file="feeds",
        read=feeds.copy,
        sql=AsSql(reader, "Feeds of the last 24 hours", "feed_day"),
    )
    _rates(reader, bins, bands, feed, now)
    spans = state_spans(timed, bins, alerts, now)
    if not spans.empty:
        chart = state_timeline(spans, roles(), title=timeline_title(spans))
        draw_chart(chart, "feeds.states")
    if feed is None and (cut := listed_note(len(timed), len(feeds), "shown")):
        st.caption(f"{cut} Feeds with alerts in these 24 hours come first.")
    st.caption(f"Updated at {now:%H:%M:%S} UTC; refreshes every 5 seconds.")


def of_timeline(feeds: pd.DataFrame, alerts: pd.DataFrame, feed: str | None) -> pd.DataFrame:
    """Return the feeds whose states are drawn: the chosen one, or those with alerts, then the worst."""
    if feed is not None:
        return feeds[feeds["feed"] == feed]
    alerted = feeds["feed"].isin(alerts["feed"])
    return pd.concat([feeds[alerted], feeds[~alerted]]).head(TIMELINE_ROWS)


def read_bins(reader: Reader, feeds: Sequence[str], now: datetime) -> pd.DataFrame:
    """Read what some feeds sent, in pieces of ten minutes, of the window and a day before it."""
    since = window_start(now) - REACH
    return read_frame(reader.engine, "feed_bins", since=since, feeds=sorted(set(feeds)))


def _rates(
    reader: Reader, bins: pd.DataFrame, bands: pd.DataFrame, feed: str | None, now: datetime
) -> None:
    start = window_start(now)
    sent = read_frame(reader.engine, "feed_totals", since=start) if feed is None else bins
    shown = rates(sent, feed, now)
    usual = band_of(bands, feed, start, now)
    behind = (
        "the usual range is known after a week"
        if usual.empty
        else "dashed: 95 % range of the same hours over four weeks"
    )
    top = readable_top(shown.groupby("at")["per_minute"].sum())
    if top is not None:
        most = shown.groupby("at")["per_minute"].sum().max()
        behind += f". Cut off above {quantity(top)}: an import came at {quantity(most)} a minute"
    chart = rate_chart(
        shown,
        usual,
        roles(),
        top=top,
        title=rate_title(shown, feed),
        subtitle=f"Events per minute in steps of ten minutes, last 24 hours; {behind}",
    )
    draw_chart(chart, "feeds.rates")


def rate_title(shown: pd.DataFrame, feed: str | None) -> str:
    """Return the title of the rate chart: events of the last hour, and the share refused."""
    last = shown[shown["at"] > shown["at"].max() - pd.Timedelta(hours=1)]
    sums = last.groupby("outcome")["events"].sum()
    total = int(sums.sum())
    who = EVERY if feed is None else feed
    if total == 0:
        return f"{who}: nothing in the last hour"
    refused = int(sums.get("conflict", 0) + sums.get("rejected", 0)) / total
    return f"{who}: {plural(total, 'event')} in the last hour, {refused:.1%} refused"


def timeline_title(spans: pd.DataFrame) -> str:
    """Return the title of the timeline: whose state was bad, and for how long in all."""
    bad = spans[spans["state"].isin(["Firing", "Error"])]
    if bad.empty:
        return "No feed was firing or in error in the last 24 hours"
    took = (bad["end"] - bad["start"]).groupby(bad["feed"]).sum().sort_values(ascending=False)
    return f"{took.index[0]} was firing or in error for {span(took.iloc[0].total_seconds())} of the last 24 hours"
