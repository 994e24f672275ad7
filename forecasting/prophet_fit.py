"""Prophet for every node: all series fitted in batches (prophet-batch), odd ones by rule, none failing the batch.

Shapes: n nodes, T days of history, h days of horizon. NaN in Y is a day that says nothing (not started, empty shelf,
closed).
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

import logging
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from prophet import Prophet
    from prophet_batch import Pool

Array = NDArray[np.float64]
SeasonalityMode = Literal["additive", "multiplicative"]

# Series that no model is fitted to, and why; the code is published with the node.
NO_HISTORY, ALL_ZERO, TOO_SHORT, CONSTANT = "no_history", "all_zero", "too_short", "constant"
# One day says how much is sold when something is, not how often: it is spread over four weeks, else a single large
# order would be expected every day.
SINGLE_OVER_DAYS = 28
# Below these a slope is noise: the trend is flat.
TREND_DAYS_MIN = 90
TREND_SALES_DAYS_MIN = 30
# Half a year must have been seen twice, or the yearly shape and the trend explain each other; and the shape is held
# tight (measured on M5: worth 7 % of error against Prophet's own prior of 10).
YEARLY_DAYS_MIN = 548
YEARLY_ORDER = 3
YEARLY_PRIOR = 0.05
# Looser than the library (0.05): better on M5 and on a shop before Christmas, with the recent level made good after.
CHANGEPOINT_PRIOR = 0.16
# Starting a worker costs 2.5 s, a fit 5 ms: below this many series one process is faster.
SERIES_PER_WORKER = 500
WORKERS_MAX = 2


@dataclass(frozen=True)
class NodeForecasts:
    """yhat: (n, h). fitted: (n, T), NaN before a series' first observation. warnings: (n,), a code or None."""

    yhat: Array
    fitted: Array
    warnings: tuple[str | None, ...]


@dataclass(frozen=True)
class ModelMaker:
    """Makes the unfitted model of a group of series; picklable, for the workers make their own."""

    growth: Literal["linear", "flat"]
    yearly: bool
    seasonality_mode: SeasonalityMode
    holidays: pd.DataFrame | None
    changepoint_prior: float

    def __call__(self, _series: Hashable) -> "Prophet":
        # Here and not at the top: in a worker prophet-batch must come first, it silences what Prophet says on import.
        from prophet import Prophet

        model = Prophet(
            growth=self.growth,
            holidays=self.holidays,
            seasonality_mode=self.seasonality_mode,
            changepoint_prior_scale=self.changepoint_prior,
            yearly_seasonality=False,
            daily_seasonality=False,
            uncertainty_samples=0,
        )
        if self.yearly:
            model.add_seasonality("yearly", 365.25, YEARLY_ORDER, prior_scale=YEARLY_PRIOR)
        return model


def fit_nodes(
    Y: Array,
    days: pd.DatetimeIndex,
    *,
    horizon: int,
    seasonality_mode: SeasonalityMode = "additive",
    holiday_names: pd.Series | None = None,
) -> NodeForecasts:
    """Fit each row of Y (n, T) and forecast the h days after `days`; forecasts are >= 0.

    Defined for every row: no observation gives 0 (`no_history`), all zeros 0 (`all_zero`), a single observation its
    share of SINGLE_OVER_DAYS days (`too_short`), a constant that constant (`constant`).
    """
    assert Y.shape[1] == days.size
    assert not np.isinf(Y).any()
    codes = [_odd(y) for y in Y]
    yhat = np.zeros((Y.shape[0], horizon))
    fitted = np.full(Y.shape, np.nan)
    for node, code in enumerate(codes):
        if code == CONSTANT:
            yhat[node] = fitted[node] = np.nanmean(Y[node])
        elif code == TOO_SHORT:
            yhat[node] = fitted[node] = np.nansum(Y[node]) / SINGLE_OVER_DAYS
        elif code == ALL_ZERO:
            fitted[node] = 0.0
    holidays = _holiday_frame(holiday_names)
    groups = _groups(Y, codes)
    with _pool(_workers(codes)) as pool:
        for (growth, yearly), rows in groups.items():
            maker = ModelMaker(growth, yearly, seasonality_mode, holidays, CHANGEPOINT_PRIOR)
            values = _fit_group(pool, Y[rows], days, horizon, maker)
            fitted[rows], yhat[rows] = values[:, : days.size], values[:, days.size :]
    started = np.maximum.accumulate(np.isfinite(Y), axis=1)
    fitted[~started] = np.nan
    return NodeForecasts(np.maximum(yhat, 0.0), fitted, tuple(codes))


def _odd(y: Array) -> str | None:
    seen = y[np.isfinite(y)]
    if seen.size == 0:
        return NO_HISTORY
    if not seen.any():
        return ALL_ZERO
    if seen.size < 2:
        return TOO_SHORT
    return CONSTANT if np.ptp(seen) == 0 else None


Group = tuple[Literal["linear", "flat"], bool]


def _groups(Y: Array, codes: list[str | None]) -> dict[Group, NDArray[np.int64]]:
    """Sort the rows by what their history can carry: a trend, a yearly season."""
    found: dict[Group, list[int]] = {}
    for row, code in enumerate(codes):
        if code is None:
            seen = np.flatnonzero(np.isfinite(Y[row]))
            span = int(seen[-1] - seen[0]) + 1
            trend = (
                span >= TREND_DAYS_MIN and np.count_nonzero(Y[row][seen]) >= TREND_SALES_DAYS_MIN
            )
            group: Group = ("linear" if trend else "flat", bool(trend and span >= YEARLY_DAYS_MIN))
            found.setdefault(group, []).append(row)
    return {group: _by_dates(Y, np.array(rows, dtype=np.int64)) for group, rows in found.items()}


def _by_dates(Y: Array, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order rows so that those with the same dates are neighbours: a batch prepares equal dates only once."""
    dates = np.packbits(np.isfinite(Y[rows]), axis=1)
    return rows[np.lexsort(dates.T[::-1])]


def _fit_group(
    pool: "Pool", Y: Array, days: pd.DatetimeIndex, horizon: int, maker: ModelMaker
) -> Array:
    """Fit rows that share a model. Returns (rows, T + h): fitted values, then forecasts."""
    whole = days.append(pd.date_range(days[-1] + pd.Timedelta(days=1), periods=horizon, freq="D"))
    row, column = np.nonzero(np.isfinite(Y))
    history = pd.DataFrame({"unique_id": row, "ds": days[column], "y": Y[row, column]})
    first = np.argmax(np.isfinite(Y), axis=1)
    future_row, future_column = np.nonzero(np.arange(whole.size)[None, :] >= first[:, None])
    futures = pd.DataFrame({"unique_id": future_row, "ds": whole[future_column]})
    forecast = pool.forecast_many(
        history, futures=futures, seed=0, columns=["ds", "yhat"], make_model=maker
    )
    values = np.full((Y.shape[0], whole.size), np.nan)
    at = whole.get_indexer(pd.DatetimeIndex(forecast["ds"]))
    values[forecast["unique_id"].to_numpy(np.int64), at] = forecast["yhat"].to_numpy()
    return values


def _holiday_frame(names: pd.Series | None) -> pd.DataFrame | None:
    if names is None or names.empty:
        return None
    return pd.DataFrame({"holiday": names.to_numpy(), "ds": names.index})


def _workers(codes: list[str | None]) -> int:
    return max(1, min(WORKERS_MAX, codes.count(None) // SERIES_PER_WORKER))


@contextmanager
def _pool(workers: int) -> Iterator["Pool"]:
    with quiet_prophet():
        # Imported here, so that what Prophet says on import is caught too.
        from prophet_batch import Pool

        with Pool(n_jobs=workers) as pool:
            yield pool


@contextmanager
def quiet_prophet() -> Iterator[None]:
    """Keep Prophet's notes (no plotly, a disabled seasonality) out of the log; its warnings pass."""
    levels = {
        "prophet": logging.WARNING,
        "prophet_batch": logging.WARNING,
        "prophet.plot": logging.CRITICAL,
    }
    before = {name: logging.getLogger(name).level for name in levels}
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
