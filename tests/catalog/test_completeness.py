"""What is said of the last days, from how the days before them came."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from catalog.completeness import FeedDay, late_words, read_completeness
from catalog.frames import read_record
from stocktide.domain.arrival import ARRIVAL_HOURS
from stocktide.foundation.keys import Limits, create_key

TODAY = date(2026, 6, 15)
NOW = datetime(2026, 6, 15, 14, tzinfo=UTC)


def send(
    engine: sa.Engine,
    source: str,
    day: date,
    arrived: list[int],
    *,
    heard_at: datetime | None = None,
) -> None:
    """Note what a source sent of a day, by the hours it took."""
    assert len(arrived) == len(ARRIVAL_HOURS)
    ends_at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    binds = {
        "source": source,
        "day": day,
        "ends_at": ends_at,
        "events": arrived[-1],
        "arrived": arrived,
        "heard_at": heard_at or min(NOW, ends_at + timedelta(hours=7)),
    }
    with engine.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO sources (source) VALUES (:source) ON CONFLICT DO NOTHING"), binds
        )
        connection.execute(
            sa.text(
                "INSERT INTO feed_days (source_id, day, ends_at, events, arrived, last_recorded_at)"
                " SELECT source_id, :day, :ends_at, :events, CAST(:arrived AS bigint[]), :heard_at"
                " FROM sources WHERE source = :source"
            ),
            binds,
        )


def of_day(engine: sa.Engine, day: date) -> FeedDay:
    (found,) = [feed for feed in read_completeness(engine, NOW) if feed.day == day]
    return found


def words(engine: sa.Engine) -> str:
    """What the strip above every page says."""
    return late_words(read_record(engine, "freshness", now=NOW)["late_days"])


COMES = [80, 80, 80, 80, 80, 90, 100, 100, 100]


@pytest.fixture
def till(database: sa.Engine) -> sa.Engine:
    """A till of which four fifths have come by the end of a day, and all of it two days later."""
    for back in range(2, 40):
        send(database, "till", TODAY - timedelta(days=back), COMES)
    return database


def test_a_day_that_is_over_says_how_much_is_still_to_come(till: sa.Engine) -> None:
    yesterday = TODAY - timedelta(days=1)
    # 14 hours after its end: four fifths have come by 12 hours after it
    send(till, "till", yesterday, [72] * 9)
    found = of_day(till, yesterday)
    assert found.state == "arriving"
    assert found.events == 72
    assert found.expected == pytest.approx(90)
    said = "14 Jun: about 18 events still to come · 13 Jun: about 11 events"
    assert words(till).startswith(said)


def test_a_day_is_final_once_all_that_usually_comes_has_had_its_time(till: sa.Engine) -> None:
    found = of_day(till, TODAY - timedelta(days=4))
    assert (found.state, found.to_come) == ("final", 0)


def test_today_is_open_and_its_events_are_expected(till: sa.Engine) -> None:
    send(till, "till", TODAY, [30] * 9, heard_at=NOW)
    found = of_day(till, TODAY)
    assert found.state == "open"
    assert found.expected == pytest.approx(100)
    assert found.to_come == pytest.approx(70)
    assert "15 Jun" not in words(till)


def test_a_source_that_fell_silent_is_named(database: sa.Engine) -> None:
    for back in range(3, 40):
        day = TODAY - timedelta(days=back)
        send(database, "till", day, COMES, heard_at=datetime(2026, 6, 12, 20, tzinfo=UTC))
    assert of_day(database, TODAY - timedelta(days=2)).state == "silent"
    assert "nothing since from till" in words(database)


@pytest.mark.parametrize(
    ("sources", "used_h", "state"),
    [
        (["till"], 1, "quiet"),
        # it was used last before the day was over
        (["till"], 60, "silent"),
        # nobody knows whose sign of life it is
        (["till", "web"], 1, "silent"),
        (["till*"], 1, "silent"),
    ],
)
def test_a_source_whose_own_key_was_used_since_is_quiet(
    database: sa.Engine, sources: list[str], used_h: int, state: str
) -> None:
    for back in range(3, 40):
        day = TODAY - timedelta(days=back)
        send(database, "till", day, COMES, heard_at=datetime(2026, 6, 12, 20, tzinfo=UTC))
    with database.begin() as connection:
        create_key(connection, "till 1", "ingest", Limits(sources=sources))
        connection.execute(
            sa.text("UPDATE access_keys SET last_used_at = :at"),
            {"at": NOW - timedelta(hours=used_h)},
        )
    found = of_day(database, TODAY - timedelta(days=2))
    assert (found.state, found.events) == (state, 0)
    assert ("nothing since from till" in words(database)) == (state == "silent")
    if state == "quiet":
        assert found.to_come == 0


def test_days_of_an_import_teach_nothing(database: sa.Engine) -> None:
    for back in range(1, 40):
        send(database, "file", TODAY - timedelta(days=back), [0] * 8 + [10 * (back < 9)])
    assert {feed.state for feed in read_completeness(database, NOW)} <= {"learning", "open"}
    assert words(database) == ""
