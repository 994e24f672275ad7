"""Today is the day at the line's location. Kiritimati is 25 hours ahead of Niue: never is it one day at both."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from ingest.recording.recording import Recorder
from purchasing.desk.lines import Decision
from stocktide.entrypoints.ordering import desk_of
from stocktide.foundation.local_days import business_day
from stocktide.foundation.settings import Settings
from tests.conftest import Api
from tests.purchasing.desk.acting import decide, lines, on, propose

EAST, WEST = "Pacific/Kiritimati", "Pacific/Niue"


def move(api: Api, zone: str) -> None:
    told = {"locations": [{"code": "S1", "timezone": zone}]}
    api.operate.put("/v1/locations", json=told).raise_for_status()


def test_a_snooze_ends_on_its_day_by_the_clock_of_the_location(
    desk: Api, database: sa.Engine
) -> None:
    move(desk, WEST)
    line = lines(desk)["A"]
    today = datetime.now(ZoneInfo(WEST)).date()
    assert line["today"] == today.isoformat()
    tomorrow = (today + timedelta(days=1)).isoformat()
    (snoozed,) = decide(desk, on(line, "snooze", until=tomorrow))
    assert snoozed["snoozed_until"] == tomorrow
    (rejected,) = decide(desk, on(lines(desk)["B"], "reject", reason="enough"))
    assert rejected["state"] == "rejected"
    propose(database, A=12, B=5, C=2)
    assert lines(desk).keys() == {"C"}
    assert lines(desk, state="snoozed").keys() == {"A"}
    move(desk, EAST)
    propose(database, A=12, C=2)
    assert lines(desk).keys() == {"A", "C"}
    (refused,) = decide(desk, on(lines(desk)["C"], "snooze", until=tomorrow))
    assert refused["error"]["code"] == "until"


@pytest.mark.parametrize(
    ("zone", "hour", "day"), [(EAST, 9, 2), (EAST, 10, 3), (WEST, 10, 1), (WEST, 11, 2)]
)
def test_an_order_is_of_the_day_at_its_location(
    desk: Api, database: sa.Engine, zone: str, hour: int, day: int
) -> None:
    """It is expected a day after that, where it takes a day."""
    move(desk, zone)
    propose(database, explanation={"takes_days": 1}, A=12)
    at = datetime(2026, 3, 2, hour, tzinfo=UTC)
    with database.begin() as connection:
        assert business_day(connection, at).day == day
        line = lines(desk)["A"]
        decisions = {line["line_id"]: Decision("approve", "anna", line["version"])}
        desk_of(Recorder(database, Settings())).decide(connection, decisions, now=at)
    (ordered,) = lines(desk, state="ordered").values()
    assert ordered["expected_on"] == f"2026-03-0{day + 1}"
