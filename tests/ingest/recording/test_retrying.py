from collections.abc import Sequence

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.recording.retrying import TRIES_MAX, by_halves, retried
from stocktide.foundation.errors import Transient


class Poison(Exception):
    """One of a batch is at fault."""


@given(st.lists(st.booleans(), max_size=40))
def test_halves_find_each_one_at_fault_and_do_the_others_once(bad: list[bool]) -> None:
    done: list[int] = []

    def do(some: Sequence[int]) -> list[str]:
        if any(bad[one] for one in some):
            raise Poison
        done.extend(some)
        return [f"done {one}" for one in some]

    made = by_halves(
        range(len(bad)),
        do,
        lambda one, _: [f"kept {one}"],
        is_of_one=lambda error: isinstance(error, Poison),
    )
    assert made == [f"kept {one}" if wrong else f"done {one}" for one, wrong in enumerate(bad)]
    assert done == [one for one, wrong in enumerate(bad) if not wrong]


def test_halves_raise_what_is_no_fault_of_one() -> None:
    def do(_some: Sequence[int]) -> list[int]:
        raise ValueError("away")

    with pytest.raises(ValueError, match="away"):
        by_halves([1, 2], do, lambda *_: [0], is_of_one=lambda error: isinstance(error, Poison))


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
