import psycopg
import pytest

from ingest.recording.retrying import TRIES_MAX, retried
from stocktide.foundation.errors import Transient


class Failing:
    """Fails so many times, then gives 7."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.left, self.calls = error, times, 0

    def __call__(self) -> int:
        self.calls += 1
        if self.left == 0:
            return 7
        self.left -= 1
        raise self.error


def test_what_gave_way_is_tried_again_and_at_last_said_to_be_busy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingest.recording.retrying.FIRST_WAIT_S", 0.0)
    deadlock = psycopg.errors.DeadlockDetected("deadlock")
    assert retried(Failing(deadlock, TRIES_MAX - 1), hint="Again.") == 7
    with pytest.raises(Transient, match=r"busy\. Again\.") as busy:
        retried(Failing(deadlock, TRIES_MAX), hint="Again.")
    assert busy.value.code == "busy"


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (psycopg.OperationalError("connection refused"), Transient),
        (psycopg.errors.UndefinedTable("no table"), psycopg.errors.UndefinedTable),
        (psycopg.DataError("NUL"), psycopg.DataError),
    ],
)
def test_all_other_errors_end_it_at_once(error: Exception, raised: type[Exception]) -> None:
    failing = Failing(error, 1)
    with pytest.raises(raised):
        retried(failing, hint="Again.")
    assert failing.calls == 1
