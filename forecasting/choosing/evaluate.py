"""The held-out test: forecasts beside actuals, per level, compared with seasonal naive."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.choosing.scores import ALL_CLASSES, score
from forecasting.choosing.tables import Facts
from forecasting.structure.hierarchy import Hierarchy

Array = NDArray[np.float64]


def evaluate(
    hierarchy: Hierarchy,
    *,
    actual: Array,
    mean: Array,
    quantiles: Array,
    seasonal_naive: Array,
    facts: Facts,
) -> pd.DataFrame:
    """Score the forecast that would have been published per level.

    actual (NaN where unknown), mean, seasonal_naive: (n, h) units; quantiles: (n, h, q). facts: of the origin.
    Returns a row per level, model (prophet, seasonal_naive) and metric of `score`: level, level_name, model, metric,
    value. Coverage and pinball are of prophet only.
    """
    scored = score(
        hierarchy,
        actual=actual,
        forecasts={"prophet": mean, "seasonal_naive": seasonal_naive},
        classes=facts.classes,
        weight=facts.weight,
        quantiles={"prophet": quantiles},
        scales=facts.scales,
    )
    whole = scored[scored["demand_class"] == ALL_CLASSES].rename(columns={"candidate": "model"})
    of_intervals = whole["metric"].str.startswith(("coverage", "pinball"))
    kept = whole[~(of_intervals & (whole["model"] == "seasonal_naive"))]
    ordered = kept.sort_values(["level", "model", "metric"], ignore_index=True)
    return pd.DataFrame(ordered[["level", "level_name", "model", "metric", "value"]])
