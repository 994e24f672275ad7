"""The trend of each series: its own time axis, its own changes of slope.

Time is Prophet's: 0 at a series' first observation, 1 at its last. S changes of slope lie at equal counts of
observations within the first `changepoint_range` of them. A history too short for S keeps fewer; the others sit at 1
and never change anything.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.prophet.columns import day_numbers
from forecasting.prophet.model import ProphetModel

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TimeAxis:
    """start, span: days since 1970 and days. knots: (S,) in scaled time, of which the first `real` are real."""

    start: float
    span: float
    knots: Array
    real: int

    def scaled(self, days: Array) -> Array:
        """Scale days since 1970 to the series' own time."""
        return (days - self.start) / self.span


def time_axis(model: ProphetModel, days: Array) -> TimeAxis:
    """Build the time axis of a series observed on `days` (N,) >= 2, ascending, days since 1970."""
    assert days.size >= 2
    start, span = float(days[0]), float(days[-1] - days[0])
    real = _changes(model, days)
    size = knot_count(model)
    knots = np.ones(size)
    knots[: real.size] = (real - start) / span
    return TimeAxis(start, span, knots, real.size)


def knot_count(model: ProphetModel) -> int:
    """Count the changes of slope that a long series of this model has, S."""
    if model.growth == "flat":
        return 0
    return model.n_changepoints if model.changepoints is None else len(model.changepoints)


def _changes(model: ProphetModel, days: Array) -> Array:
    if model.growth == "flat":
        return np.zeros(0)
    if model.changepoints is not None:
        given = day_numbers(pd.DatetimeIndex(sorted(model.changepoints)))
        inside: Array = given[(given >= days[0]) & (given <= days[-1])]
        return inside
    reach = int(np.floor(days.size * model.changepoint_range))
    count = min(model.n_changepoints, reach - 1)
    if count <= 0:
        return np.zeros(0)
    at = np.linspace(0, reach - 1, count + 1).round().astype(int)
    changes: Array = days[at[1:]]
    return changes


def trend_basis(time: Array, knots: Array, *, growing: bool = True) -> Array:
    """Evaluate the trend's columns, offset first, then slope, then S hinges. time: (T,); returns (T, 2 + S)."""
    basis = np.empty((time.size, 2 + knots.size))
    basis[:, 0] = 1.0
    basis[:, 1] = time if growing else 0.0
    np.subtract(time[:, None], knots[None, :], out=basis[:, 2:])
    np.maximum(basis[:, 2:], 0.0, out=basis[:, 2:])
    return basis
