from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from alerts.rules import RuleLimits, limits_of
from catalog.feeds import (
    BIN,
    judge_feed,
    judged,
    lags,
    matching,
    rates,
    span,
    state_spans,
    strips,
    window_start,
)
from catalog.frames import read_frame, read_record
from stocktide.foundation.database import statement
from stocktide.foundation.settings import Settings

NOW = datetime(2026, 3, 4, 12, 5, tzinfo=UTC)
FEED: dict[str, Any] = {
    "feed": "till", "firing": None, "last_minute": NOW - timedelta(minutes=2), "silent_limit_s": 600.0,
    "silent_s": 60.0, "ended": False, "accepted": 5, "duplicate": 0, "conflict": 0, "rejected": 0,
}  # fmt: skip
SETTINGS = {"history_h": 48.0, "silent_s_min": 600.0, "silent_factor": 2.0}


def bins(*rows: tuple[str, timedelta, int, int]) -> pd.DataFrame:
    """Pieces of (feed, age, accepted, rejected)."""
    frame = pd.DataFrame(rows, columns=["feed", "age", "accepted", "rejected"])
    start = pd.Timestamp(window_start(NOW))
    at = [start + (pd.Timestamp(NOW) - age - start) // BIN * BIN for age in frame["age"]]
    return frame.assign(at=pd.DatetimeIndex(at), duplicate=0, conflict=0, lag_s=1.0)


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({}, "Normal"),
        ({"firing": ["silent_feed"]}, "Firing"),
        ({"accepted": 0, "rejected": 3}, "Error"),
        ({"accepted": 0, "duplicate": 1, "conflict": 3}, "Normal"),
        ({"silent_s": 660.0}, "Pending"),
        ({"silent_s": 600.0}, "Normal"),
        ({"last_minute": None}, "No data"),
        ({"last_minute": None, "silent_s": 660.0}, "Pending"),
        ({"last_minute": None, "silent_s": None}, "No data"),
        ({"last_minute": pd.NaT, "silent_limit_s": float("nan")}, "No data"),
        ({"ended": True}, "No data"),
        ({"silent_limit_s": None, "silent_s": 86_400.0}, "Normal"),
        ({"silent_limit_s": None, "silent_s": 86_401.0}, "No data"),
    ],
)
def test_judge_feed_says_the_state(changed: Mapping[str, Any], state: str) -> None:
    assert judge_feed({**FEED, **changed})[0] == state


def test_judged_puts_the_worst_first() -> None:
    feeds = pd.DataFrame(
        [{**FEED, "feed": "b"}, {**FEED, "feed": "c", "last_minute": None},
         {**FEED, "feed": "a", "firing": ["reject_storm"]}]
    )  # fmt: skip
    frame = judged(feeds, NOW)
    assert frame["feed"].tolist() == ["a", "c", "b"]
    assert frame["why"].tolist() == ["reject storm", "it has never sent anything", ""]
    assert frame["last_event_s"].fillna(-1).tolist() == [120.0, -1.0, 120.0]
    assert judged(feeds[:0], NOW).empty


def test_rates_draw_a_silent_end_as_nothing_and_the_last_piece_by_its_minutes() -> None:
    frame = rates(bins(("a", timedelta(), 10, 5), ("b", timedelta(hours=3), 20, 0)), None, NOW)
    wide = frame.pivot(index="at", columns="outcome", values="per_minute")
    assert len(wide) == 145
    assert wide.iloc[-1].to_dict() == {
        "accepted": 2.0,
        "duplicate": 0.0,
        "conflict": 0.0,
        "rejected": 1.0,
    }
    assert wide["accepted"].sum() == 4.0
    assert rates(bins(("a", timedelta(), 10, 5)), "b", NOW)["per_minute"].sum() == 0


def test_strips_count_by_hours_from_now() -> None:
    found = strips(
        bins(
            ("a", timedelta(minutes=5), 1, 1),
            ("a", timedelta(hours=23), 3, 0),
            ("a", timedelta(hours=30), 9, 0),
        ),
        NOW,
    )
    assert sum(found["a"]) == 5
    assert (found["a"][0] + found["a"][1], found["a"][-1]) == (3, 2)


def spans(
    heard: pd.DataFrame, alerts: list[tuple[datetime, datetime | None]], limit: float | None
) -> list[tuple[str, float]]:
    """States with their hours."""
    opened = pd.DataFrame(
        [("a", *alert) for alert in alerts], columns=["feed", "opened_at", "closed_at"]
    )
    feeds = pd.DataFrame({"feed": ["a"], "silent_limit_s": [limit]})
    frame = state_spans(feeds, heard, opened, NOW)
    hours = (frame["end"] - frame["start"]).dt.total_seconds() / 3600
    return list(zip(frame["state"], hours.round(2), strict=True))


def test_state_spans_carry_in_what_was_open_and_heard_before_the_window() -> None:
    heard = bins(("a", timedelta(hours=30), 1, 0))
    alert = (NOW - timedelta(hours=40), NOW - timedelta(hours=20))
    assert spans(heard, [alert], 3_600.0) == [("Firing", 4.17), ("Pending", 19.92)]
    assert spans(heard, [], None) == [("Normal", 18.17), ("No data", 5.92)]


def test_state_spans_tell_error_from_normal_and_firing_until_now() -> None:
    heard = bins(("a", timedelta(hours=2), 1, 0), ("a", timedelta(hours=1), 0, 4))
    firing = (NOW - timedelta(minutes=5), None)
    states = [state for state, _ in spans(heard, [firing], None)]
    assert states == ["No data", "Normal", "Error", "Normal", "Firing"]
    assert spans(bins(), [], 60.0) == [("No data", 24.08)]


def test_lags_put_the_slowest_source_first() -> None:
    tail = pd.DataFrame({"source": ["a", "a", "b"], "lag_s": [1.0, 3.0, -5.0]})
    assert lags(tail).to_dict("list") == {
        "source": ["a", "b"], "events": [2, 1], "median_s": [2.0, 0.0], "p95_s": [2.9, 0.0],
    }  # fmt: skip


def test_matching_looks_in_every_word_as_it_stands() -> None:
    tail = pd.DataFrame(
        {"event_id": ["a.1", "ab1"], "source": ["/S1", "/S2"], "kind": ["sale", "return"],
         "product": ["X", "Y"], "location": ["S1", "S2"]}
    )  # fmt: skip
    assert matching(tail, "A.1")["event_id"].tolist() == ["a.1"]
    assert len(matching(tail, " ")) == 2
    assert matching(tail[:0], "x").empty


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (0.25, "0.25 s"), (40, "40 s"), (720, "12 min"), (7_200, "2 h"), (2e6, "23 days")],
)
def test_span_is_written_for_people(seconds: float, words: str) -> None:
    assert span(seconds) == words


# -- the queries


@pytest.fixture
def heard(database: sa.Engine) -> sa.Engine:
    """A feed that sent 2 events each minute of 10 days but the last hour, and one that sent once."""
    with database.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO feed_minutes (feed, minute, accepted, rejected, newest_occurred_at)"
                " SELECT 'till', m, 1, 1, m FROM generate_series(date_trunc('minute', now()) - INTERVAL '10 days',"
                " now() - INTERVAL '1 hour', INTERVAL '1 minute') AS t (m)"
                " UNION ALL SELECT 'once', date_trunc('minute', now()), 0, 7, NULL"
            )
        )
        connection.execute(
            sa.text(
                "INSERT INTO feed_rhythms (feed, gap_milli, first_minute)"
                " VALUES ('till', 60000, now() - INTERVAL '10 days')"
            )
        )
    return database


def test_feed_list_gives_limits_and_what_is_firing(heard: sa.Engine) -> None:
    with heard.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO alerts (rule, feed, value_milli, limit_milli, last_value_milli)"
                " VALUES ('silent_feed', 'till', 1, 1, 1)"
            )
        )
        connection.execute(
            sa.text(
                "INSERT INTO access_keys (name, scope, key_hash, expect_every_s) VALUES ('new', 'ingest', '\\x00', 60)"
            )
        )
    frame = judged(read_frame(heard, "feed_list", **SETTINGS), datetime.now(UTC))
    states = dict(zip(frame["feed"], frame["state"], strict=True))
    assert states == {"till": "Firing", "once": "Error", "new": "No data"}
    limits = dict(zip(frame["feed"], frame["silent_limit_s"], strict=True))
    assert (limits["till"], limits["new"]) == (600.0, 60.0)


@pytest.mark.parametrize(
    "ending",
    [
        "UPDATE access_keys SET revoked_at = now()",
        "UPDATE access_keys SET expires_at = now() - INTERVAL '1 minute'",
    ],
)
def test_a_key_that_has_ended_is_expected_nowhere(heard: sa.Engine, ending: str) -> None:
    """Revoked or expired is one thing, for the list of feeds, the names to choose from, and the alerts."""
    with heard.begin() as connection:
        for name in ("till", "never"):
            key = "INSERT INTO access_keys (name, scope, key_hash, expect_every_s) VALUES (:name, 'ingest', :hash, 1)"
            connection.execute(sa.text(key), {"name": name, "hash": name.encode()})
        connection.execute(sa.text("UPDATE access_keys SET created_at = now() - INTERVAL '1 day'"))
    limits = limits_of(Settings())
    assert _silent(heard, limits) == {"till", "never"}
    frame = judged(read_frame(heard, "feed_list", **SETTINGS), datetime.now(UTC))
    assert dict(zip(frame["feed"], frame["state"], strict=True)) == {
        "till": "Pending",
        "never": "Pending",
        "once": "Error",
    }
    with heard.begin() as connection:
        connection.execute(sa.text(ending))
    assert _silent(heard, limits) == set()
    frame = judged(read_frame(heard, "feed_list", **SETTINGS), datetime.now(UTC))
    assert dict(zip(frame["feed"], frame["state"], strict=True)) == {
        "till": "No data",
        "once": "Error",
    }
    assert read_frame(heard, "feed_names")["feed"].tolist() == ["once", "till"]


def _silent(engine: sa.Engine, limits: RuleLimits) -> set[str]:
    """Name the feeds for which the rule of the alerts would open."""
    with engine.connect() as connection:
        rows = connection.execute(statement("alerts/judge_feeds"), limits.of_feeds()).all()
    return {row.feed for row in rows if row.rule == "silent_feed" and row.opens}


def test_feed_bins_and_bands_say_what_came_and_what_is_usual(heard: sa.Engine) -> None:
    now = datetime.now(UTC)
    found = read_frame(heard, "feed_bins", since=window_start(now), feeds=["till", "nobody"])
    assert set(found["feed"]) == {"till"}
    total = read_frame(heard, "feed_totals", since=window_start(now))
    assert total["rejected"].sum() == found["rejected"].sum() + 7
    till = found[found["feed"] == "till"]
    assert till["accepted"].max() == 10
    assert till["at"].max() < now - timedelta(minutes=50)
    bands = read_frame(heard, "feed_bands")
    mine = bands[bands["feed"] == "till"]
    assert sorted(mine["hour_of_day"]) == list(range(24))
    # soon after midnight the feed's silence began in an hour of a day that is whole
    silent_from = now - timedelta(hours=1)
    whole = mine[(mine["hour_of_day"] != silent_from.hour) | (silent_from.date() == now.date())]
    assert set(whole["low"]) == set(whole["high"]) == {2.0}
    assert len(bands[bands["feed"].isna()]) == 24


def test_reject_last_is_empty_when_nothing_was_refused(database: sa.Engine) -> None:
    assert read_record(database, "reject_last") == {
        "last_seen_at": None, "reason": None, "feed": None
    }  # fmt: skip
    opened = read_record(database, "reject_open", after=0, feed=None)
    assert opened == {"open": 0, "newest_id": None}
    assert read_frame(database, "feed_tail", limit=10).empty


def keep(engine: sa.Engine, raw: str, *, reason: str = "no_rule", feed: str = "a") -> None:
    with engine.begin() as connection:
        connection.execute(
            statement("ingest/keep_rejects"),
            {"feed": feed, "content_type": "x", "reason": [reason], "raw": [raw.encode()],
             **{name: [None] for name in ("field", "source", "event_id")}, "message": ["m"]},
        )  # fmt: skip


def test_reject_open_counts_rows_and_not_the_numbers_that_repeats_use_up(
    database: sa.Engine,
) -> None:
    keep(database, "first")
    seen = read_record(database, "reject_open", after=0, feed=None)["newest_id"]
    for _ in range(20):
        keep(database, "first")
    keep(database, "second", feed="b")
    found = read_record(database, "reject_open", after=seen, feed=None)
    assert (found["open"], found["newest_id"] - seen > 1) == (1, True)
    assert read_record(database, "reject_open", after=seen, feed="a")["open"] == 0


def test_reject_last_is_what_was_seen_last_and_not_what_is_newest(database: sa.Engine) -> None:
    keep(database, "first", reason="zero")
    keep(database, "second")
    keep(database, "first", reason="zero")
    assert read_record(database, "reject_last")["reason"] == "zero"


def test_reject_groups_say_how_many_there_are_beyond_the_limit(database: sa.Engine) -> None:
    for reason in ("zero", "negative", "no_rule"):
        keep(database, reason, reason=reason)
    groups = read_frame(database, "reject_groups", state="open", feed=None, limit=2)
    assert len(groups) == 2
    assert groups[["found", "rejects_found"]].iloc[0].tolist() == [3, 3]
