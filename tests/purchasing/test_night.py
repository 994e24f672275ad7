"""What there is to tell of a night, by its runs."""

from datetime import UTC, datetime, timedelta

import pytest

from purchasing.telling.night import Night, RunSince, judge_night

DUE = datetime(2026, 3, 2, 5, 15, tzinfo=UTC)


def ran(status: str, error: str | None = None) -> RunSince:
    return RunSince(status, DUE + timedelta(minutes=1), error)


@pytest.mark.parametrize(
    ("runs", "minutes", "told"),
    [
        ([], 59, None),
        ([], 60, Night("failed", "No run has begun since 05:15 UTC, when it was due.")),
        ([ran("running")], 5, None),
        ([ran("running")], 60, Night("failed", "The run of 05:16 UTC has not ended.")),
        ([ran("failed", "no forecast")], 2, Night("failed", "no forecast")),
        ([ran("failed", "no forecast"), ran("succeeded")], 2, Night("digest")),
        ([ran("succeeded"), ran("failed", "by hand")], 600, Night("digest")),
    ],
)
def test_night_is_told_once_it_ended_or_an_hour_after_it_was_due(
    runs: list[RunSince], minutes: int, told: Night | None
) -> None:
    assert judge_night(runs, due=DUE, now=DUE + timedelta(minutes=minutes), is_older=True) == told


def test_installation_of_this_morning_has_missed_no_night() -> None:
    assert judge_night([], due=DUE, now=DUE + timedelta(hours=9), is_older=False) is None
