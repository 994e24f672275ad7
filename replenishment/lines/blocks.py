"""Lines in blocks: how many fit into a core's cache, on all cores, and which of a block can be walked together."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from replenishment.formulas.conditions import Array
from replenishment.lines.lead_times import LeadTimes, Periods
from replenishment.lines.lines import Lines
from replenishment.lines.walk import Needs, Single, walk

# Numbers of one period that are walked together: with a dozen arrays of such a size a walk stays near the core's cache.
WALK_NUMBERS = 200_000
# Numbers of one period that a thread holds: enough lines that those which share lead time and review fill a walk.
BLOCK_NUMBERS = 8 * WALK_NUMBERS


class Paths(Protocol):
    """Joint paths of n lines: an array (n, B, T), a memory map, or what reads the lines of a slice when asked."""

    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102

    def __getitem__(self, rows: slice, /) -> NDArray[Any]: ...


class Group(NamedTuple):
    """Lines that are walked together, by their place in the block, and their needs."""

    rows: NDArray[np.int64]
    lines: Lines
    lead: Array
    longest: int
    review: int
    needs: Needs


def check_paths(lines: Lines, paths: Paths, leads: LeadTimes, review: Periods) -> None:
    """Refuse paths of another shape, or that end before the next order can arrive. Raises ValueError."""
    if not hasattr(paths, "shape"):
        raise ValueError(
            "paths must be an array of lines x paths x periods, or read slices like one"
        )
    if np.dtype(getattr(paths, "dtype", np.float64)).kind not in "buif":
        raise ValueError(f"paths must be numbers, not {paths.dtype}")  # type: ignore[attr-defined]  # it has one
    if len(paths.shape) != 3 or paths.shape[0] != len(lines) or 0 in paths.shape[1:]:
        raise ValueError(
            f"paths must be of {len(lines)} lines x paths x periods, not {paths.shape}"
        )
    if review.shape != (len(lines),):
        raise ValueError(f"the policy is of {review.size} lines, and there are {len(lines)}")
    if leads.shares.shape[0] not in (1, len(lines)):
        raise ValueError(f"lead times must be one, or one of each of {len(lines)} lines")
    needed = int((leads.longest + review).max(initial=1))
    if needed > paths.shape[2]:
        raise ValueError(
            f"paths reach {paths.shape[2]} periods, and the next order arrives after up to {needed}"
        )


def in_blocks(n: int, B: int, work: Callable[[slice], Any], workers: int) -> list[Any]:
    """Do the work for slices of n lines of B paths each, on so many threads, and return what it gives in order."""
    size = max(BLOCK_NUMBERS // B, 1)
    slices = [slice(at, min(at + size, n)) for at in range(0, n, size)]
    if workers <= 1 or len(slices) <= 1:
        return [work(rows) for rows in slices]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, slices))


def walked(
    lines: Lines,
    paths: NDArray[Any],
    leads: LeadTimes,
    review: Periods,
    *,
    backorders: bool,
    windows_max: int,
) -> Iterator[Group]:
    """Walk one block, lines that share lead time and review together. Yields each group with its needs.

    paths: (n, B, T) of the block. windows_max: walk on for so many windows as far as the paths reach; more than one
    where costs decide.
    """
    n, B, T = paths.shape
    for rows, lead, longest, every in _alike(leads, review, n, max(WALK_NUMBERS // B, 1)):
        windows = min(max((T - longest) // every, 1), windows_max)
        some, sold = lines.take(rows), _period_major(paths, rows, longest + every * windows)
        of_rows = leads.take(rows, n)
        dealt = np.asarray(lead)
        if lead < 0:
            dealt = of_rows.of_paths(sold[: longest + every].sum(axis=0, dtype=np.float32))
        # what is infinite is refused below, by its name
        with np.errstate(invalid="ignore", over="ignore"):
            needs = walk(
                some,
                sold,
                dealt,
                every,
                backorders=backorders,
                windows=windows,
                usual=of_rows.middle if lead < 0 else None,
                by_cost=windows_max > 1,
            )
        if not np.isfinite(needs.demand).all():
            raise ValueError("paths must be finite")
        yield Group(rows, some, of_rows.mean, longest, every, needs)


def _alike(
    leads: LeadTimes, review: Periods, n: int, most: int
) -> Iterator[tuple[NDArray[np.int64], int, int, int]]:
    """Yield lines, at most so many, that share their lead time, or the longest one, and their review period.

    With them come the lead time, −1 where it is dealt to the paths, the longest, and the review period.
    """
    longest = np.broadcast_to(leads.longest, (n,))
    sure = np.where(np.broadcast_to(leads.shares.max(axis=1) == 1, (n,)), longest, -1)
    keys, of_line = np.unique(np.column_stack([sure, longest, review]), axis=0, return_inverse=True)
    for key, (lead, last, every) in enumerate(keys.tolist()):
        rows = np.flatnonzero(of_line.ravel() == key)
        for at in range(0, rows.size, most):
            yield rows[at : at + most], lead, last, every


def _period_major(paths: NDArray[Any], rows: NDArray[np.int64], periods: int) -> Single:
    """Return the first periods of some rows' paths as (periods, rows, B): what is added up by period lies together."""
    block = np.asarray(paths)[:, :, :periods]
    by_period = block.strides[2] >= block.strides[0]
    chosen = slice(rows[0], rows[-1] + 1) if rows[-1] - rows[0] == rows.size - 1 else rows
    if by_period and not isinstance(chosen, slice):
        sold = np.stack([block[:, :, t][rows] for t in range(periods)])
    else:
        sold = np.ascontiguousarray(block[chosen].transpose(2, 0, 1))
    if not sold.min() >= 0:
        raise ValueError("paths must be numbers of at least 0")
    return np.asarray(sold)
