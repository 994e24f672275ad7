"""Our forecast of one hold-out of the shelf, by the public door, with the plans that the seller knows or without."""

import inspect
import time
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks._shelf_baselines import long_frame
from benchmarks._shelf_panel import Frequency, Plans, ShelfSet
from benchmarks._shelf_scores import Test, coverage, deciles_between, errors, wape
from forecasting import (
    Demand,
    Forecast,
    ForecastSpec,
    KnownAhead,
    PlannedRegressor,
    build_hierarchy,
    demand_of,
    from_long,
    make_forecast,
)
from stocktide.foundation.errors import Invalid

Array = NDArray[np.float64]


def takes_plans() -> bool:
    """Return True if demand from a frame can carry plans."""
    return "ahead" in inspect.signature(demand_of).parameters


def measure(test: Test, *, plans: bool) -> dict[str, Any]:
    """Forecast and score one hold-out: errors and coverage by level, error in promotion periods, seconds.

    A set that the door refuses gives its reason as `refused`.
    """
    started = time.perf_counter()
    try:
        made = forecast_of(test.shelf, test.past.shape[1], plans=plans)
    except Invalid as refusal:
        return {"refused": f"{refusal.code}: {refusal}"}
    seconds = time.perf_counter() - started
    # A level of NaN would have no cell, and no share in the ratio.
    assert np.isfinite(made.mean).all()
    assert np.isfinite(made.quantiles).all()
    found = {
        "seconds": seconds,
        "choice": made.choice.name,
        "learnt": [dict(row) for row in made.choice.learnt],
        "told": plans and test.shelf.plans is not None and takes_plans(),
        "errors": errors(test, made.mean, lambda: deciles_between(made.quantiles)),
        "coverage": coverage(test, made.quantiles),
    }
    if test.shelf.plans is not None:
        found["promoted"] = _promoted_wape(test, test.shelf.plans, made.mean)
    return found


def forecast_of(shelf: ShelfSet, periods: int, *, plans: bool) -> Forecast:
    """Forecast a set from its first periods, (n, h); with its plans as far as the horizon goes, or without any."""
    demand = demand_at(shelf, periods, plans=plans)
    spec = ForecastSpec(
        levels=shelf.levels,
        horizon_days=shelf.horizon,
        frequency=shelf.frequency,
        holidays_country=shelf.country,
    )
    return make_forecast(demand, build_hierarchy(shelf.levels, shelf.leaves), spec)


def demand_at(shelf: ShelfSet, periods: int, *, plans: bool) -> Demand:
    """Return the demand of a set's first periods, with its plans as far as the horizon goes, or without any."""
    series = from_long(
        long_frame(shelf.Y[:, :periods], shelf.days[:periods]), frequency=_frequency(shelf)
    )
    keys = shelf.leaves.assign(unique_id=list(series.labels))
    if plans and shelf.plans is not None and takes_plans():
        return demand_of(series, keys, ahead=known_ahead(shelf.plans, periods, shelf.horizon))
    return demand_of(series, keys)


def _frequency(shelf: ShelfSet) -> Frequency:
    return shelf.frequency


def known_ahead(plans: Plans, periods: int, horizon: int) -> KnownAhead:
    """Return the plans of the history and the horizon, (m, T + h): flags, log(price / usual price), and closed."""
    end = periods + horizon
    regressors = {
        name: PlannedRegressor(np.nan_to_num(flag[:, :end])) for name, flag in plans.flags.items()
    }
    if plans.price is not None:
        usual = plans.usual[:, :end] if plans.usual is not None else _median(plans.price, periods)
        # a price of 0 is a slip of the till
        sold_at = np.where(plans.price[:, :end] > 0, plans.price[:, :end], np.nan)
        ratio = np.log(sold_at / np.where(usual > 0, usual, np.nan))
        regressors["price"] = PlannedRegressor(np.nan_to_num(ratio))
    closed = None if plans.closed is None else plans.closed[:, :end]
    return KnownAhead(regressors=regressors, closed=closed)


def _median(price: Array, periods: int) -> Array:
    """Return each leaf's median price before the origin, (m, 1)."""
    return pd.DataFrame(price[:, :periods]).median(axis=1).to_numpy(np.float64)[:, None]


def _promoted_wape(test: Test, plans: Plans, mean: Array) -> float:
    m, T = test.hierarchy.n_leaves, test.past.shape[1]
    promoted = plans.promoted[test.hierarchy.leaf_rows, T : T + test.shelf.horizon]
    return wape(np.where(promoted, test.came[-m:], np.nan), mean[-m:])
