"""The columns and values of one series, or of series on the same dates, as the solver takes them.

N observed dates, K seasonal columns, S changes of slope.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecasting.prophet.columns import Columns
from forecasting.prophet.fits import Fits
from forecasting.prophet.model import BUILT_IN, ProphetModel
from forecasting.prophet.trend import TimeAxis, time_axis, trend_basis

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

LAST_YEAR_DAYS = 365.0


@dataclass(frozen=True)
class Work:
    """Data that all series of a fit have in common. Y: (n, T). own: regressor -> (n, T). weights: (T,)."""

    model: ProphetModel
    columns: Columns
    days: Array
    Y: Array
    own: dict[str, Array]
    weights: Array
    start_from: Fits | None

    def take(self, rows: Rows) -> "Work":
        """Return the data of some series, in the order of `rows`: all that their fit reads."""
        return replace(
            self,
            Y=self.Y[rows],
            own={name: values[rows] for name, values in self.own.items()},
            start_from=None if self.start_from is None else self.start_from.take(rows),
        )


@dataclass(frozen=True)
class Design:
    """at: (N,) positions of the observed dates. D: (N, 2 + K + S). w: (N,). mean, sd: (K,)."""

    axis: TimeAxis
    at: Rows
    D: Array
    w: Array
    mean: Array
    sd: Array


def day_weights(model: ProphetModel, days: Array) -> Array:
    """Weigh the days (T,) by their age."""
    if model.recency_half_life_days is None:
        return np.ones(days.size)
    return np.asarray(2.0 ** (-(days[-1] - days) / model.recency_half_life_days))


def lay_out(work: Work, row: int) -> Design:
    """Lay the columns of the series `row` over its own dates."""
    model, columns = work.model, work.columns
    at = np.flatnonzero(np.isfinite(work.Y[row]))
    days = work.days[at]
    axis = time_axis(model, days)
    X = work.columns.values[at]
    for name in columns.own:
        X[:, columns.component.index(name)] = work.own[name][row, at]
    used = _in_use(model, columns, days)
    mean, sd = _standards(model, columns, X)
    X = np.where(used, (X - mean) / sd, 0.0)
    basis = trend_basis(axis.scaled(days), axis.knots, growing=model.growth == "linear")
    return Design(axis, at, np.hstack([basis[:, :2], X, basis[:, 2:]]), work.weights[at], mean, sd)


def _in_use(model: ProphetModel, columns: Columns, days: Array) -> NDArray[np.bool_]:
    """Return which columns a history is long and dense enough for, where the model says "auto"."""
    span, step = days[-1] - days[0], np.diff(days).min()
    spacing = {"yearly": np.inf, "weekly": 7.0, "daily": 1.0}
    off = {
        name
        for name, _, _, needed in BUILT_IN
        if getattr(model, f"{name}_seasonality") == "auto"
        and (span < needed or step >= spacing[name])
    }
    return np.array([name not in off for name in columns.component], dtype=np.bool_)


def _standards(model: ProphetModel, columns: Columns, X: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation of the given regressors as Prophet does; 0 and 1 for all others."""
    mean, sd = np.zeros(columns.size), np.ones(columns.size)
    how = {part.name: part.standardize for part in model.regressors}
    for column in np.flatnonzero(columns.given):
        values = np.unique(X[:, column])
        wanted = how[columns.component[column]]
        if wanted == "auto":
            wanted = not np.array_equal(values, (0.0, 1.0))
        if wanted and values.size >= 2:
            mean[column], sd[column] = X[:, column].mean(), X[:, column].std(ddof=1)
    return mean, sd


def scaled(model: ProphetModel, Y: Array, days: Array) -> tuple[Array, Array, Array]:
    """Scale (B, N) values to the model's units; returns them with scale (B,) and floor (B,)."""
    Z = np.log1p(np.maximum(Y, 0.0)) if model.target == "log1p" else Y
    floor = Z.min(axis=1) if model.scaling == "minmax" else np.zeros(Z.shape[0])
    if model.scaling == "absmax":
        scale = np.abs(Z).max(axis=1)
    elif model.scaling == "minmax":
        scale = Z.max(axis=1) - floor
    elif model.scaling == "mean":
        recent = Z[:, days > days[-1] - LAST_YEAR_DAYS]
        scale = np.abs(recent.mean(axis=1))
        scale = np.where(scale > 0.0, scale, np.abs(Z).max(axis=1))
    else:
        scale = np.ones(Z.shape[0])
    scale = np.where(scale > 0.0, scale, 1.0)
    return (Z - floor[:, None]) / scale[:, None], scale, floor
