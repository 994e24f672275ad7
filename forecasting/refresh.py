"""A forecast from newer periods without a backtest: what a run has learnt is kept, and its models are fitted again.

The weights of the experts, the way to reconcile, the variances, the left-out errors around which intervals are placed,
and the choice are those of the run. No I/O.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.choosing.backtest import combine
from forecasting.choosing.kept import (
    Learnt,
    aligned,
    answer_again,
    kept_responses,
    refuse_changed,
)
from forecasting.choosing.tables import actuals_after
from forecasting.forecast_finish import Progress, finish_forecast, fit_last, silent
from forecasting.forecast_result import Forecast
from forecasting.forecast_setup import ForecastSetup, make_setup
from forecasting.intervals.missed import Missed
from forecasting.nodes.demand import Demand
from forecasting.spec import ForecastSpec
from forecasting.structure.hierarchy import Hierarchy

Array = NDArray[np.float64]


def refresh_forecast(
    demand: Demand,
    hierarchy: Hierarchy,
    spec: ForecastSpec,
    learnt: Learnt,
    *,
    progress: Progress = silent,
) -> Forecast:
    """Forecast from all periods of the demand by what an earlier run has learnt (`Forecast.learnt`).

    New nodes take their level's mean weights, and nodes that are gone are left out. Scores are those of the run that
    learnt. Raises Conflict (`refresh_changed`): levels, rhythm or horizon are others; and what `make_forecast` raises.
    """
    chosen = replace(spec, candidates=tuple(learnt.choice.weights))
    setup = make_setup(demand, hierarchy, chosen)
    # a mixture learnt weights of all models of its run, also of those that another candidate asked for
    responses = tuple(dict.fromkeys([*setup.plan.responses, *kept_responses(learnt)]))
    setup = replace(setup, plan=replace(setup.plan, responses=responses))
    refuse_changed(learnt, hierarchy, demand.frequency, spec.horizon_days, setup.plan.levels)
    learnt = aligned(learnt, hierarchy)
    last = setup.origin(demand.days.size)
    progress(f"fitting {hierarchy.n_nodes} nodes up to {last.cutoff} by {learnt.choice.name}")
    fitted = fit_last(setup, last)
    parts = answer_again(learnt, fitted.lesson(setup, (), learnt.choice))
    mean = combine({name: part.mean for name, part in parts.items()}, learnt.choice.weights)
    return finish_forecast(setup, fitted, mean, parts, _missed(setup, learnt), learnt, progress)


def _missed(setup: ForecastSetup, learnt: Learnt) -> Sequence[Missed]:
    """Pair what was forecast from the origins of the run with the actuals, as they are known now.

    An origin that the demand no longer reaches back to is left out.
    """
    days = setup.demand.days
    at = days.get_indexer(pd.DatetimeIndex(learnt.cutoffs))
    known: Mapping[int, Array] = {
        int(index) + 1: left.astype(np.float64)
        for index, left in zip(at, learnt.left_out, strict=True)
        if index >= 0
    }
    return [
        Missed(periods, mean, actuals_after(setup.demand, setup.hierarchy, periods, learnt.horizon))
        for periods, mean in known.items()
    ]
