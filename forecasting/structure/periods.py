"""Weeks and months as sums of days, so that forecasts agree over time as they do over the hierarchy."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stocktide.foundation.errors import Invalid

Array = NDArray[np.float64]
Period = Literal["week", "month", "quarter", "year"]
# ISO weeks: from Monday to Sunday.
_ALIAS = {"week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}


@dataclass(frozen=True)
class PeriodSums:
    """Sums over k periods. starts: (k,) first day of each. values: (n, k). days: (k,) how many days were summed.

    whole: (k,), False where the period has days outside those that were given.
    """

    starts: pd.DatetimeIndex
    values: Array
    days: NDArray[np.int64]
    whole: NDArray[np.bool_]


def sum_periods(values: Array, days: pd.DatetimeIndex, period: Period) -> PeriodSums:
    """Sum daily values (n, T), e.g. means or sample paths of one node, over calendar periods.

    Sums of coherent days are coherent. Quantiles are not summed this way: sum the sample paths. Raises Invalid
    (`period_unknown`).
    """
    assert values.shape[-1] == days.size
    if period not in _ALIAS:
        raise Invalid(
            "period_unknown", f"There is no period {period!r}; take {', '.join(get_args(Period))}."
        )
    of_day = days.to_period(_ALIAS[period])
    number, periods = pd.factorize(of_day)
    summed = np.zeros((values.shape[0], len(periods)))
    np.add.at(summed.T, number, values.T)
    index = pd.PeriodIndex(periods)
    counted = np.bincount(number, minlength=len(periods))
    length = (index.end_time.normalize() - index.start_time).days + 1
    return PeriodSums(index.start_time, summed, counted, counted == length.to_numpy())
