"""Logistic growth: the one form that the batched fit does not cover, through the prophet library, over processes."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.prophet.model import BUILT_IN, ProphetModel
from forecasting.quiet_prophet import quiet_prophet
from stocktide.foundation.errors import Invalid

Array = NDArray[np.float64]

OBSERVATIONS_MIN = 2
# Starting a process costs some seconds, a fit a fifth of one.
SERIES_PER_PROCESS = 20


@dataclass(frozen=True)
class _Task:
    model: ProphetModel
    ds: pd.DatetimeIndex
    y: Array
    cap: float
    floor: float
    future: pd.DatetimeIndex


def forecast_logistic(
    model: ProphetModel,
    ds: pd.DatetimeIndex,
    Y: Array,
    future: pd.DatetimeIndex,
    *,
    cap: Array,
    floor: Array | None = None,
    processes: int | None = None,
) -> Array:
    """Fit each row of Y (n, T; NaN is left out) with logistic growth to its `cap` (n,), and forecast `future` (h,).

    floor: (n,), default 0. Returns (n, h). A row with fewer than two observations gives its floor. Raises Invalid:
    `growth` (the model's is another), `cap` (not above the floor), `logistic_ours` (regressors, conditions, recency
    weights and the logarithmic target belong to the batched fit).
    """
    low = np.zeros(Y.shape[0]) if floor is None else floor
    assert Y.shape == (cap.size, len(ds))
    _check(model, cap, low)
    known = np.flatnonzero(np.isfinite(Y).sum(axis=1) >= OBSERVATIONS_MIN)
    tasks = [_Task(model, ds, Y[row], float(cap[row]), float(low[row]), future) for row in known]
    out = np.repeat(low[:, None], len(future), axis=1)
    workers = min(processes or os.cpu_count() or 1, max(1, known.size // SERIES_PER_PROCESS))
    if workers == 1:
        made = [_fit_one(task) for task in tasks]
    else:
        # spawned, not forked: the caller may hold threads and connections
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            made = list(pool.map(_fit_one, tasks, chunksize=SERIES_PER_PROCESS))
    for row, values in zip(known, made, strict=True):
        out[row] = values
    return out


def _check(model: ProphetModel, cap: Array, floor: Array) -> None:
    if model.growth != "logistic":
        raise Invalid("growth", f"forecast_logistic is for logistic growth, not {model.growth!r}.")
    wrong = ~(cap > floor)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise Invalid(
            "cap", f"The cap of row {row} is {cap[row]}, which is not above its floor {floor[row]}."
        )
    conditions = any(part.condition for part in model.seasonalities)
    if model.regressors or conditions or model.recency_half_life_days or model.target != "identity":
        raise Invalid(
            "logistic_ours",
            "Logistic growth goes through the prophet library, without regressors, conditions, recency weights or a "
            "logarithmic target; use linear growth with these.",
        )


def _fit_one(task: _Task) -> Array:
    history = pd.DataFrame({"ds": task.ds, "y": task.y, "cap": task.cap, "floor": task.floor})
    future = pd.DataFrame({"ds": task.future, "cap": task.cap, "floor": task.floor})
    with quiet_prophet():
        made = _library_model(task.model)
        made.fit(history.dropna(), seed=1)
        return np.asarray(made.predict(future)["yhat"], dtype=np.float64)


def _library_model(model: ProphetModel) -> Any:
    from prophet import Prophet

    made = Prophet(
        growth="logistic",
        changepoints=None if model.changepoints is None else list(model.changepoints),
        n_changepoints=model.n_changepoints,
        changepoint_range=model.changepoint_range,
        holidays=model.holidays,
        seasonality_mode=model.seasonality_mode,
        seasonality_prior_scale=model.seasonality_prior_scale,
        holidays_prior_scale=model.holidays_prior_scale,
        holidays_mode=model.holidays_mode,
        changepoint_prior_scale=model.changepoint_prior_scale,
        uncertainty_samples=0,
        **{f"{name}_seasonality": getattr(model, f"{name}_seasonality") for name, *_ in BUILT_IN},
    )
    for part in model.seasonalities:
        made.add_seasonality(
            part.name, part.period, part.fourier_order, part.prior_scale, mode=part.mode
        )
    if model.country_holidays:
        made.add_country_holidays(model.country_holidays)
    return made
