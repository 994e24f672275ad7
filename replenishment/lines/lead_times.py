"""Lead times as distributions: the chance that an order placed now arrives at the start of each period."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from replenishment.formulas.conditions import Array, probabilities, whole
from replenishment.lines.lines import Rows

Periods = NDArray[np.int64]
# Fractional parts of multiples of the golden ratio fill (0, 1) evenly, whatever run of them is looked at.
GOLDEN = (np.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class LeadTimes:
    """Lead times of n lines, or one for all: shares (n or 1, L + 1), each row sums to 1. Independent of demand."""

    shares: Array

    @property
    def longest(self) -> Periods:
        """Return the longest lead time that has a chance: (n or 1,) periods."""
        return np.asarray(self.shares.shape[1] - 1 - np.argmax(self.shares[:, ::-1] > 0, axis=1))

    @property
    def mean(self) -> Array:
        """Return the mean: (n or 1,) periods."""
        return np.asarray(self.shares @ np.arange(self.shares.shape[1]))

    @property
    def middle(self) -> Periods:
        """Return the first period by which half of the orders have come: (n or 1,)."""
        return np.asarray(np.argmax(np.cumsum(self.shares, axis=1) >= 0.5 - 1e-9, axis=1))

    @property
    def sure(self) -> bool:
        """Return True if every line's lead time is known."""
        return bool((self.shares.max(axis=1) == 1).all())

    def take(self, rows: Rows, n: int) -> "LeadTimes":
        """Return those of some of n lines."""
        return LeadTimes(np.broadcast_to(self.shares, (n, self.shares.shape[1]))[rows])

    def of_paths(self, totals: NDArray[np.float32]) -> Periods:
        """Deal lead times out to paths: (n, B) totals of demand to (n, B) periods.

        Each length goes to its share of the paths, and evenly to those of much and of little demand, so that the two
        are independent in 200 paths as well. The same paths always get the same.
        """
        n, B = totals.shape
        even = np.modf((np.arange(B) + 0.5) * GOLDEN)[0]
        # evenly filled ranks instead of the values: exact shares
        even = (np.argsort(np.argsort(even)) + 0.5) / B
        reached = np.cumsum(np.broadcast_to(self.shares, (n, self.shares.shape[1])), axis=1)
        by_rank = (even[None, :, None] > reached[:, None, :-1] - 1e-12).sum(axis=2)
        dealt = np.empty((n, B), dtype=np.int64)
        np.put_along_axis(dealt, np.argsort(totals, axis=1, kind="stable"), by_rank, axis=1)
        return dealt


def fixed_lead_times(periods: ArrayLike) -> LeadTimes:
    """Return lead times that are known: a whole number of periods, or one a line. 0: arrives before today's demand."""
    whole(periods=periods)
    lengths = np.atleast_1d(np.asarray(periods, dtype=np.int64))
    if lengths.ndim != 1 or not lengths.size:
        raise ValueError("periods must be a number, or one a line")
    return LeadTimes(np.eye(int(lengths.max()) + 1)[lengths])


def lead_times_of(shares: ArrayLike) -> LeadTimes:
    """Return lead times by the chances of 0, 1, 2, … periods: (L + 1,) for all lines, or (n, L + 1)."""
    rows = np.atleast_2d(np.asarray(shares, dtype=np.float64))
    return LeadTimes(np.vstack([probabilities("shares", row) for row in rows]))


def lead_times_from(samples: Sequence[ArrayLike]) -> LeadTimes:
    """Return lead times as they were: one list of whole periods a line, each as likely as the others."""
    lists = [np.asarray(one, dtype=np.float64) for one in samples]
    if not lists or any(one.ndim != 1 for one in lists):
        raise ValueError("samples must be a list of each line: [[3, 4, 5]] for one line")
    if any(one.size == 0 for one in lists):
        raise ValueError("each line needs at least one sample of its lead time")
    whole(samples=np.concatenate(lists))
    most = int(max(one.max() for one in lists))
    counts = [np.bincount(one.astype(np.int64), minlength=most + 1) / one.size for one in lists]
    return LeadTimes(np.vstack(counts))
