from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stocktide.foundation.halves import by_halves


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
