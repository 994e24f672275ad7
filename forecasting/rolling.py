"""Forecasts as they would have been made: at each origin from what was known then, refitted often, learnt seldom."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forecasting.choosing.kept import Learnt
from forecasting.forecast import make_forecast
from forecasting.forecast_finish import Progress, silent
from forecasting.forecast_result import Forecast
from forecasting.nodes.demand import Demand
from forecasting.refresh import refresh_forecast
from forecasting.spec import ForecastSpec
from forecasting.structure.hierarchy import Hierarchy


@dataclass(frozen=True)
class Rolled:
    """A forecast of an origin. periods_known: of the demand. days: (h,) dates ahead. chosen: settings are new."""

    periods_known: int
    days: pd.DatetimeIndex
    made: Forecast
    chosen: bool
    seconds: float


def rolling_forecasts(
    demand: Demand,
    hierarchy: Hierarchy,
    spec: ForecastSpec,
    *,
    first: int,
    step: int = 7,
    choose_every: int = 13,
    history: int | None = None,
    seen_as: Callable[[Demand], Demand] = lambda seen: seen,
    progress: Progress = silent,
) -> Iterator[Rolled]:
    """Forecast after `first` periods and every `step` further ones, as far as the demand goes.

    Settings are chosen at the first origin and every `choose_every` origins (`make_forecast`), and kept in between
    (`refresh_forecast`). history: periods that a forecast looks back on (None: all). seen_as: what the forecast is made
    of, such as the days summed to weeks. What came after an origin is not in the demand that its forecast is given
    (`known_demand`).
    """
    learnt: Learnt | None = None
    for number, known in enumerate(range(first, demand.days.size, step)):
        started = time.perf_counter()
        seen = seen_as(known_demand(demand, known, history=history))
        chosen = learnt is None or number % choose_every == 0
        progress(f"forecasting after {seen.cutoff}")
        if learnt is None or chosen:
            made = make_forecast(seen, hierarchy, spec)
            learnt = made.learnt
        else:
            made = refresh_forecast(seen, hierarchy, spec, learnt)
        ahead = seen.following(spec.horizon_days)
        yield Rolled(known, ahead, made, chosen, time.perf_counter() - started)


def known_demand(demand: Demand, periods: int, *, history: int | None = None) -> Demand:
    """Return the demand as it was after its first `periods`; history: only so many of them, the last ones.

    Plans and events know themselves since when they were known, and are asked for that at each origin.
    """
    start = max(0, periods - history) if history else 0
    if start and (demand.ahead.regressors or demand.ahead.closures or demand.longer):
        # their arrays count from the first period of the demand
        start = 0
    units = np.ascontiguousarray(demand.units[:, start:periods])
    return replace(
        demand,
        days=demand.days[start:periods],
        units=units,
        empty=np.ascontiguousarray(demand.empty[:, start:periods]),
        started=np.argmax(units > 0, axis=1).astype(np.int64),
        longer={
            keys: (nodes, values[:, : values.shape[1] - demand.days.size + periods])
            for keys, (nodes, values) in demand.longer.items()
        },
    )
