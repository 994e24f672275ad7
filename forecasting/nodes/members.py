"""Several models of the same nodes: each fitted, its level corrected by the last weeks, reconciled; then averaged.

n nodes, T days of history, h days ahead, M members. Members differ in form (a logarithmic target beside an additive
one, richer and poorer seasons): the average is better than any of them on most days, and never the worst.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.nodes.recent_level import window_ratio
from forecasting.prophet.fit import fit_series
from forecasting.prophet.model import ProphetModel
from forecasting.prophet.predict import forecast

Array = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Part:
    """Nodes of a member that share one model: those of one state have that state's columns, and no others."""

    rows: Rows
    model: ProphetModel


Member = Sequence[Part]


def forecast_members(
    Y: Array,
    ds: pd.DatetimeIndex,
    future: pd.DatetimeIndex,
    members: Sequence[Member],
    *,
    shared: pd.DataFrame | None = None,
    threads: int | None = None,
) -> Array:
    """Fit every member to Y (n, T; NaN says nothing) and forecast `future` (h,). Returns (M, n, h), not reconciled.

    The parts of a member cover all n rows. shared: regressors on all of ds and future. A model's level_windows_days
    correct its forecast. Raises what `fit_series` raises.
    """
    out = np.full((len(members), Y.shape[0], len(future)), np.nan)
    for position, member in enumerate(members):
        for part in member:
            out[position, part.rows] = corrected(
                part.model, Y[part.rows], ds, future, shared=shared, threads=threads
            )
    assert np.isfinite(out).all(), "the parts of a member cover all rows"
    return out


def corrected(
    model: ProphetModel,
    Y: Array,
    ds: pd.DatetimeIndex,
    future: pd.DatetimeIndex,
    *,
    shared: pd.DataFrame | None = None,
    threads: int | None = None,
) -> Array:
    """Fit one model and forecast, corrected by sum(y) / sum(fit) over the model's level windows. Returns (n, h)."""
    fits = fit_series(model, ds, Y, shared=shared, threads=threads)
    back = max(model.level_windows_days, default=0)
    dates = pd.DatetimeIndex(ds[len(ds) - back :].append(future))
    both = forecast(model, fits, dates, shared=shared)
    if back == 0:
        return both
    factor = window_ratio(Y[:, -back:], both[:, :back], model.level_windows_days)
    return np.asarray(both[:, back:] * factor[:, None])
