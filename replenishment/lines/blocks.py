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

# Numbers of one period of a block: with a dozen arrays of such a size a walk stays near the core's cache.
BLOCK_NUMBERS = 200_000


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
    if len(paths.shape) != 3 or paths.shape[0] != len(lines) or 0 in paths.shape[1:]:
        raise ValueError(
            f"paths must be of {len(lines)} lines x paths x periods, not {paths.shape}"
        )
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

    paths: (n, B, T) of the block. windows_max: walk on for so many windows as far as the paths reach.
    """
    n = len(lines)
    # a line's lead time where it is sure; −1: to be dealt to its paths
    sure = np.broadcast_to(np.where(leads.shares.max(axis=1) == 1, leads.longest, -1), (n,))
    for lead, every in np.unique(np.column_stack([sure, review]), axis=0):
        rows = np.flatnonzero((sure == lead) & (review == every))
        some, sold = lines.take(rows), _period_major(paths, rows)
        of_rows = leads.take(rows, n)
        longest = int(of_rows.longest.max())
        windows = min(max((sold.shape[0] - longest) // int(every), 1), windows_max)
        dealt = np.asarray(lead)
        if lead < 0:
            dealt = of_rows.of_paths(sold[: longest + int(every)].sum(axis=0, dtype=np.float32))
        needs = walk(some, sold, dealt, int(every), backorders=backorders, windows=windows)
        if not np.isfinite(needs.demand).all():
            raise ValueError("paths must be finite")
        yield Group(rows, some, of_rows.mean, longest, int(every), needs)


def _period_major(paths: NDArray[Any], rows: NDArray[np.int64]) -> Single:
    """Return the paths of some rows as (T, rows, B): what is added up period by period lies together."""
    block = np.asarray(paths)
    if rows.size < block.shape[0]:
        block = block[rows]
    if block.dtype.kind not in "u" and block.size and block.min() < 0:
        raise ValueError("paths must be at least 0")
    return np.ascontiguousarray(block.transpose(2, 0, 1))
