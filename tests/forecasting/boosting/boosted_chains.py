"""A chain whose products sell less while their siblings are on promotion, which no expert of the mixture is told."""

from dataclasses import replace

import numpy as np
import pandas as pd

from forecasting.nodes.demand import Demand
from forecasting.nodes.known_ahead import KnownAhead, PlannedRegressor
from forecasting.structure.hierarchy import Hierarchy, build_hierarchy

CATEGORIES, EACH, DAYS, HORIZON = 8, 6, 196, 7
LEVELS = ((), ("category",), ("category", "product"))


def chain(
    stolen: float, *, seed: int = 3
) -> tuple[Demand, Hierarchy, "np.ndarray[tuple[int, int], np.dtype[np.float64]]"]:
    """Return a demand of DAYS, its hierarchy, and what each leaf sells on average, (m, DAYS + HORIZON).

    On a day on which a product of a category is promoted, the others there sell less by the share `stolen`.
    """
    rng = np.random.default_rng(seed)
    leaves = pd.DataFrame(
        [(f"C{c}", f"P{c}.{p}") for c in range(CATEGORIES) for p in range(EACH)],
        columns=["category", "product"],
    )
    m, periods = len(leaves), DAYS + HORIZON
    promoted = np.zeros((m, periods))
    for category in range(CATEGORIES):
        on = np.flatnonzero(rng.random(periods) < 0.4)
        promoted[category * EACH + rng.integers(EACH, size=on.size), on] = 1.0
    of_category = promoted.reshape(CATEGORIES, EACH, periods).sum(axis=1)
    others = np.repeat(of_category, EACH, axis=0) - promoted
    rate = rng.uniform(8.0, 25.0, m)[:, None] * np.where(np.arange(periods) % 7 >= 5, 1.4, 0.9)
    mean = rate * np.where(promoted > 0, 2.0, 1.0) * np.where(others > 0, 1.0 - stolen, 1.0)
    units = rng.poisson(mean).astype(np.float64)
    demand = Demand(
        leaves=leaves,
        names={},
        days=pd.date_range("2025-01-06", periods=DAYS),
        units=units[:, :DAYS],
        empty=np.zeros((m, DAYS), dtype=np.bool_),
        started=np.zeros(m, dtype=np.int64),
        lake_version=0,
    )
    ahead = KnownAhead(regressors={"promotion": PlannedRegressor(promoted)})
    return replace(demand, ahead=ahead), build_hierarchy(LEVELS, leaves), mean
