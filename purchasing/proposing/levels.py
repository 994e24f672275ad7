"""The level that sales have now, as an order line tells it, and the spread that they have."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from purchasing.proposing.arrays import Floats, Future
from replenishment import LeadTimes, recent_variance, spread_paths

# Less than this nobody needs to read.
TOLD_MIN = 0.01


def level_words(level: Mapping[str, Any] | None, period: str) -> str:
    """Return the end of a line's sentence where its paths were moved, else nothing.

    "; the forecast is lowered by 18 %, since 102 sold where 140 were expected of 6 days after it was made".
    """
    if level is None or abs(level["factor"] - 1) < TOLD_MIN:
        return ""
    way = "raised" if level["factor"] > 1 else "lowered"
    many = f"{level['periods']} {period}{'' if level['periods'] == 1 else 's'}"
    return (
        f"; the forecast is {way} by {100 * abs(level['factor'] - 1):.0f} %, since {level['units']:,.0f} sold where "
        f"{level['units_expected']:,.0f} were expected of {many} after it was made"
    )


def spans_of(leads: LeadTimes, review: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the periods until each line's next order arrives, lead time and review: (n,)."""
    return np.ceil(leads.mean + review - 1e-9).astype(np.int64)


def at_spread_of_now(
    demand: NDArray[np.float32],
    future: Future,
    rows: NDArray[np.integer[Any]],
    spans: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Return paths (n, B, T) with the spread that sales have now, as a goal of all lines is met on (decision 069).

    rows: (n,) of the future's products. spans: (n,) of `spans_of`. Their level is that of the future.
    """
    if future.sold is None:
        return demand
    out = demand.copy()
    for span in np.unique(spans).tolist():
        at = np.flatnonzero(spans == span)
        sold: Floats = future.sold[:, rows[at]]
        variance = recent_variance(sold, span, season=7 if future.days == 1 else 1)
        out[at] = spread_paths(demand[at], np.ones(at.size), variance, span)
    return out
