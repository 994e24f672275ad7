"""Joint sample paths of a forecast that was made."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.forecast_result import Forecast
from forecasting.intervals.joint_draw import Paths, take_paths


def sample_paths(
    made: Forecast,
    days: pd.DatetimeIndex,
    *,
    leaves: NDArray[np.int64] | None = None,
    count: int | None = None,
    seed: int = 0,
) -> Paths:
    """Draw joint paths of a forecast for some leaves (rows of its hierarchy's leaves; None: all) over its days ahead.

    count: how many (None: as many as a run keeps). Sum over leaves and days within each path, then take quantiles or
    means over the paths: that is the distribution of the sum. The order of all leaves is drawn each time, so leaves
    taken apart still belong together; seed 0 gives the paths that a run keeps.
    """
    plan = made.path_plan
    plan = replace(plan, seed=seed, count=plan.count if count is None else count)
    chosen = np.arange(plan.hierarchy.n_leaves) if leaves is None else leaves
    return take_paths(plan, days, chosen)
