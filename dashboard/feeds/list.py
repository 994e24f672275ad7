"""The feeds themselves: a row each, the worst first, with state, rate, lag and what is usual."""

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from catalog.feeds import IMPORTED_S, OUTCOMES, STATES, judged, span, strips
from catalog.frames import read_frame
from dashboard.reader import Reader
from dashboard.theme import plain, plural, quantity, roles
from dashboard.widgets import table

# All are judged; so many of the worst are listed.
FEEDS_SHOWN = 100
TROUBLE = ("Firing", "Error", "Pending")


def read_feeds(reader: Reader, now: datetime) -> pd.DataFrame:
    """Read every feed with its state, the worst first."""
    settings = reader.settings
    feeds = read_frame(
        reader.engine,
        "feed_list",
        history_h=settings.alert_silent_history_h,
        silent_s_min=settings.alert_silent_s_min,
        silent_factor=settings.alert_silent_factor,
    )
    return judged(feeds, now)


def headline(feeds: pd.DataFrame) -> str:
    """Describe in a sentence how the feeds are, the worst first."""
    bad = feeds[feeds["state"].isin(TROUBLE)]
    if bad.empty:
        silent = int((feeds["state"] == "No data").sum())
        if silent:
            healthy = f"{len(feeds) - silent} of {plural(len(feeds), 'feed')} healthy"
            return f"**{healthy}; {silent} without data.**"
        return (
            f"**All {len(feeds):,} feeds healthy.**" if len(feeds) != 1 else "**1 feed, healthy.**"
        )
    first = bad.iloc[0]
    others = f" {len(bad) - 1} more need attention." if len(bad) > 1 else ""
    return f"**{plain(first['feed'])}: {first['state'].lower()}, {plain(first['why'])}.**{others}"


def feed_rows(
    feeds: pd.DataFrame, bins: pd.DataFrame, bands: pd.DataFrame, now: datetime
) -> pd.DataFrame:
    """Build the table's rows. bins, bands: of the queries feed_bins and feed_bands."""
    strip = strips(bins, now)
    usual = bands[bands["hour_of_day"] == now.hour]
    day = bins[bins["at"] > now - timedelta(hours=24)].groupby("feed")[list(OUTCOMES)].sum()
    total = day.sum(axis=1).reindex(feeds["feed"]).fillna(0).tolist()
    refused = day[["conflict", "rejected"]].sum(axis=1).reindex(feeds["feed"]).fillna(0).tolist()
    return pd.DataFrame(
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


def feed_table(rows: pd.DataFrame) -> None:
    """Draw the rows of `feed_rows`."""
    table(rows, "feeds.list", _columns())


def _state_colours() -> list[str]:
    """Return colours, the worst first; what is empty and what is sound are both grey, and told apart by their word."""
    role = roles()
    return [role.stock_out, role.promotion, role.forecast, role.baseline, role.baseline]


def _columns() -> dict[str, Any]:
    columns = st.column_config
    return {
        "state": columns.MultiselectColumn(
            "State", options=list(STATES), color=_state_colours(), width="small"
        ),
        "feed": columns.TextColumn("Feed", width="medium"),
        "why": columns.TextColumn("Why", width="medium"),
        "age": columns.TextColumn("Last heard"),
        "strip": columns.BarChartColumn("Events per hour, 24 h", y_min=0),
        "events": columns.NumberColumn("Events, 24 h", format="localized"),
        "lag": columns.TextColumn(
            "Lag, last hour",
            help="From the latest event of a minute to the end of the minute; see Live for exact lags. "
            "Imports of the past do not count.",
        ),
        "usual": columns.TextColumn(
            "Usual per minute", help="95 % of the same hour in the last four weeks."
        ),
        "refused": columns.NumberColumn("Refused", format="percent"),
        "newest": columns.DatetimeColumn(
            "Latest event of the hour (UTC)", format="MM-DD HH:mm:ss", timezone="UTC"
        ),
    }


def ago(seconds: float | None) -> str:
    """Describe how long ago a feed sent last; feeds count by the minute."""
    if seconds is None or pd.isna(seconds):
        return "never"
    return "within the minute" if seconds < 60 else f"{span(seconds)} ago"


def _usual(usual: pd.DataFrame, feed: str) -> str:
    for row in usual[usual["feed"] == feed].to_dict("records"):
        return f"{quantity(round(row['low'], 1))} to {quantity(round(row['high'], 1))}"
    return ""


def lag_words(bins: pd.DataFrame, feed: str, now: datetime) -> str:
    """Describe how old a feed's latest events of the last hour were when their minute ended; "" where none came."""
    mine = bins[(bins["feed"] == feed) & (bins["at"] > now - timedelta(hours=1))]["lag_s"].dropna()
    mine = mine[mine < IMPORTED_S]
    return "" if mine.empty else f"within {span(max(1.0, float(mine.median())))}"
