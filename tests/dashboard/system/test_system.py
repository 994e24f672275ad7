from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from dashboard.api_client import queue_job
from dashboard.system.machine import queue_line
from dashboard.system.page import judge
from stocktide.foundation.sessions import Sessions
from stocktide.foundation.users import Role, disable_user, set_personal, set_user
from tests.conftest import Api
from tests.dashboard.conftest import Dashboard, text_of
from tests.system.running import free_port

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
KNOWN: dict[str, Any] = {
    "newest_event": NOW,
    "last_received": NOW - timedelta(minutes=1),
    "lake_updated_at": NOW - timedelta(minutes=5),
    "published_at": NOW - timedelta(hours=9),
}
CACHE = {"hits": 1, "misses": 1}


def runs(*rows: tuple[str, str, str | None]) -> pd.DataFrame:
    """Rows of (job, status, error), newest first."""
    return pd.DataFrame(list(rows), columns=["job", "status", "error"])


GOOD = runs(("etl", "succeeded", None), ("forecast", "succeeded", None))


def test_judge_says_nothing_to_do_when_all_is_well() -> None:
    assert judge(KNOWN, GOOD, CACHE, NOW)[0] == "Running. Nothing to do."


def test_judge_waits_when_no_event_came() -> None:
    nothing = dict.fromkeys(KNOWN)
    assert judge(nothing, runs(), None, NOW)[0] == "Waiting for events."


def test_judge_names_the_job_and_why_when_its_newest_run_failed() -> None:
    failed = runs(("forecast", "failed", "the disk is *full*"), ("forecast", "succeeded", None))
    verdict, first = judge(KNOWN, failed, CACHE, NOW)
    assert verdict == "The last forecast run failed."
    assert r"the disk is \*full\*" in first
    silent = judge(KNOWN, runs(("etl", "failed", None)), CACHE, NOW)[1]
    assert "None" not in silent


def test_judge_forgets_a_failure_when_a_later_run_succeeded() -> None:
    mended = runs(("etl", "succeeded", None), ("etl", "failed", "x"))
    assert judge(KNOWN, mended, CACHE, NOW)[0] == "Running. Nothing to do."


def test_judge_says_the_lake_is_behind_when_events_came_after_it() -> None:
    behind = {**KNOWN, "lake_updated_at": NOW - timedelta(minutes=16)}
    assert judge(behind, GOOD, CACHE, NOW)[0] == "Data is out of date."


def test_judge_says_what_follows_when_nothing_is_loaded_yet() -> None:
    waiting = {**KNOWN, "lake_updated_at": None, "published_at": None, "waiting": 120_000}
    verdict, then = judge(waiting, runs(), CACHE, NOW)
    assert verdict == "Events wait for the first ETL."
    assert then.startswith("120,000 events are received")
    importing = {"running": True, "rows": 120_000, "rows_of": 385_000}
    verdict, then = judge({**waiting, "importing": importing}, runs(), CACHE, NOW)
    assert (verdict, then) == (
        "Importing.",
        "Importing: 120,000 of about 385,000 rows; figures follow after the next ETL.",
    )
    assert (
        judge({**KNOWN, "published_at": None}, GOOD, CACHE, NOW)[0] == "Running. No forecast yet."
    )


def test_judge_says_as_of_when_of_data_that_ended() -> None:
    old = {**KNOWN, "newest_day": date(2011, 12, 9)}
    verdict, then = judge(old, GOOD, CACHE, NOW)
    assert verdict == "Running. Figures as of 9 Dec 2011, the newest data."
    assert then == "Nothing newer has come up to 4 Mar 2026. Do the senders still send?"


def test_judge_says_slower_when_the_cache_is_away() -> None:
    assert judge(KNOWN, GOOD, None, NOW)[0] == "Running, slower."


def test_judge_says_what_is_held_out() -> None:
    verdict, first = judge(KNOWN, GOOD, CACHE, NOW, held_out=2)
    assert verdict == "Running, without 2 products at a place."
    assert "The list below says why" in first


def test_queue_job_queues_a_job_once(api: Api) -> None:
    key = api.operate.headers["Authorization"].removeprefix("Bearer ")
    assert queue_job("forecast", api.url, key).startswith("Queued.")
    assert queue_job("forecast", api.url, key) == "Already queued."


def test_queue_job_says_why_not_when_the_key_may_not(api: Api) -> None:
    key = api.read.headers["Authorization"].removeprefix("Bearer ")
    assert queue_job("forecast", api.url, key).startswith("Not queued: ")
    assert queue_job("forecast", api.url, None).startswith("Not queued: ")


def test_queue_job_says_so_when_the_api_is_away() -> None:
    assert "nothing was queued" in queue_job("forecast", f"http://127.0.0.1:{free_port()}", "k")


def test_system_tells_the_next_step_in_every_part_when_the_database_is_empty(
    empty: Dashboard,
) -> None:
    said = text_of(empty.draw("system"))
    for words in (
        "Waiting for events.",
        "No job has run yet.",
        "No feed has sent anything yet.",
        "Nothing was refused.",
    ):
        assert words in said


def test_system_shows_runs_feeds_and_refused_input(filled: Dashboard) -> None:
    drawn = filled.draw("system")
    assert "Running. Nothing to do." in text_of(drawn)
    ran, feeds, refused = (table.value for table in drawn.dataframe)
    assert ran["job"].tolist() == ["forecast", "etl"]
    assert ran["error"].tolist() == ["", ""]
    assert feeds["feed"].tolist() == ["till 1"]
    assert refused["seen"].tolist() == [1]
    assert drawn.metric[3].value == "no reads yet"


def test_system_says_so_when_the_cache_is_away(
    open_dashboard: Callable[..., Dashboard], filled_url: str
) -> None:
    drawn = open_dashboard(filled_url, redis_url=f"redis://127.0.0.1:{free_port()}").draw("system")
    assert "Running, slower." in text_of(drawn)
    assert drawn.metric[3].value == "unavailable"


@pytest.mark.parametrize(("role", "buttons"), [("viewer", 0), ("planner", 1), ("operator", 1)])
def test_system_offers_retraining_to_those_who_may(
    filled: Dashboard, role: Role, buttons: int
) -> None:
    drawn = filled.draw("system", role=role)
    assert [one.label for one in drawn.button].count("Retrain now") == buttons
    assert any(one.label == "Open as SQL" for one in drawn.button) == (role != "viewer")


def test_queue_says_which_jobs_run_wait_and_failed() -> None:
    jobs = pd.DataFrame(
        {
            "job": ["etl", "forecast", "maintain"],
            "waiting": [2, 0, 0],
            "running": [0, 1, 0],
            "failed": [0, 0, 1],
        }
    )
    assert queue_line(jobs) == (
        "Queue: running: forecast; waiting: etl (2); failed in the last day: maintain."
    )
    assert queue_line(jobs[:0]) == "Queue: no job runs or waits."


def test_operators_see_who_may_sign_in_and_nobody_sees_a_secret(
    empty: Dashboard, database: sa.Engine
) -> None:
    with database.begin() as connection:
        for name in ("ann", "bob"):
            set_user(connection, name, "a long password", "planner")
        Sessions(database, "k" * 32, session_hours=1).begin(connection, "ann", None)
        disable_user(connection, "bob")
        set_personal(connection, "ann", given=True, by="root", reason="helps customers")
    drawn = empty.draw("system")
    people = drawn.dataframe[-1].value
    assert people["username"].tolist() == ["ann", "bob"]
    assert people["state"].tolist() == ["may sign in", "disabled"]
    assert people["personal"].tolist() == [True, False]
    assert people["signed_in_at"].notna().tolist() == [True, False]
    assert not [name for name in people if "hash" in str(name)]
    assert "2 of 2 users" in text_of(drawn)
    others: list[Role] = ["viewer", "planner"]
    for role in others:
        assert "Users" not in [header.value for header in empty.draw("system", role=role).header]
