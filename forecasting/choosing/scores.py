"""Scores: actuals beside the candidates' forecasts, per level and demand class.

Shapes: n nodes, h days ahead, T days of history, C candidates.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.choosing.node_losses import (
    Losses,
    NodeScales,
    node_losses,
    node_scales,
)
from forecasting.nodes.demand_class import DEMAND_CLASSES
from forecasting.structure.hierarchy import Hierarchy

Array = NDArray[np.float64]

ALL_CLASSES = "all"
# Names the rows of what a backtest chose.
CHOSEN = "chosen"
WEIGHT_DAYS = 28
SCORE_COLUMNS = ("level", "level_name", "demand_class", "candidate", "metric", "value")


def score(
    hierarchy: Hierarchy,
    *,
    actual: Array,
    forecasts: Mapping[str, Array],
    history: Array | None = None,
    classes: NDArray[np.str_],
    weight: Array | None = None,
    quantiles: Mapping[str, Array] | None = None,
    scales: NodeScales | None = None,
) -> pd.DataFrame:
    """Score candidates per level and demand class ("all", and each of the four that the level has).

    actual: (n, h), NaN where unknown. forecasts: (n, h) by name, rows of NaN where a candidate has none. history: (n,
    T) before. classes: (n,) as of the origin. weight: (n,) units or value of the last days (None: of the last
    WEIGHT_DAYS of history). quantiles: (n, h, q) by name, for some or all. scales: of the history, where made before;
    then weight is given too. Returns a row per level, class, candidate and metric, SCORE_COLUMNS: rmsse, mase,
    pinball: means over nodes whose history is not constant. wrmsse: rmsse weighted (Makridakis et al. 2022). wape:
    sum |error| / sum actual. bias: sum error / sum actual, above 0 is too much. coverage_50, _80, _95: share of days
    inside the interval. NaN where nothing is defined.
    """
    if scales is None:
        assert history is not None
        scales = node_scales(history)
    if weight is None:
        assert history is not None
        weight = recent_weight(history)
    losses = node_losses(actual, forecasts, scales, quantiles or {})
    level = hierarchy.nodes["level"].to_numpy()
    names = hierarchy.nodes["level_name"].to_numpy()
    parts = []
    for number in np.unique(level):
        of_level = level == number
        present = [name for name in DEMAND_CLASSES if (classes[of_level] == name).any()]
        for demand_class in (ALL_CLASSES, *present):
            rows = of_level if demand_class == ALL_CLASSES else of_level & (classes == demand_class)
            table = _summary(losses, rows, actual, weight)
            part = table.melt(id_vars="candidate", var_name="metric")
            part["level"], part["level_name"] = int(number), str(names[of_level][0])
            parts.append(part.assign(demand_class=demand_class))
    return pd.DataFrame(pd.concat(parts, ignore_index=True)[list(SCORE_COLUMNS)])


def recent_weight(history: Array, periods: int = WEIGHT_DAYS) -> Array:
    """Sum the units of the last periods of history, (n,): the weights of M5, which takes the value of 28 days."""
    weight: Array = history[:, -periods:].sum(axis=1)
    return weight


def _summary(losses: Losses, rows: NDArray[np.bool_], actual: Array, weight: Array) -> pd.DataFrame:
    """Sum up the nodes in `rows`: a row per candidate, a column per metric."""
    told = np.isfinite(actual[rows])
    count = told.sum(axis=1)[:, None]
    absolute, signed = losses.mae[rows] * count, losses.error[rows] * count
    units = np.where(told, actual[rows], 0.0).sum(axis=1)[:, None]
    came = np.where(np.isfinite(absolute), units, 0.0).sum(axis=0)
    table = {
        "candidate": list(losses.names),
        "wape": _ratio(np.nansum(absolute, axis=0), came),
        "bias": _ratio(np.nansum(signed, axis=0), came),
        "rmsse": _mean(losses.rmsse[rows]),
        "wrmsse": _mean(losses.rmsse[rows], weight[rows]),
        "mase": _mean(losses.mase[rows]),
        "pinball": _mean(losses.pinball[rows]),
        **{f"coverage_{width}": _mean(of[rows]) for width, of in losses.coverage.items()},
    }
    return pd.DataFrame(table)


def _ratio(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)


def _mean(values: Array, weight: Array | None = None) -> Array:
    """Average (rows, C) over the known rows by weight, (C,); NaN where none is known or their weight is 0."""
    known = np.isfinite(values)
    of = np.ones(values.shape[0]) if weight is None else weight
    weights = np.where(known, of[:, None], 0.0)
    return _ratio((weights * np.where(known, values, 0.0)).sum(axis=0), weights.sum(axis=0))


def value_added(scores: pd.DataFrame, *, naive: str, metric: str = "wape") -> pd.DataFrame:
    """Compute forecast value added: (naive error - candidate's error) / naive error, above 0 is better than naive.

    scores: as of `score`, of one or several origins (averaged). Returns level, level_name, demand_class, candidate,
    value; NaN where the naive error is 0 or unknown.
    """
    keys = ["level", "level_name", "demand_class"]
    of_metric = scores[scores["metric"] == metric]
    mean = of_metric.groupby([*keys, "candidate"], sort=False)["value"].mean().reset_index()
    base = mean[mean["candidate"] == naive].set_index(keys)["value"].rename("naive")
    joined = mean.join(base, on=keys)
    error = joined["naive"].where(joined["naive"] > 0)
    joined["value"] = (error - joined["value"]) / error
    return pd.DataFrame(joined[[*keys, "candidate", "value"]])
