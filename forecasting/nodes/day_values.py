"""Values of some days only, spread over all days of a history."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.nodes.plans import Periods

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

# Leaves that are spread out at once: some 50 MB a matrix of four years.
LEAVES_AT_ONCE = 4_096


def filled_forward(values: Array) -> Array:
    """Carry the last known value of each row forward, (m, D); NaN before the first one."""
    at = np.where(np.isnan(values), -1, np.arange(values.shape[1]))
    last = np.maximum.accumulate(at, axis=1)
    carried = np.take_along_axis(values, np.maximum(last, 0), axis=1)
    return np.where(last >= 0, carried, np.nan)


@dataclass(frozen=True)
class DaySums:
    """Sums over the pairs of m leaves on D days. price: of log(price / usual price), priced: of how many pairs.

    promotion: of pairs on promotion, told: of how many pairs. All (m, D).
    """

    price: NDArray[np.float32]
    priced: NDArray[np.float32]
    promotion: NDArray[np.float32]
    told: NDArray[np.float32]

    @classmethod
    def empty(cls, n_leaves: int, n_days: int) -> "DaySums":
        """Start with no pair."""
        return cls(*(np.zeros((n_leaves, n_days), np.float32) for _ in range(4)))

    def add(self, leaf: Index, day: Index, price: NDArray[np.float32], promotion: Mask) -> None:
        """Add days of pairs, (n,) each; price: NaN where unknown."""
        cell = leaf * self.told.shape[1] + day
        known = ~np.isnan(price)
        np.add.at(self.price.ravel(), cell[known], price[known])
        np.add.at(self.priced.ravel(), cell[known], np.float32(1))
        np.add.at(self.promotion.ravel(), cell[promotion], np.float32(1))
        np.add.at(self.told.ravel(), cell, np.float32(1))


def realised_periods(sums: DaySums, periods: Periods) -> tuple[Array, Array, NDArray[np.float32]]:
    """Average daily prices and promotions over periods; both stay as they are until another day tells otherwise.

    periods: T. Returns price and promotion, (m, T), 0 before the first known day, and the price outside promotions at
    the end of each period, (m, T).
    """
    shape = (sums.told.shape[0], periods.days.size)
    prices, promotions = np.zeros(shape), np.zeros(shape)
    rest = np.zeros(shape, np.float32)
    last_day = np.cumsum(periods.days) - 1
    for start in range(0, shape[0], LEAVES_AT_ONCE):
        here = slice(start, start + LEAVES_AT_ONCE)
        price = _mean(sums.price[here], sums.priced[here])
        promoted = np.nan_to_num(filled_forward(_mean(sums.promotion[here], sums.told[here])))
        regular = np.where(promoted > 0, np.nan, price)
        prices[here] = periods.mean(np.nan_to_num(filled_forward(price)))
        promotions[here] = periods.mean(promoted)
        rest[here] = np.nan_to_num(filled_forward(regular))[:, last_day]
    return prices, promotions, rest


def _mean(total: NDArray[np.float32], count: NDArray[np.float32]) -> Array:
    """Divide, NaN where there is nothing to divide by."""
    none = np.full(total.shape, np.nan)
    return np.asarray(np.divide(total, count, out=none, where=count > 0))
