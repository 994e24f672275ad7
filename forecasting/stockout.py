"""Stock-outs: which days' sales say less than what was wanted."""

import numpy as np
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
