"""Stock-outs: which days' sales say less than what was wanted."""

import numpy as np
import scipy  # its stats take a second to load, and load when first named
from numpy.typing import NDArray

# An empty shelf hides demand for so long; after that the product counts as no longer offered, and its zeros as true.
EMPTY_RUN_DAYS_MAX = 28


def empty_days(
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    *,
    censored: NDArray[np.bool_],
    empty_at_close: NDArray[np.bool_],
    shape: tuple[int, int],
) -> NDArray[np.bool_]:
    """Mark the days (m, T) on which a shelf was empty, from rows that exist only where something happened.

    rows, columns: position of each record, columns below 0 lie before the first day. An empty close is carried forward
    until the next record, for at most EMPTY_RUN_DAYS_MAX days after it.
    """
    before = columns < 0
    closed = np.full(shape, -1, dtype=np.int64)
    marked = np.zeros(shape, dtype=np.bool_)
    at = (rows[~before], columns[~before])
    days = np.arange(shape[1])
    closed[at] = np.where(empty_at_close[~before], 2 * at[1] + 1, 2 * at[1])
    marked[at] = censored[~before]
    # The newest record of each day, and whether it closed empty, travel together as 2 * column + flag.
    newest = np.maximum.accumulate(closed, axis=1)
    carried = (newest >= 0) & (newest % 2 == 1) & (closed < 0)
    carried &= days[None, :] - newest // 2 <= EMPTY_RUN_DAYS_MAX
    result: NDArray[np.bool_] = marked | carried
    return result


def demand_at_least(sold: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Estimate the demand of a day that sold `sold` before its shelf was empty: E[D | D >= sold], D Poisson of `mean`.

    sold, mean: one shape, units, mean >= 0. Leaving such a day out would leave out the best days, for it is great
    demand that empties a shelf; taking its sales for demand would cut them off. With m = mean the value is
    m P(D >= s - 1) / P(D >= s), never below sold.
    """
    m = np.maximum(mean, np.finfo(np.float64).tiny)
    least = np.ceil(sold)
    reached = scipy.stats.poisson.sf(least - 1, m)
    value = m * np.divide(
        scipy.stats.poisson.sf(least - 2, m), reached, out=np.zeros_like(reached), where=reached > 0
    )
    return np.asarray(np.maximum(value, sold))


def with_hidden_demand(
    Y: NDArray[np.float64], fitted: NDArray[np.float64], cut: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Put the expected demand on days whose shelf ran out while selling. Y, fitted: (m, T); cut: (m, T)."""
    known = cut & np.isfinite(Y) & np.isfinite(fitted)
    whole = Y.copy()
    whole[known] = demand_at_least(Y[known], np.maximum(fitted[known], 0.0))
    return whole
