"""What a published forecast is made of: the models' parts, the recent level, and what reconciling moved.

n nodes, m leaves, D days. Parts are units a day and add up: over the horizon to the published mean, before it to what
the models say of the past.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.nodes.base_fit import BaseFit
from forecasting.nodes.origin import Origin
from forecasting.prophet.predict import components

Array = NDArray[np.float64]

# A year back shows every season once.
BACK_DAYS = 364
# Weights that sum to 1 but for rounding.
MODELS_ALONE = 1e-9
RECENT_LEVEL, RECONCILIATION = "recent level", "reconciliation"
# What remains where the mixture holds baselines, which have no parts of their own.
BASELINES = "baselines, reconciliation"


@dataclass(frozen=True)
class Explanation:
    """upper: part -> (n - m, D) over days (D,), which end with the horizon. leaves: part -> (m, h)."""

    upper: dict[str, Array]
    leaves: dict[str, Array]
    days: pd.DatetimeIndex


def explain(origin: Origin, bases: Mapping[str, tuple[float, BaseFit]], mean: Array) -> Explanation:
    """Split the published mean (n, h) into parts.

    bases: response form -> (weight in the mixture, its base fit). Weights may sum to less than 1, the rest being
    baselines: the parts are those of the models alone, and one part says what the baselines and reconciling moved.
    """
    back = min(BACK_DAYS, origin.days.size)
    past = origin.days[origin.days.size - back :]
    days = pd.DatetimeIndex(past.append(origin.future))
    m = origin.hierarchy.n_leaves
    upper = np.arange(origin.hierarchy.n_nodes - m)
    return Explanation(
        upper=_parts(bases, upper, days, mean[:-m], len(past)),
        leaves=_parts(bases, np.arange(upper.size, upper.size + m), origin.future, mean[-m:], 0),
        days=days,
    )


def _parts(
    bases: Mapping[str, tuple[float, BaseFit]],
    nodes: NDArray[np.intp],
    days: pd.DatetimeIndex,
    mean: Array,
    back: int,
) -> dict[str, Array]:
    parts: dict[str, Array] = {}
    expected = np.zeros_like(mean)
    models = sum(weight for weight, _ in bases.values())
    for weight, base in [(weight / models, base) for weight, base in bases.values()]:
        for name, values in _model_parts(base, nodes, days).items():
            parts[name] = parts.get(name, 0.0) + weight * values
        expected += weight * np.nan_to_num(base.yhat[nodes])
    said = sum((values[:, back:] for values in parts.values()), np.zeros_like(mean))
    rest = RECONCILIATION if models > 1.0 - MODELS_ALONE else BASELINES
    ahead = {RECENT_LEVEL: expected - said, rest: mean - expected}
    for name, values in ahead.items():
        if np.abs(values).max(initial=0.0) > 0.0:
            parts[name] = np.concatenate([np.zeros((len(nodes), back)), values], axis=1)
    return parts


def _model_parts(
    base: BaseFit, nodes: NDArray[np.intp], days: pd.DatetimeIndex
) -> dict[str, Array]:
    """Evaluate the parts of the nodes' models, part -> (len(nodes), D); a node without a model has none."""
    place = np.full(base.yhat.shape[0], -1, dtype=np.intp)
    place[nodes] = np.arange(nodes.size)
    parts: dict[str, Array] = {}
    for group in base.groups:
        wanted = np.flatnonzero(place[group.rows] >= 0)
        if wanted.size == 0:
            continue
        at = place[group.rows[wanted]]
        for name, values in components(group.model, group.fits.take(wanted), days).items():
            parts.setdefault(name, np.zeros((nodes.size, days.size)))[at] = values
    return parts
