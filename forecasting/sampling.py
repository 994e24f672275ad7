"""Joint sample paths of a forecast that was made."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.forecast import Forecast
from forecasting.intervals.joint_draw import PathPlan, Paths, take_paths, whole_leaves
from forecasting.intervals.paths import PATHS_MIN, find_templates
from forecasting.intervals.probabilities import QUANTILES
from forecasting.structure.hierarchy import Hierarchy

Array = NDArray[np.float64]


def plan_paths(
    made: Forecast,
    hierarchy: Hierarchy,
    *,
    count: int = PATHS_MIN,
    seed: int = 0,
    fitted: Array | None = None,
) -> PathPlan:
    """Plan joint paths of a forecast; `draw_days` draws them.

    fitted: (m, T) what the model fitted to the leaves. None: the level of the weeks before stands for it; what the
    leaves then miss together includes their season, so sums come out somewhat wider, never too narrow.
    """
    m, horizon = hierarchy.n_leaves, made.mean.shape[1]
    history = made.history[-m:]
    expected = np.ones_like(history) if fitted is None else fitted
    return PathPlan(
        hierarchy=hierarchy,
        quantiles=made.quantiles,
        levels=QUANTILES,
        templates=find_templates(history, expected, horizon),
        whole=whole_leaves(history),
        count=count,
        seed=seed,
    )


def sample_paths(
    made: Forecast,
    hierarchy: Hierarchy,
    days: pd.DatetimeIndex,
    *,
    leaves: NDArray[np.int64] | None = None,
    count: int = PATHS_MIN,
    seed: int = 0,
    fitted: Array | None = None,
) -> Paths:
    """Draw joint paths of a forecast for some leaves (rows of the hierarchy's leaves; None: all) over its days ahead.

    Sum over leaves and days within each path, then take quantiles or means over the paths: that is the distribution
    of the sum. The order of all leaves is drawn each time, so leaves taken apart still belong together.
    """
    chosen = np.arange(hierarchy.n_leaves) if leaves is None else leaves
    plan = plan_paths(made, hierarchy, count=count, seed=seed, fitted=fitted)
    return take_paths(plan, days, chosen)
