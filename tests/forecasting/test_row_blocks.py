"""Rows in blocks give what all rows at once give, in order, whatever the threads."""

import threading
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.row_blocks import by_rows, in_threads, row_slices


@given(st.integers(0, 40), st.integers(1, 12))
def test_row_slices_cover_every_row_once(rows: int, at_once: int) -> None:
    blocks = row_slices(rows, at_once)
    assert [row for block in blocks for row in range(rows)[block]] == list(range(rows))
    assert all(block.stop - block.start <= at_once for block in blocks)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_in_threads_keeps_the_order(threads: int) -> None:
    def wait_and_say(number: int) -> int:
        # the first tasks are the slowest
        threading.Event().wait(0.002 * (8 - number))
        return number

    assert list(in_threads([partial(wait_and_say, n) for n in range(8)], threads)) == [*range(8)]


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_by_rows_puts_arrays_and_tuples_together(at_once: int) -> None:
    Y = np.random.default_rng(0).normal(size=(10, 4))
    weight = np.arange(10.0)
    total = by_rows(lambda y, w: y.sum(axis=1) * w, Y, weight, at_once=at_once)
    np.testing.assert_array_equal(total, Y.sum(axis=1) * weight)
    low, high = by_rows(lambda y: (y.min(axis=1), y.max(axis=1)), Y, at_once=at_once)
    np.testing.assert_array_equal(low, Y.min(axis=1))
    np.testing.assert_array_equal(high, Y.max(axis=1))


def test_in_threads_raises_what_a_task_raises() -> None:
    def fail() -> None:
        raise ValueError("row 3")

    with pytest.raises(ValueError, match="row 3"):
        list(in_threads([fail, fail], 2))
