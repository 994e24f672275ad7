"""Plans over days as numbers over periods, as they were known after so many periods.

m rows (leaves, or groups of leaves that share all plans), n plans of a row, P periods. Days and periods count from the
first of the grid.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.frames.frequency import Grid, grid_of

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Index = NDArray[np.int64]

# Cells that are laid out at once: some 200 MB of work space.
CELLS_AT_ONCE = 4_000_000
# "Never" as a count of periods, for a plan that was not withdrawn.
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Periods:
    """P neighbouring periods. first_day: day number since 1970 of the first one. days: (P,) days in each."""

    first_day: int
    days: Index

    @property
    def starts(self) -> Index:
        """Return the position of each period's first day, (P,)."""
        return np.concatenate([[0], np.cumsum(self.days)[:-1]]).astype(np.int64)

    def position(self, day: Index) -> Index:
        """Find the period of day numbers since 1970, any shape; -1 before the first, the last one after it."""
        found = np.searchsorted(self.starts, day - self.first_day, side="right") - 1
        return np.asarray(found, dtype=np.int64)

    def mean(self, values: Array, start: int = 0) -> Array:
        """Average (m, days of the periods from `start` on) over the days of each period, (m, P - start)."""
        days = self.days[start:]
        if (days == 1).all():
            return values
        places = self.starts[start:] - self.starts[start]
        return np.asarray(np.add.reduceat(values, places, axis=1) / days)


def periods_of(days: pd.DatetimeIndex, grid: Grid | None) -> Periods:
    """Return the days that each date of a regular grid covers: from it on, or up to it where periods end on it."""
    on = grid_of(days, "D") if grid is None else grid
    at = int(on.steps(days[:1])[0])
    edges = on.dates(np.arange(at - 1, at + len(days) + 1))
    numbers = np.asarray(edges.to_numpy(dtype="datetime64[D]").astype(np.int64))
    counts = np.diff(numbers)
    first = numbers[0] + 1 if on.at_end else numbers[1]
    return Periods(int(first), counts[:-1] if on.at_end else counts[1:])


@dataclass(frozen=True)
class Spans:
    """n plans of rows over days; of two that meet, the later one counts.

    leaf: (n,) row that it is of. first, last: (n,) positions of the first and the last day. value: (n,). relative: (n,)
    value is added to what the day has, and not put in its place. A plan is known after k periods if known_from < k <=
    known_until, both (n,) counts of periods.
    """

    leaf: Index
    first: Index
    last: Index
    value: Array
    relative: Mask
    known_from: Index
    known_until: Index

    def where(self, keep: Mask) -> "Spans":
        """Keep some of the plans; keep: (n,)."""
        return Spans(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))

    def known(self, periods_known: int, first_day: int, n_days: int) -> "Spans":
        """Keep what was known after so many periods and touches days first_day .. n_days - 1."""
        keep = (self.known_from < periods_known) & (periods_known <= self.known_until)
        return self.where(keep & (self.last >= first_day) & (self.first < n_days))


def lay_over(base: Array, layers: Sequence[Spans], first_day: int) -> Array:
    """Lay plans over (m, n) values of the days from first_day on, layer by layer; a copy of `base`."""
    laid = base.copy()
    for layer in layers:
        before = laid.copy() if layer.relative.any() else laid
        for row, cell in _cells(layer, laid.shape[1], first_day):
            value = layer.value[row]
            relative = layer.relative[row]
            if relative.any():
                value = np.where(relative, before.ravel()[cell] + value, value)
            # of an index that is there twice, numpy keeps the last
            laid.ravel()[cell] = value
    return laid


def _cells(layer: Spans, n_days: int, first_day: int) -> Iterator[tuple[Index, Index]]:
    """Return the plans' rows and their cells in the flat (m, n_days) matrix, in bounded blocks, in order."""
    start = np.maximum(layer.first - first_day, 0)
    count = np.maximum(np.minimum(layer.last - first_day, n_days - 1) - start + 1, 0)
    ends = np.cumsum(count)
    block = 0
    while block < count.size:
        done = ends[block - 1] if block else 0
        stop = max(int(np.searchsorted(ends, done + CELLS_AT_ONCE, side="right")), block + 1)
        here = np.arange(block, stop)
        row = np.repeat(here, count[here])
        offset = np.arange(row.size) - np.repeat(ends[here] - count[here] - done, count[here])
        yield row, layer.leaf[row] * n_days + start[row] + offset
        block = stop


def planned(
    level: Array, layers: Sequence[Spans], periods: Periods, *, start: int, periods_known: int
) -> Array:
    """Return what is planned for the periods from `start` on, as it was known after periods_known, (m, P - start).

    level: (m,) what holds where nothing is planned.
    """
    n_days = int(periods.days.sum())
    assert 0 <= start <= periods.days.size
    if start == periods.days.size:
        return np.empty((level.size, 0))
    first_day = int(periods.starts[start])
    base = np.repeat(level[:, None], n_days - first_day, axis=1)
    known = [layer.known(periods_known, first_day, n_days) for layer in layers]
    return periods.mean(lay_over(base, known, first_day), start)
