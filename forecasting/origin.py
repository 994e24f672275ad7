"""One origin: everything that is forecast from the days up to one cutoff, and from nothing later."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.closures import closed_days, country_holidays
from forecasting.demand import Demand
from forecasting.hierarchy import Hierarchy
from forecasting.intervals import ERROR_DAYS, error_shape
from forecasting.prophet_fit import fit_nodes
from forecasting.recent_level import recent_level
from forecasting.reconcile import reconcile
from forecasting.spec import ForecastSpec

Array = NDArray[np.float64]


@dataclass(frozen=True)
class OriginForecast:
    """mean: (n, h), reconciled. shape: (n, q) error quantiles. is_open: (n, h), False where all of a node is closed.

    history: (n, T) what was sold. warnings: (n,) codes or None.
    """

    mean: Array
    shape: Array
    is_open: NDArray[np.bool_]
    history: Array
    warnings: tuple[str | None, ...]


def forecast_from(
    demand: Demand, hierarchy: Hierarchy, spec: ForecastSpec, *, days_known: int
) -> OriginForecast:
    """Forecast the spec's horizon from the first `days_known` days of the demand; later ones are not looked at."""
    assert 0 < days_known <= demand.days.size
    days = demand.days[:days_known]
    units = demand.units[hierarchy.leaf_rows, :days_known]
    holiday_names = country_holidays(
        spec.holidays_country,
        range(days[0].year, (days[-1] + pd.Timedelta(days=spec.horizon_days)).year + 1),
    )
    closed = _closed_leaves(demand, hierarchy, units, days, spec, holiday_names)
    is_open = hierarchy.S @ (~closed).astype(np.float64) > 0
    history = hierarchy.sum_leaves(units)
    Y = _observed(demand, hierarchy, history, is_open[:, :days_known])
    fits = fit_nodes(
        Y,
        days,
        horizon=spec.horizon_days,
        seasonality_mode=spec.seasonality_mode,
        holiday_names=holiday_names,
    )
    base = fits.yhat * recent_level(Y, fits.fitted)[:, None] * is_open[:, days_known:]
    mean = reconcile(
        spec.method,
        hierarchy,
        base,
        y_insample=history[:, -ERROR_DAYS:],
        variance=_variance(Y, fits.fitted),
    )
    return OriginForecast(
        mean, error_shape(Y, fits.fitted), is_open[:, days_known:], history, fits.warnings
    )


def _closed_leaves(
    demand: Demand,
    hierarchy: Hierarchy,
    units: Array,
    days: pd.DatetimeIndex,
    spec: ForecastSpec,
    holiday_names: pd.Series,
) -> NDArray[np.bool_]:
    """Tell when each leaf's location is closed, (m, T + h); without locations, when the chain is."""
    if "location" in demand.leaves:
        group = pd.factorize(demand.leaves["location"].iloc[hierarchy.leaf_rows])[0]
    else:
        group = np.zeros(hierarchy.n_leaves, dtype=np.int64)
    sold = np.zeros((int(group.max()) + 1, days.size))
    np.add.at(sold, group, units)
    closed = closed_days(sold, days, horizon=spec.horizon_days, holiday_names=holiday_names)
    return closed[group]


def _observed(
    demand: Demand, hierarchy: Hierarchy, history: Array, is_open: NDArray[np.bool_]
) -> Array:
    """Blank the days that say nothing: before the first sale, closed, and a leaf's empty shelf."""
    started = np.maximum.accumulate(history > 0, axis=1)
    known = started & is_open
    empty = demand.empty[hierarchy.leaf_rows, : history.shape[1]]
    known[-hierarchy.n_leaves :] &= ~empty
    return np.where(known, history, np.nan)


def _variance(Y: Array, fitted: Array) -> Array:
    """Mean squared in-sample error of the last year, (n,); NaN for a node without any."""
    squared = ((Y - fitted) ** 2)[:, -ERROR_DAYS:]
    known = np.isfinite(squared)
    days = known.sum(axis=1)
    total = np.where(known, squared, 0.0).sum(axis=1)
    return np.where(days > 0, total / np.maximum(days, 1), np.nan)
