"""Demand made from arrays, without a lake: 3 locations in 2 regions, 4 products in 2 departments."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.nodes.demand import Demand

LEAVES = pd.DataFrame(
    [
        (product, department, location, region)
        for location, region in (("S1", "North"), ("S2", "North"), ("S3", "South"))
        for product, department in (("P1", "Food"), ("P2", "Food"), ("P3", "Home"), ("P4", "Home"))
    ],
    columns=["product", "department", "location", "region"],
)
RATES = np.tile([20.0, 8.0, 3.0, 0.2], 3) / np.repeat([1.0, 2.0, 3.0], 4)


def make_demand(units: NDArray[np.float64], *, first: str = "2025-01-06") -> Demand:
    """Wrap units (12, T), rows as LEAVES, from a Monday on."""
    return Demand(
        leaves=LEAVES,
        names={},
        days=pd.date_range(first, periods=units.shape[1]),
        units=units,
        empty=np.zeros(units.shape, dtype=np.bool_),
        started=np.argmax(units > 0, axis=1),
        lake_version=0,
    )


def weekly_units(days: int, *, seed: int = 7) -> NDArray[np.float64]:
    """Draw Poisson demand with a weekly shape and a slope, (12, days)."""
    day = np.arange(days)
    shape = np.where(day % 7 >= 5, 1.5, 0.8) * (1 + day / 400)
    rng = np.random.default_rng(seed)
    units: NDArray[np.float64] = rng.poisson(RATES[:, None] * shape[None, :]).astype(np.float64)
    return units
