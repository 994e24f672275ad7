"""A Prophet model for every node of a chain: which terms a history can carry, and what odd histories get instead.

Shapes: n nodes, T days of history, h days of horizon. NaN in Y is a day that says nothing (not started, empty shelf,
closed). The fitting itself is fit.py's.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.prophet.fit import fit_series
from forecasting.prophet.fits import (
    ALL_ZERO,
    CONSTANT,
    NO_HISTORY,
    ORDINARY,
    TOO_SHORT,
    Fits,
)
from forecasting.prophet.model import Mode, ProphetModel, Seasonality, Target
from forecasting.prophet.predict import components, forecast

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
SeasonalityMode = Mode

# One day says how much is sold when something is, not how often: it is spread over four weeks, else a single large
# order would be expected every day.
SINGLE_OVER_DAYS = 28
# Below these a slope is noise: the trend is flat.
TREND_DAYS_MIN = 90
TREND_SALES_DAYS_MIN = 30
# Half a year must have been seen twice, or the yearly shape and the trend explain each other; and the shape is held
# tight (measured on M5: worth 7 % of error against Prophet's own prior of 10).
YEARLY_DAYS_MIN = 548
YEARLY = Seasonality("yearly", 365.25, fourier_order=3, prior_scale=0.05)
# Looser than the library (0.05): better on M5 and on a shop before Christmas, with the recent level made good after.
CHANGEPOINT_PRIOR = 0.16
# No forecast is above so many times the largest value that was ever seen: a logarithm's trend can run away.
RUNAWAY_FACTOR = 10.0


@dataclass(frozen=True)
class FittedGroup:
    """Nodes that share a model: rows of Y, the model, its fits in that order."""

    rows: Rows
    model: ProphetModel
    fits: Fits


@dataclass(frozen=True)
class NodeForecasts:
    """yhat: (n, h). fitted: (n, T), NaN before a series' first observation. warnings: (n,), a code or None.

    groups: the models behind them; nodes that no model was fitted to are in none.
    """

    yhat: Array
    fitted: Array
    warnings: tuple[str | None, ...]
    groups: tuple[FittedGroup, ...] = ()


def fit_nodes(
    Y: Array,
    days: pd.DatetimeIndex,
    *,
    horizon: int,
    seasonality_mode: SeasonalityMode = "additive",
    target: Target = "identity",
    holiday_names: pd.Series | None = None,
) -> NodeForecasts:
    """Fit each row of Y (n, T) and forecast the h days after `days`; forecasts are >= 0.

    Defined for every row: no observation gives 0 (`no_history`), all zeros 0 (`all_zero`), a single observation its
    share of SINGLE_OVER_DAYS days (`too_short`), a constant that constant (`constant`).
    """
    assert Y.shape[1] == days.size
    assert not np.isinf(Y).any()
    whole = _extended(days, horizon)
    values = np.full((Y.shape[0], whole.size), np.nan)
    codes = np.full(Y.shape[0], NO_HISTORY, dtype="U16")
    groups = []
    base = ProphetModel(
        seasonality_mode=seasonality_mode,
        target=target,
        holidays=_holiday_frame(holiday_names),
        changepoint_prior_scale=CHANGEPOINT_PRIOR,
        yearly_seasonality=False,
        daily_seasonality=False,
    )
    for rows, model in _groups(Y, base):
        fits = fit_series(model, days, Y[rows])
        values[rows], codes[rows] = forecast(model, fits, whole), fits.code
        groups.append(FittedGroup(rows, model, fits))
    values = _ruled(values, codes, Y)
    started = np.maximum.accumulate(np.isfinite(Y), axis=1)
    fitted = np.where(started, values[:, : days.size], np.nan)
    highest = np.where(np.isfinite(Y), Y, 0.0).max(axis=1, initial=0.0)
    yhat = np.clip(values[:, days.size :], 0.0, RUNAWAY_FACTOR * highest[:, None])
    warnings = tuple(None if code == ORDINARY else str(code) for code in codes)
    return NodeForecasts(yhat, fitted, warnings, tuple(groups))


def node_components(made: NodeForecasts, days: pd.DatetimeIndex) -> dict[str, Array]:
    """Split the models' forecasts on `days` (D,) into parts that add up, part -> (n, D); rows without a model are 0."""
    parts: dict[str, Array] = {}
    for group in made.groups:
        for name, values in components(group.model, group.fits, days).items():
            part = parts.setdefault(name, np.zeros((made.yhat.shape[0], days.size)))
            part[group.rows] = values
    return parts


def _extended(days: pd.DatetimeIndex, horizon: int) -> pd.DatetimeIndex:
    later = pd.date_range(days[-1] + pd.Timedelta(days=1), periods=horizon, freq="D")
    return pd.DatetimeIndex(days.append(later))


def _groups(Y: Array, base: ProphetModel) -> list[tuple[Rows, ProphetModel]]:
    """Sort the rows by what their history can carry: a trend, a yearly season."""
    seen = np.isfinite(Y)
    known = np.flatnonzero(seen.any(axis=1))
    first = np.argmax(seen, axis=1)
    last = Y.shape[1] - 1 - np.argmax(seen[:, ::-1], axis=1)
    span = last - first + 1
    selling = (seen & (np.where(seen, Y, 0.0) != 0)).sum(axis=1)
    trend = (span >= TREND_DAYS_MIN) & (selling >= TREND_SALES_DAYS_MIN)
    yearly = trend & (span >= YEARLY_DAYS_MIN)
    kinds = {
        (False, False): replace(base, growth="flat"),
        (True, False): base,
        (True, True): replace(base, seasonalities=(YEARLY,)),
    }
    found = [
        (known[(trend[known] == has_trend) & (yearly[known] == has_year)], model)
        for (has_trend, has_year), model in kinds.items()
    ]
    return [(rows, model) for rows, model in found if rows.size]


def _ruled(values: Array, codes: NDArray[np.str_], Y: Array) -> Array:
    """Put what a rule says in the rows that no model can say anything about."""
    total = np.where(np.isfinite(Y), Y, 0.0).sum(axis=1)
    count = np.maximum(np.isfinite(Y).sum(axis=1), 1)
    rules = {
        NO_HISTORY: np.zeros_like(total),
        ALL_ZERO: np.zeros_like(total),
        TOO_SHORT: total / SINGLE_OVER_DAYS,
        CONSTANT: total / count,
    }
    for code, value in rules.items():
        values = np.where((codes == code)[:, None], value[:, None], values)
    return values


def _holiday_frame(names: pd.Series | None) -> pd.DataFrame | None:
    if names is None or names.empty:
        return None
    return pd.DataFrame({"holiday": names.to_numpy(), "ds": names.index})
