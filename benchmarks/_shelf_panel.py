"""A set of the shelf laid out: leaves by periods, with its levels, hold-outs, metric and plans. No benchmark itself.

m leaves, N periods.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Metric = Literal["WAPE", "sMAPE", "RMSSE and WQL"]
Frequency = Literal["D", "W", "M", "Q"]
Levels = tuple[tuple[str, ...], ...]

STEPS = {"D": "D", "W": "7D", "M": "MS", "Q": "QS"}
ORIGINS = 3


@dataclass(frozen=True)
class Plans:
    """What the seller knows ahead, all (m, N). promoted: periods that the promotion section scores.

    flags: 0..1 by name. price: paid, NaN where unknown. usual: what the price is a share of (None: the median before
    the origin). closed: shut in the whole period.
    """

    promoted: Mask
    flags: Mapping[str, Array] = field(default_factory=dict)
    price: Array | None = None
    usual: Array | None = None
    closed: Mask | None = None


@dataclass(frozen=True)
class ShelfSet:
    """One set. leaves: a row per leaf, a text column per key. Y: (m, N), NaN where unknown. days: (N,).

    gap_above: what a node above the leaves sold where none of its leaves is known. origins: how many hold-outs of
    `horizon` periods the set has room for, the last one at its end.
    """

    name: str
    frequency: Frequency
    horizon: int
    levels: Levels
    leaves: pd.DataFrame
    days: pd.DatetimeIndex
    Y: Array
    country: str | None = None
    metric: Metric = "WAPE"
    gap_above: float = np.nan
    origins: int = ORIGINS
    plans: Plans | None = None

    def known_periods(self, origins: int) -> list[int]:
        """Count the periods that each hold-out leaves known, latest first."""
        return [self.days.size - back * self.horizon for back in range(1, origins + 1)]


@dataclass(frozen=True)
class Panel:
    """A long frame laid out: leaves (m rows), days (N,), Y (m, N) with NaN where no row was."""

    frame: pd.DataFrame
    keys: tuple[str, ...]
    at: str
    leaves: pd.DataFrame
    days: pd.DatetimeIndex
    Y: Array

    def column(self, name: str) -> Array:
        """Lay out another column of the frame, (m, N)."""
        wide = self.frame.set_index([*self.keys, self.at])[name].astype(np.float64).unstack()
        return wide.reindex(columns=self.days).to_numpy(np.float64)


def lay_out(
    frame: pd.DataFrame,
    keys: Sequence[str],
    at: str,
    value: str,
    frequency: Frequency,
    gap: float = np.nan,
) -> Panel:
    """Lay out a long frame with one row per leaf and date. gap: what a leaf sold where it has no row."""
    dated = frame.assign(**{at: pd.to_datetime(frame[at])})
    dated = dated.astype(dict.fromkeys(keys, str))
    wide = dated.set_index([*keys, at])[value].astype(np.float64).unstack()
    days = pd.date_range(wide.columns.min(), wide.columns.max(), freq=STEPS[frequency])
    Y = wide.reindex(columns=days).to_numpy(np.float64)
    leaves = wide.index.to_frame(index=False)
    return Panel(dated, tuple(keys), at, leaves, days, np.where(np.isnan(Y), gap, Y))
