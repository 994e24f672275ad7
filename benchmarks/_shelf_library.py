"""The prophet library beside `fit_frame` on a few series of a set: the errors of both on its last hold-out."""

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks._shelf_baselines import prophet_default
from benchmarks._shelf_scores import Test
from forecasting import quiet_prophet

Array = NDArray[np.float64]


def library_errors(test: Test, count: int, *, seed: int = 0) -> tuple[float, float]:
    """Sum the absolute errors of `count` nodes by their mean demand: the library's, and ours of the same model."""
    rows = _sample(test, count, np.random.default_rng(seed))
    shelf, T = test.shelf, test.past.shape[1]
    days = shelf.days[: T + shelf.horizon]
    ours = prophet_default(test.past[rows], days[:T], shelf.horizon, shelf.frequency)
    theirs = np.stack([_library(y, days, shelf.horizon) for y in test.past[rows]])
    usual = np.nanmean(np.abs(test.past[rows]), axis=1)[:, None]
    one, other = (np.nansum(np.abs(test.came[rows] - made) / usual) for made in (theirs, ours))
    return float(one), float(other)


def _sample(test: Test, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw nodes that have moved, for the library refuses or flattens the others."""
    moved = np.nanmax(np.where(np.isfinite(test.past), test.past, -np.inf), axis=1) > np.nanmin(
        np.where(np.isfinite(test.past), test.past, np.inf), axis=1
    )
    rows = np.flatnonzero(moved)
    return np.sort(rng.choice(rows, size=min(count, rows.size), replace=False))


def _library(y: Array, days: pd.DatetimeIndex, horizon: int) -> Array:
    known = np.isfinite(y)
    with quiet_prophet():
        from prophet import Prophet

        # Its import sets the level of the sampler's log, which tells of every series.
        logging.getLogger("cmdstanpy").setLevel(logging.WARNING)
        model = Prophet(uncertainty_samples=0)
        model.fit(pd.DataFrame({"ds": days[: y.size][known], "y": y[known]}), seed=0)
        yhat = model.predict(pd.DataFrame({"ds": days[-horizon:]}))["yhat"]
    return np.asarray(np.maximum(yhat.to_numpy(np.float64), 0.0))
