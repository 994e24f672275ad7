"""System: is the machine healthy, and if not, what first."""

from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from catalog.frames import read_frame
from catalog.state import import_words, is_late, judge_data
from dashboard.api_client import queue_job
from dashboard.freshness import known_now, read_freshness
from dashboard.friendly_errors import friendly_errors, isolated
from dashboard.glossary import tip
from dashboard.panels import AsSql, rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.system.machine import folded, machine_panel
from dashboard.system.people import people_panel
from dashboard.theme import plain, plural, when
from dashboard.widgets import reason_words
from stocktide.foundation.users import User

RUNS = 200
HELD = FEEDS = REASONS = 50
OUTCOME_TIPS = {
    "duplicate": tip("duplicate"),
    "conflict": tip("conflict"),
    "rejected": tip("reject"),
}


def render(reader: Reader, user: User) -> None:
    """Draw the page."""
    _health(reader)
    with isolated("retraining"):
        _retrain(reader, user)
    with isolated("last runs"):
        _runs(reader)
    with isolated("held out products"):
        _held_out(reader)
    with isolated("alerts that are not judged"):
        _alert_faults(reader)
    with isolated("feeds"):
        _feeds(reader)
    with isolated("refused input"):
        _rejects(reader)
    with isolated("users"):
        people_panel(reader, user)
    with isolated("the machine"):
        machine_panel(reader, user, known_now(reader))


@st.fragment(run_every="10s")
@friendly_errors("system health")
def _health(reader: Reader) -> None:
    known = read_freshness(reader)
    runs = read_frame(reader.engine, "runs", limit=RUNS)
    cache = reader.cache.statistics()
    now = reader.clock()
    verdict, first = judge(known, runs, cache, now, held_out=known["pairs_held_out"])
    st.header(verdict)
    st.markdown(first)
    cards = st.columns(4)
    for card, label, instant in (
        (cards[0], "Latest event", known["newest_event"]),
        (cards[1], "Data updated", known["lake_updated_at"]),
        (cards[2], "Forecast published", known["published_at"]),
    ):
        card.metric(
            f"{label}, UTC",
            when(instant, now=now).removesuffix(" UTC"),
            border=True,
            help=tip("data updated") if label == "Data updated" else None,
        )
    asked = cache["hits"] + cache["misses"] if cache else 0
    cards[3].metric(
        "Cache hit rate",
        f"{100 * cache['hits'] / asked:.0f} % ({asked:,} reads)"
        if cache and asked
        else "no reads yet"
        if cache
        else "unavailable",
        border=True,
        help="Share of product and trending reads that Redis answered, of all reads since it started.",
    )
    st.caption(f"Updated at {now:%H:%M:%S} UTC; refreshes every 10 seconds.")


def judge(
    known: dict[str, Any],
    runs: pd.DataFrame,
    cache: dict[str, int] | None,
    now: datetime,
    *,
    held_out: int = 0,
) -> tuple[str, str]:
    """Return a verdict, and the first thing to do."""
    if known["newest_event"] is None:
        return (
            "Waiting for events.",
            "Send some: `stocktide import FILE --mapping NAME`, or POST /v1/events with a key.",
        )
    newest = runs.drop_duplicates("job") if not runs.empty else runs
    failed = newest[newest["status"] == "failed"] if not newest.empty else newest
    if not failed.empty:
        job = failed.iloc[0]
        return (
            f"The last {job['job']} run failed.",
            f"{plain(job['error'] or 'It gave no reason.')} Everything published before stays in use.",
        )
    state = judge_data(known, now)
    if importing := import_words(known.get("importing")):
        return ("Importing.", importing)
    if known["lake_updated_at"] is None:
        return ("Events wait for the first ETL.", state.why)
    if is_late(known, now):
        return (
            "Data is out of date.",
            "Data was not updated since the last events. Check the worker: `stocktide status`.",
        )
    if known["published_at"] is None:
        return (
            "Running. No forecast yet.",
            "Run `stocktide forecast`, or press “Retrain now”: what is expected follows after it.",
        )
    if state.ended:
        return (f"Running. Figures {state.as_of}.", f"{state.why} Do the senders still send?")
    if cache is None:
        return (
            "Running, slower.",
            "Redis does not answer; everything is read from the database. Restart it.",
        )
    if held_out:
        return (
            f"Running, without {plural(held_out, 'product')} at a place.",
            "Their figures stand still, since a step of the ETL fails on them; all others are up to date. "
            "The list below says why, and what to do.",
        )
    return (
        "Running. Nothing to do.",
        "Database, data and cache are up, and the last runs succeeded.",
    )


def _retrain(reader: Reader, user: User) -> None:
    if not user.plans:
        st.caption("Planners and operators can start a retraining.")
        return
    if st.button("Retrain now", key="system.retrain", icon=":material/model_training:"):
        st.info(queue_job("forecast", reader.settings.api_address, reader.settings.dashboard_key))


def _runs(reader: Reader) -> None:
    st.header("Last runs")
    runs = read_frame(reader.engine, "runs", limit=RUNS)
    if runs.empty:
        st.info(
            "No job has run yet. The worker runs the ETL every few minutes once `stocktide up` is on."
        )
        return
    noted = runs.assign(notes=runs["detail"].map(notes_of)).fillna({"error": ""})
    rows = folded(noted)
    st.dataframe(
        rows[["job", "status", "times", "started_at", "seconds", "error", "notes"]],
        key="system.runs",
        hide_index=True,
        placeholder="",
        row_height=28,
        column_config={
            "job": "Job",
            "status": "Outcome",
            "times": st.column_config.NumberColumn(
                "Runs", help="Runs one after another that succeeded and have nothing to note."
            ),
            "started_at": st.column_config.DatetimeColumn(
                "Newest started (UTC)", format="YYYY-MM-DD HH:mm:ss", timezone="UTC"
            ),
            "seconds": st.column_config.NumberColumn("Seconds", format="%.1f"),
            "error": st.column_config.TextColumn("Error", width="large"),
            "notes": st.column_config.TextColumn("Notes", width="large"),
        },
    )
    rows_foot(
        reader.clock(),
        f"{plural(len(rows), 'row')} of the newest {plural(len(runs), 'run')}, quiet ones folded",
        key="system.runs.csv",
        file="runs",
        read=lambda: read_frame(reader.engine, "runs").drop(columns="detail"),
        sql=AsSql(reader, "Last runs", "job_runs"),
    )


def notes_of(detail: dict[str, Any] | None) -> str:
    """Return what a run left out or pooled, and went on without."""
    known = detail or {}
    notes = [*known.get("warnings", ()), *([known["mlflow"]] if known.get("mlflow") else ())]
    held, failed = known.get("pairs_held_out", 0), known.get("failed", ())
    if held:
        notes.append(f"{plural(held, 'product')} at a place held out")
    return " ".join([*notes, *failed])


def _held_out(reader: Reader) -> None:
    held = read_frame(reader.engine, "held_pairs", limit=HELD)
    if held.empty:
        return
    st.header("Held out")
    st.caption(
        f"{plural(int(held['found'].iloc[0]), 'product')} at a place on which the ETL fails. Fix what the error names, "
        "such as a mistyped amount (by a correction) or a time zone: the next run takes them up by itself."
    )
    st.dataframe(
        held[["product", "location", "stage", "error", "held_at", "tries"]],
        key="system.held_out",
        placeholder="",
        hide_index=True,
        row_height=28,
        column_config={
            "product": "Product",
            "location": "Location",
            "stage": "Step",
            "error": st.column_config.TextColumn("Error", width="large"),
            "held_at": st.column_config.DatetimeColumn(
                "Since (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"
            ),
            "tries": st.column_config.NumberColumn("Attempts", format="localized"),
        },
    )
    rows_foot(
        reader.clock(),
        rows_words(len(held), int(held["found"].iloc[0])),
        key="system.held_out.csv",
        file="held-out",
        read=lambda: read_frame(reader.engine, "held_pairs").drop(columns="found"),
    )


def _alert_faults(reader: Reader) -> None:
    faults = read_frame(reader.engine, "alert_faults", limit=HELD)
    if faults.empty:
        return
    st.header("Alerts not judged")
    st.caption("The evaluation fails on these; all others are judged. Each is tried again hourly.")
    st.dataframe(
        faults,
        key="system.alert_faults",
        placeholder="",
        hide_index=True,
        row_height=28,
        column_config={
            "subject": "Subject",
            "error": st.column_config.TextColumn("Error", width="large"),
            "times": st.column_config.NumberColumn("Attempts", format="localized"),
            "first_at": st.column_config.DatetimeColumn("Since (UTC)", timezone="UTC"),
            "last_at": st.column_config.DatetimeColumn("Last (UTC)", timezone="UTC"),
        },
    )


def _feeds(reader: Reader) -> None:
    st.header("Feeds")
    feeds = read_frame(reader.engine, "feeds", limit=FEEDS)
    if feeds.empty:
        st.info("No feed has sent anything yet. Create a key: `stocktide keys create NAME`.")
        return
    st.dataframe(
        feeds.drop(columns="found"),
        key="system.feeds",
        hide_index=True,
        placeholder="",
        row_height=28,
        column_config={
            "feed": st.column_config.TextColumn("Feed", width="medium"),
            "last_heard": st.column_config.DatetimeColumn(
                "Last heard (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"
            ),
            "newest_event": st.column_config.DatetimeColumn(
                "Latest event (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"
            ),
            **{
                name: st.column_config.NumberColumn(
                    name.capitalize(), format="localized", help=OUTCOME_TIPS.get(name)
                )
                for name in ("accepted", "duplicate", "conflict", "rejected")
            },
        },
    )
    rows_foot(
        reader.clock(),
        rows_words(len(feeds), int(feeds["found"].iloc[0]), "feed"),
        key="system.feeds.csv",
        file="feeds",
        read=lambda: read_frame(reader.engine, "feeds").drop(columns="found"),
        sql=AsSql(reader, "Feeds of the last 24 hours", "feed_day"),
    )


def _rejects(reader: Reader) -> None:
    st.header("Refused input")
    rejects = read_frame(reader.engine, "rejects_by_reason", limit=REASONS)
    if rejects.empty:
        st.info("Nothing was refused. Refused input is kept here with its reason.")
        return
    st.caption(f"{plural(int(rejects['seen'].sum()), 'input')} refused and kept, by reason.")
    st.dataframe(
        rejects.assign(reason=rejects["reason"].map(reason_words)).drop(columns="found"),
        key="system.rejects",
        hide_index=True,
        placeholder="",
        row_height=28,
        column_config={
            "feed": "Feed",
            "reason": "Reason",
            "seen": st.column_config.NumberColumn("Attempts", format="localized"),
            "last_seen_at": st.column_config.DatetimeColumn(
                "Last (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"
            ),
            "newest_message": st.column_config.TextColumn("Latest message", width="large"),
        },
    )
    rows_foot(
        reader.clock(),
        rows_words(len(rejects), int(rejects["found"].iloc[0])),
        key="system.rejects.csv",
        file="refused-input",
        read=lambda: read_frame(reader.engine, "rejects_by_reason").drop(columns="found"),
        sql=AsSql(reader, "Refused input", "refused_input"),
    )
