"""Rows in blocks: what is computed row by row stays in a core's cache, and blocks are shared out over threads.

The blocks are the same however many threads there are, so that results never depend on the machine.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

import numpy as np

T = TypeVar("T")
Array = np.ndarray[Any, Any]


class MapBlocks(Protocol):
    """Computes blocks somewhere else. Function, blocks and results are picklable."""

    def __call__(self, make: Callable[[Any], Any], blocks: Sequence[Any]) -> Iterable[Any]:
        """Compute each block by `make`; the results are in the order of the blocks."""


_ELSEWHERE: ContextVar[MapBlocks | None] = ContextVar("blocks_elsewhere", default=None)


# 512 rows of two years of days take 3 MB: temporaries of a block are written over while they are still near.
ROWS_AT_ONCE = 512


def in_threads(tasks: Sequence[Callable[[], T]], threads: int | None = None) -> Iterator[T]:
    """Run the tasks, in threads where there are several, and yield their results in order.

    threads: None for one a core.
    """
    workers = threads or os.cpu_count() or 1
    if len(tasks) < 2 or workers < 2:
        for task in tasks:
            yield task()
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(lambda task: task(), tasks)


@contextmanager
def blocks_sent(to: MapBlocks) -> Iterator[None]:
    """Send blocks that are worth it elsewhere, in this context; the blocks are those that threads compute."""
    before = _ELSEWHERE.set(to)
    try:
        yield
    finally:
        _ELSEWHERE.reset(before)


def sent_elsewhere() -> MapBlocks | None:
    """Return where blocks are sent, None for nowhere."""
    return _ELSEWHERE.get()


def row_slices(rows: int, at_once: int = ROWS_AT_ONCE) -> list[slice]:
    """Cut so many rows into blocks."""
    return [slice(start, min(start + at_once, rows)) for start in range(0, rows, at_once)]


def by_rows(make: Callable[..., T], *arrays: Array, at_once: int = ROWS_AT_ONCE) -> T:
    """Call `make` with blocks of the arrays' rows, and join its results: an array, or a tuple of arrays.

    arrays: each of as many rows. make: reads a row without looking at another, and gives a row for a row.
    """
    rows = arrays[0].shape[0]
    assert all(array.shape[0] == rows for array in arrays)
    blocks = row_slices(rows, at_once)
    if len(blocks) < 2:
        return make(*arrays)

    def task(block: slice) -> Callable[[], T]:
        return lambda: make(*(array[block] for array in arrays))

    made: list[Any] = list(in_threads([task(block) for block in blocks]))
    if isinstance(made[0], tuple):
        joined: Any = tuple(np.concatenate(part) for part in zip(*made, strict=True))
    else:
        joined = np.concatenate(made)
    found: T = joined
    return found
