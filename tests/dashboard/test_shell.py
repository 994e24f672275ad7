from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

import sql
from dashboard.friendly_errors import AWAY, FAILED, OUR_FAULT, explain
from dashboard.shell import PAGES, freshness_parts
from stocktide.foundation.errors import Transient
from tests.dashboard.conftest import RENDER, Dashboard, text_of
from tests.system.running import free_port

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
FRESH: dict[str, Any] = {
    "newest_event": NOW - timedelta(minutes=2),
    "last_received": NOW - timedelta(minutes=1),
    "lake_updated_at": NOW - timedelta(minutes=5),
    "forecast_run_id": 7,
    "published_at": NOW - timedelta(hours=9),
    "progress": None,
}


def parts(**changed: Any) -> list[str]:
    return freshness_parts({**FRESH, **changed}, NOW)


def test_freshness_is_plain_when_all_is_fresh() -> None:
    assert parts() == [
        "Latest event 11:58 UTC",
        "Data updated 11:55 UTC",
        "Forecast run 7 published 03:00 UTC",
    ]


def test_freshness_says_the_first_steps_when_nothing_is_there() -> None:
    assert freshness_parts(dict.fromkeys(FRESH), NOW) == [
        "No events yet",
        "No data loaded yet: run `stocktide etl`",
        "No forecast yet: run `stocktide forecast`",
    ]


def test_freshness_marks_the_lake_when_events_came_after_it() -> None:
    late = parts(lake_updated_at=NOW - timedelta(minutes=16))
    assert late[1] == ":orange-badge[Data late: updated 11:44 UTC]"


def test_freshness_does_not_mark_an_old_lake_when_no_event_came_after_it() -> None:
    old = NOW - timedelta(days=2)
    quiet = parts(lake_updated_at=old, last_received=old - timedelta(minutes=1))
    assert quiet[1] == "Data updated Mon 02 Mar 12:00 UTC"


def test_freshness_marks_the_forecast_when_it_is_older_than_three_days() -> None:
    assert parts(published_at=NOW - timedelta(days=3, minutes=1))[2].startswith(":orange-badge[")


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        ({"step": "fitting", "share": 0.63}, "Training, 63 %"),
        ({"step": "x", "share": 0.0}, "Training, 0 %"),
        ({}, "Training"),
    ],
)
def test_freshness_says_how_far_a_new_run_is(progress: dict[str, Any], said: str) -> None:
    assert parts(progress=progress)[-1] == said
    assert not any("run 63" in part for part in parts())


@pytest.mark.parametrize("page", RENDER)
def test_page_says_in_words_when_the_database_is_away(
    page: str, open_dashboard: Callable[..., Dashboard], caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = open_dashboard(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing")
    drawn = nowhere.draw(page)
    assert [error.value for error in drawn.error] == [AWAY]
    assert drawn.title[0].value == RENDER[page][0]
    assert "page_failed" in caplog.text


def test_page_comes_back_by_itself_when_the_database_answers_again(
    postgres: Any, empty: Dashboard
) -> None:
    name = empty.reader.engine.url.database

    def let_in(allowed: bool) -> None:
        with psycopg.connect(postgres.url(database="postgres"), autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}")
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )

    let_in(False)
    drawn = empty.draw("overview")
    assert [error.value for error in drawn.error] == [AWAY]
    let_in(True)
    drawn.run()
    assert not drawn.error
    assert FAILED not in drawn.session_state
    assert "Three steps to get here" in text_of(drawn)


def test_explain_names_the_cause_when_the_database_refuses(database: sa.Engine) -> None:
    with database.connect() as connection:
        connection.execute(sa.text("SET ROLE stocktide_reader"))
        with pytest.raises(sa.exc.ProgrammingError) as refused:
            connection.execute(sa.text("SELECT * FROM users"))
    assert "permission denied for table users" in explain(refused.value)


def test_a_part_that_fails_leaves_the_others_standing(
    filled: Dashboard, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Our own mistake in one panel: its place says so with a number that the log has, all else is drawn."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("a figure that nobody thought of")

    whole = text_of(filled.draw("forecasts"))
    monkeypatch.setattr("dashboard.forecasts.page.components_panel", fail)
    with pytest.raises(AssertionError, match=OUR_FAULT.split(";")[0]):
        filled.draw("forecasts")
    drawn = filled.drawn
    [said] = [error.value for error in drawn.error]
    number = said.rstrip(".").rpartition(" ")[2]
    assert said.startswith("Components could not be drawn")
    logged = [record for record in caplog.records if record.message == "part_failed"]
    assert [record.fields["number"] for record in logged] == [number]  # type: ignore[attr-defined]  # of ours
    assert "ZeroDivisionError" in logged[0].fields["traceback"]  # type: ignore[attr-defined]  # the same
    assert "Backtest results" in text_of(drawn)
    assert "Backtest results" in whole


def test_explain_gives_our_own_message() -> None:
    assert explain(Transient("busy", "Too much to do; try again.")) == "Too much to do; try again."


@pytest.mark.parametrize("page", RENDER)
def test_page_asks_at_most_ten_queries_and_never_the_ledger(page: str, filled: Dashboard) -> None:
    filled.draw(page)
    asked = [query for query in filled.queries if not query.startswith("SELECT 1")]
    assert 1 <= len(asked) <= 10, [one[:70] for one in asked]
    assert not [query for query in asked if "ledger" in query]


# Bounded, and asked for by name: the newest events, and one pair as of a moment.
READS_THE_LEDGER = {"feed_tail.sql", "stock_as_of.sql"}


def test_no_other_query_of_the_catalog_reads_the_ledger() -> None:
    queries = list(files(sql).joinpath("catalog").iterdir())
    assert len(queries) > 10
    reading = {query.name for query in queries if "ledger" in query.read_text("utf-8").lower()}
    assert reading == READS_THE_LEDGER


def test_every_page_has_an_address_of_its_own() -> None:
    paths = [path for pages in PAGES.values() for path, *_ in pages]
    assert paths == [
        "overview", "risk", "health", "products", "demand", "customers", "forecasts", "accuracy", "alerts", "trending",
        "orders", "overrides", "whatif", "terms", "policylab", "calendar", "feeds", "events", "quality", "experiments",
        "sql", "system",
    ]  # fmt: skip
