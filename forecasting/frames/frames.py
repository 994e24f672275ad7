"""The doors for frames: a Nixtla long frame, or a wide frame with scikit-hts's nodes, as arrays; faults named by row.

Rows are counted from 0, as `frame.iloc` does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.frames.cells import Names, read_dates, read_numbers
from forecasting.frames.frequency import (
    FREQUENCIES,
    Frequency,
    Grid,
    coarsest_grid,
    grid_of,
    is_regular,
)
from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.scikit_hts import from_nodes
from stocktide.foundation.errors import Invalid

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Series:
    """n series on one regular grid of T dates.

    labels: (n,), sorted. days: (T,). Y: (n, T), NaN where no row was or y was missing. grid: its frequency and dates.
    regressors: (n, T) by name, NaN where no row was.
    """

    labels: tuple[str, ...]
    days: pd.DatetimeIndex
    Y: Array
    grid: Grid
    regressors: Mapping[str, Array] = field(default_factory=dict)

    @property
    def frequency(self) -> Frequency:
        """Return the rhythm: D, W, M or Q."""
        return self.grid.frequency

    def future(self, horizon: int) -> pd.DatetimeIndex:
        """Return the `horizon` dates after the last one."""
        return self.grid.following(self.days[-1], horizon)

    def to_long(self) -> pd.DataFrame:
        """Return the known values back as a long frame, sorted by series and date."""
        row, column = np.nonzero(np.isfinite(self.Y))
        return pd.DataFrame(
            {
                "unique_id": np.array(self.labels, dtype=object)[row],
                "ds": self.days[column],
                "y": self.Y[row, column],
            }
        )


def from_long(
    frame: pd.DataFrame, *, regressors: Sequence[str] = (), frequency: Frequency | None = None
) -> Series:
    """Read a long frame with columns unique_id, ds, y and the named regressors; dates may have gaps, y may be missing.

    frequency: D, W, M or Q (None: the coarsest that holds all dates). Raises Invalid, naming series and row:
    `frame_empty`, `column_missing`, `column_unknown`, `id_missing`, `ds_invalid`, `ds_zone` (a time zone on some rows),
    `ds_time` (hours), `ds_duplicate`, `ds_off_grid`, `frequency_unknown`, `frequency_mixed`, `value_text`,
    `value_infinite`.
    """
    _refuse_columns(frame, ("unique_id", "ds", "y", *regressors))
    missing = np.flatnonzero(frame["unique_id"].isna().to_numpy())
    if missing.size:
        raise Invalid("id_missing", f"Row {missing[0]} has no unique_id.", row=int(missing[0]))
    names = frame["unique_id"].astype(str).to_numpy(dtype=object)
    ds = read_dates(frame["ds"], names)
    code, labels = pd.factorize(names, sort=True)
    _refuse_duplicates(code, ds, names)
    grid = _grid(ds, code, names, frequency)
    step = grid.steps(ds)
    at, T = step - step.min(), int(np.ptp(step)) + 1
    values = {name: read_numbers(frame[name], name, names) for name in ("y", *regressors)}
    placed = {name: np.full((len(labels), T), np.nan) for name in values}
    for name, value in values.items():
        placed[name][code, at] = value
    days = grid.dates(np.arange(int(step.min()), int(step.min()) + T))
    y = placed.pop("y")
    return Series(tuple(str(label) for label in labels), days, y, grid, placed)


def from_wide(
    nodes: Mapping[str, Sequence[str]], wide: pd.DataFrame, *, frequency: Frequency | None = None
) -> tuple[Hierarchy, Series]:
    """Read scikit-hts's nodes dict and wide frame: dates as index, a column per node.

    Returns the hierarchy and its n nodes' series in its order. Raises Invalid as `from_nodes` and `from_long` do.
    """
    if wide.empty:
        raise Invalid("frame_empty", "The wide frame has no rows.")
    column = np.full(len(wide), "the index", dtype=object)
    ds = read_dates(pd.Series(wide.index, dtype=wide.index.dtype), column)
    same = np.zeros(len(wide), dtype=np.int64)
    _refuse_duplicates(same, ds, column)
    grid = _grid(ds, same, column, frequency)
    numbers = pd.DataFrame(
        {name: read_numbers(wide[name], str(name), column) for name in wide.columns}, index=ds
    )
    hierarchy, given = from_nodes(nodes, numbers)
    step = grid.steps(ds)
    Y = np.full((hierarchy.n_nodes, int(np.ptp(step)) + 1), np.nan)
    Y[:, step - step.min()] = given
    days = grid.dates(np.arange(int(step.min()), int(step.max()) + 1))
    return hierarchy, Series(tuple(hierarchy.nodes["unique_id"]), days, Y, grid)


def _refuse_columns(frame: pd.DataFrame, wanted: Sequence[str]) -> None:
    if len(set(frame.columns)) < len(frame.columns):
        twice = frame.columns[frame.columns.duplicated()][0]
        raise Invalid("column_unknown", f"The frame has two columns named {twice!r}.")
    for name in wanted:
        if name not in frame.columns:
            raise Invalid(
                "column_missing",
                f"The frame has no column {name!r}; it has {', '.join(map(str, frame.columns))}.",
                column=name,
            )
    for name in frame.columns:
        if name not in wanted:
            raise Invalid(
                "column_unknown",
                f"The frame has a column {name!r} that is not among the regressors; name it there, or drop it.",
                column=str(name),
            )
    if frame.empty:
        raise Invalid("frame_empty", "The frame has no rows.")


def _refuse_duplicates(code: Codes, ds: pd.DatetimeIndex, names: Names) -> None:
    twice = pd.DataFrame({"code": code, "ds": ds}).duplicated().to_numpy()
    if twice.any():
        row = int(np.argmax(twice))
        raise Invalid(
            "ds_duplicate",
            f"Series {names[row]!r}, row {row}: the date {ds[row].date()} comes a second time.",
            row=row,
        )


def _grid(ds: pd.DatetimeIndex, code: Codes, names: Names, frequency: Frequency | None) -> Grid:
    if frequency is None:
        grid = coarsest_grid(ds)
        _refuse_mixed(ds, code, names, grid)
        return grid
    if frequency not in FREQUENCIES:
        raise Invalid(
            "frequency_unknown",
            f"There is no frequency {frequency!r}; take {', '.join(FREQUENCIES)}.",
        )
    grid = grid_of(ds, frequency)
    off = np.flatnonzero(~grid.holds(ds))
    if off.size:
        row = int(off[0])
        some = ", ".join(f"{day:%Y-%m-%d}" for day in grid.dates(np.arange(3)))
        raise Invalid(
            "ds_off_grid",
            f"Series {names[row]!r}, row {row}: {ds[row].date()} is not one of the {frequency} dates {some}, …",
            row=row,
        )
    return grid


def _refuse_mixed(ds: pd.DatetimeIndex, code: Codes, names: Names, grid: Grid) -> None:
    """Refuse a series that is clearly on a coarser grid than the others."""
    order = np.argsort(code, kind="stable")
    for rows in np.split(order, np.cumsum(np.bincount(code))[:-1]):
        own = coarsest_grid(ds[rows])
        if own.frequency != grid.frequency and is_regular(ds[rows], own):
            row = int(rows[0])
            raise Invalid(
                "frequency_mixed",
                f"Series {names[row]!r}, from row {row} on, has frequency {own.frequency}, others {grid.frequency}; "
                "give frames of one frequency each, or say which by frequency.",
                row=row,
            )
