"""The state of the data, and the business day: judged in one place, for any zones and any instant."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.state import business_day, judge_data
from stocktide.domain.rhythm import rhythm_of

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
KNOWN: dict[str, Any] = {
    "newest_event": NOW,
    "last_received": NOW - timedelta(minutes=1),
    "lake_updated_at": NOW - timedelta(minutes=5),
    "loaded_at": NOW - timedelta(minutes=5),
    "newest_day": date(2026, 3, 4),
    "zones": ["UTC"],
    "importing": None,
    "waiting": 0,
}
ZONES = sorted(available_timezones() - {"localtime", "Factory"})


def test_an_evening_in_los_angeles_is_still_its_own_day() -> None:
    evening = datetime(2026, 3, 5, 3, 0, tzinfo=UTC)
    loaded = {**KNOWN, "loaded_at": evening, "newest_day": date(2026, 3, 4)}
    los_angeles = judge_data(loaded, evening, zones=["America/Los_Angeles"])
    assert (los_angeles.today, los_angeles.open_from) == (date(2026, 3, 4), date(2026, 3, 4))
    tokyo = judge_data(loaded, evening, zones=["Asia/Tokyo"])
    assert (tokyo.today, tokyo.open_from) == (date(2026, 3, 5), date(2026, 3, 5))
    # summed over both, a day is whole only when it has ended at both
    both = judge_data(loaded, evening, zones=["Asia/Tokyo", "America/Los_Angeles"])
    assert both.open_from == date(2026, 3, 4)


@given(
    now=st.integers(-7_300, 10_000).map(lambda hours: NOW + timedelta(hours=31.3 * hours)),
    zones=st.lists(st.sampled_from(ZONES), min_size=1, max_size=4),
    loaded_h=st.one_of(st.none(), st.integers(0, 100)),
)
def test_a_whole_day_has_ended_everywhere_and_is_loaded(
    now: datetime, zones: list[str], loaded_h: int | None
) -> None:
    loaded = None if loaded_h is None else now - timedelta(hours=loaded_h)
    state = judge_data({**KNOWN, "loaded_at": loaded}, now, zones=zones)
    seen = [instant for instant in (now, loaded) if instant is not None]
    for zone in zones:
        assert all(at.astimezone(ZoneInfo(zone)).date() > state.complete for at in seen)
    # and no day that has is left out
    assert any(
        at.astimezone(ZoneInfo(zone)).date() == state.open_from for zone in zones for at in seen
    )
    assert business_day(now, zones) == state.today >= state.open_from


def test_a_day_that_ended_after_the_last_load_is_not_whole() -> None:
    midnight = datetime(2026, 3, 4, 0, 1, tzinfo=UTC)
    state = judge_data({**KNOWN, "loaded_at": midnight - timedelta(minutes=5)}, midnight)
    assert (state.today, state.complete) == (date(2026, 3, 4), date(2026, 3, 2))


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({}, "fresh"),
        ({"newest_day": None}, "unknown"),
        ({"importing": {"running": True, "rows": 5, "rows_of": 9}}, "partial"),
        ({"importing": {"running": False}}, "partial"),
        ({"lake_updated_at": NOW - timedelta(minutes=16)}, "stale"),
        # a long weekend of a shop is no end
        ({"newest_day": date(2026, 3, 1)}, "fresh"),
        ({"newest_day": date(2026, 2, 28)}, "stale"),
        ({"newest_day": date(2011, 12, 9)}, "stale"),
    ],
)
def test_the_state_is_judged_by_rule(changed: dict[str, Any], kind: str) -> None:
    state = judge_data({**KNOWN, **changed}, NOW)
    assert state.kind == kind
    assert (state.why == "") == (kind == "fresh")
    assert state.can_compare == (kind in ("fresh", "stale"))


def test_what_ended_is_said_as_of_its_newest_day() -> None:
    state = judge_data({**KNOWN, "newest_day": date(2011, 12, 9)}, NOW)
    assert (state.ended, state.as_of) == (True, "as of 9 Dec 2011, the newest data")
    assert not judge_data(KNOWN, NOW).ended


@pytest.mark.parametrize(("frequency", "days"), [("D", 3), ("W", 15), ("M", 63), ("Q", 185)])
def test_how_long_ago_is_of_the_past_depends_on_the_rhythm(frequency: str, days: int) -> None:
    last = {**KNOWN, "newest_day": NOW.date() - timedelta(days=days)}
    assert not judge_data(last, NOW, rhythm=rhythm_of(frequency)).ended
    before = {**KNOWN, "newest_day": NOW.date() - timedelta(days=days + 1)}
    assert judge_data(before, NOW, rhythm=rhythm_of(frequency)).ended


def test_what_goes_on_before_there_are_figures() -> None:
    nothing = {**KNOWN, "newest_day": None}
    waits = judge_data({**nothing, "waiting": 120_000}, NOW).why
    assert waits.startswith("120,000 events are received and wait for the first ETL")
    importing = {"running": True, "rows": 120_000, "rows_of": 385_000}
    assert judge_data({**nothing, "importing": importing}, NOW).why == (
        "Importing: 120,000 of about 385,000 rows; figures follow after the next ETL."
    )
    assert "No sale" in judge_data(nothing, NOW).why
