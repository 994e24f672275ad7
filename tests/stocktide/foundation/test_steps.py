import pytest

from stocktide.foundation.errors import Fatal
from stocktide.foundation.steps import Steps


def test_steps_are_done_whatever_fails_before_them_and_the_failures_are_raised_at_the_end() -> None:
    steps = Steps()

    def failing() -> int:
        raise IndexError("no such row")

    assert [
        steps.do("a", lambda: 1, int),
        steps.do("b", failing, int),
        steps.do("c", lambda: 3, int),
    ] == [1, 0, 3]
    with pytest.raises(Fatal, match=r"1 of 3 steps failed, the others are done\. b: no such row"):
        steps.end()


def test_steps_that_work_end_in_silence() -> None:
    steps = Steps()
    steps.do("a", lambda: 1, int)
    steps.end()
