"""Feeds as people judge them: which state each is in, what it sent, how late, and when that changed."""

from datetime import datetime, timedelta
from typing import Any

import pandas as pd

STATES = ("Firing", "Error", "Pending", "No data", "Normal")
OUTCOMES = ("accepted", "duplicate", "conflict", "rejected")
BIN = timedelta(minutes=10)
WINDOW = timedelta(hours=24)
# A feed whose rhythm is not known yet counts as sending nothing after this long.
UNKNOWN_SILENCE = timedelta(hours=24)
MINUTE = timedelta(minutes=1)
# What happened a day before it came was imported, not late.
IMPORTED_S = 86_400.0
# A rate so many times the usual one is an import's; it would press all others flat.
SPIKE = 10
ADVICE = {
    "out_of_stock": "Is a delivery on its way? If the shelf is full, send a stocktake.",
    "below_reorder_point": "Order, and acknowledge with the order's number.",
    "negative_balance": "Count the shelf, send a stocktake, and look for the missing receipt.",
    "sensor_disagrees": "Count the shelf and send a stocktake: it closes the alert.",
    "silent_feed": "Is the sender running, and does it reach the API? See its rejects.",
    "late_transfer": "Ask who sent it: arrivals that name the transfer close it, as cancelling what never comes does.",
    "late_order": "Ask the supplier: receipts that name the order close it, as cancelling what never comes does.",
    "reject_storm": "See the feed's rejects: one reason for all means a new version of the sender.",
}


def judge_feed(feed: dict[str, Any]) -> tuple[str, str]:
    """Return the state of a feed and the reason.

    feed: a row of the query feed_list. Firing: an alert is open. Error: it sends, and nothing of the last hour was
    accepted. Pending: silent for longer than it may be, but not alerted yet. No data: it never sent, or nothing for
    a day, and its usual rate is not known.
    """
    firing, silent_s, limit_s = feed["firing"], feed["silent_s"], feed["silent_limit_s"]
    too_long = _known(limit_s) and _known(silent_s) and float(silent_s) > float(limit_s)
    if _known(firing):
        return "Firing", " and ".join(rule.replace("_", " ") for rule in firing)
    if not _known(feed["last_minute"]):
        if too_long:
            return "Pending", f"it has never sent anything, for longer than {span(float(limit_s))}"
        return "No data", "it has never sent anything"
    if feed["ended"]:
        return "No data", "its key is revoked or has expired"
    refused = int(feed["conflict"]) + int(feed["rejected"])
    if refused and not int(feed["accepted"]) + int(feed["duplicate"]):
        return "Error", f"all {refused:,} of the last hour were refused"
    if too_long:
        return "Pending", f"silent for longer than {span(float(limit_s))}"
    if not _known(limit_s) and float(silent_s) > UNKNOWN_SILENCE.total_seconds():
        return "No data", "nothing for a day; its schedule is not known"
    return "Normal", "" if _known(limit_s) else "learning its schedule"


def judged(feeds: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """Add state and why to feeds, the worst first; last_event_s: seconds since the feed was last heard."""
    rows: list[dict[str, Any]] = [
        {str(name): value for name, value in row.items()} for row in feeds.to_dict("records")
    ]
    verdicts = [judge_feed(row) for row in rows]
    ages = pd.Series(
        [
            max(0.0, (now - row["last_minute"]).total_seconds())
            if _known(row["last_minute"])
            else None
            for row in rows
        ],
        index=feeds.index,
        dtype="float64",
    )
    frame = feeds.assign(
        state=[state for state, _ in verdicts], why=[why for _, why in verdicts], last_event_s=ages
    )
    order = frame["state"].map({state: index for index, state in enumerate(STATES)})
    return frame.assign(order=order).sort_values(["order", "feed"]).drop(columns="order")


def window_start(now: datetime) -> datetime:
    """Return the start of the first whole piece of the last 24 hours."""
    start = now - WINDOW
    return start.replace(minute=start.minute // 10 * 10, second=0, microsecond=0)


def rates(bins: pd.DataFrame, feed: str | None, now: datetime) -> pd.DataFrame:
    """Count events by outcome in every piece up to now: columns at, outcome, events, per_minute.

    bins: of the query feed_bins. Pieces without events are 0, so that a silent end is seen; the last one is not over
    yet and counts for the minutes it has had.
    """
    mine = bins if feed is None else bins[bins["feed"] == feed]
    pieces = pd.date_range(window_start(now), now, freq=BIN)
    counts = mine.groupby("at")[list(OUTCOMES)].sum().reindex(pieces, fill_value=0)
    minutes = pd.Series(BIN / MINUTE, index=pieces)
    minutes.iloc[-1] = max(1.0, (now - pieces[-1].to_pydatetime()) / MINUTE)
    long = (
        counts.rename_axis("at").reset_index().melt("at", var_name="outcome", value_name="events")
    )
    return long.assign(per_minute=long["events"] / long["at"].map(minutes))


def strips(bins: pd.DataFrame, now: datetime) -> dict[str, list[int]]:
    """Count the events of each feed in each of the last 24 hours, the oldest first."""
    hours = pd.date_range(now - WINDOW, now, periods=25)[:-1]
    found: dict[str, list[int]] = {}
    for feed, mine in bins[bins["at"] > now - WINDOW - BIN / 2].groupby("feed"):
        places = hours.searchsorted(pd.DatetimeIndex(mine["at"] + BIN / 2), side="right") - 1
        totals = mine[list(OUTCOMES)].sum(axis=1).groupby(places.clip(0, 23)).sum()
        found[str(feed)] = [int(totals.get(hour, 0)) for hour in range(24)]
    return found


def readable_top(totals: "pd.Series[float]") -> float | None:
    """Return where an axis of rates may end so that the usual ones can be read beside an import; None for all.

    totals: of each piece of time.
    """
    sent = totals[totals > 0]
    usual = sent[sent <= SPIKE * sent.median()] if len(sent) else sent
    return None if len(usual) in (0, len(sent)) else float(usual.max())


def state_spans(
    feeds: pd.DataFrame, bins: pd.DataFrame, alerts: pd.DataFrame, now: datetime
) -> pd.DataFrame:
    """Return each feed's states over the last 24 hours: feed, state, start, end.

    feeds, bins, alerts: of the queries feed_list, feed_bins and feed_alert_spans. Whatever began before the
    window is included: alerts by their own times, events as far as `bins` reach back.
    """
    start = window_start(now)
    pieces = [piece.to_pydatetime() for piece in pd.date_range(start, now, freq=BIN)]
    sound = (bins["accepted"] + bins["duplicate"]).tolist()
    heard_at: dict[str, dict[datetime, bool]] = {}
    for feed, at, good in zip(bins["feed"], bins["at"], sound, strict=True):
        heard_at.setdefault(feed, {})[at.to_pydatetime()] = good > 0
    fired: dict[str, list[tuple[datetime, datetime]]] = {}
    for feed, opened, closed in zip(
        alerts["feed"], alerts["opened_at"], alerts["closed_at"], strict=True
    ):
        fired.setdefault(feed, []).append((opened, closed if _known(closed) else now))
    spans: list[dict[str, Any]] = []
    for feed, limit in zip(feeds["feed"], feeds["silent_limit_s"], strict=True):
        heard = heard_at.get(feed, {})
        last = max((at + BIN for at in heard if at < start), default=None)
        for at in pieces:
            last = at + BIN if at in heard else last
            state = _state_then(at, heard.get(at), last, limit, fired.get(feed, []))
            if spans and (spans[-1]["feed"], spans[-1]["state"]) == (feed, state):
                spans[-1]["end"] = min(at + BIN, now)
            else:
                spans.append({"feed": feed, "state": state, "start": at, "end": min(at + BIN, now)})
    return pd.DataFrame(spans, columns=["feed", "state", "start", "end"])


def _state_then(
    at: datetime,
    sound: bool | None,
    heard: datetime | None,
    limit: Any,
    fired: list[tuple[datetime, datetime]],
) -> str:
    """Return the state in the piece from `at`. sound: something of it was accepted; None: nothing came."""
    if any(opened < at + BIN and closed > at for opened, closed in fired):
        return "Firing"
    if sound is not None:
        return "Normal" if sound else "Error"
    if heard is None:
        return "No data"
    silent_s = (at + BIN - heard).total_seconds()
    if _known(limit):
        return "Pending" if silent_s > float(limit) else "Normal"
    return "No data" if silent_s > UNKNOWN_SILENCE.total_seconds() else "Normal"


def lags(tail: pd.DataFrame, *, imported: bool = False) -> pd.DataFrame:
    """Compute the seconds from happening to being committed: source, events, median_s, p95_s, the slowest first.

    tail: of the query feed_tail. Imports of the past are left out, for their events are old and no feed is slow.
    imported: of these alone.
    """
    prompt = tail[(tail["lag_s"] >= IMPORTED_S) == imported]
    by = prompt.assign(lag_s=prompt["lag_s"].clip(lower=0)).groupby("source")["lag_s"]
    frame = pd.DataFrame(
        {"events": by.size(), "median_s": by.quantile(0.5), "p95_s": by.quantile(0.95)}
    )
    return frame.sort_values("p95_s", ascending=False).reset_index()


def matching(tail: pd.DataFrame, text: str) -> pd.DataFrame:
    """Return the events whose id, source, kind, product or location contains a text, in any case."""
    wanted = text.strip().lower()
    columns = ["event_id", "source", "kind", "product", "location"]
    words = tail[columns].agg(" ".join, axis=1) if len(tail) else pd.Series(dtype=str)
    return tail[words.str.lower().str.contains(wanted, regex=False).to_numpy(dtype=bool)]


def span(seconds: float) -> str:
    """Format a time span for people: "40 s", "12 min", "5 h", "3 days"."""
    for size, name in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} s" if seconds >= 10 or seconds == 0 else f"{seconds:.2g} s"


def _known(value: Any) -> bool:
    """Return True if there is a value: a list counts, None or a missing time or number does not."""
    return isinstance(value, list) or not pd.isna(value)
