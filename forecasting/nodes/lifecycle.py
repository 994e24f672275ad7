"""The life of a leaf: one that has just started is forecast by its siblings, one that has ended by zero.

Where more of a chain has just started than is usual there, sums are forecast without these leaves, like for like, and
what they start with is added: the sums' own histories know nothing of them yet. Where leaves come and go all the time
the histories know it, and new ones replace old ones.

Symbols: m leaves, T days of history, h days of horizon; group is the leaf's category (or whatever its siblings share).
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from forecasting.row_blocks import by_rows
from forecasting.structure.hierarchy import Hierarchy

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Codes = NDArray[np.int64]

COLD_START, DISCONTINUED, REPLACED = "cold_start", "discontinued", "replaced"

# An end needs four weeks, seven sales that did not come (by chance once in 1,000 at a steady rate), and a pause half as
# long again as any before it, so that Christmas goods do not end each January.
ENDED_DAYS_MIN = 28
SALES_MISSED_MIN = 7.0
PAUSE_FACTOR = 1.5
# A leaf is young for its first four weeks; then its own history carries a model.
YOUNG_DAYS = 28
# A year has so many months of four weeks.
YEAR_MONTHS = 13
# The category's usual share counts as a week of the leaf's own days.
PRIOR_DAYS = 7.0
# A ramp is learnt from at least so many earlier starts, and is no steeper than this.
STARTS_MIN = 10
RAMP_MIN, RAMP_MAX = 0.2, 2.0
_RAMP_WEEKS = YOUNG_DAYS // 7


def first_sale(units: Array) -> Codes:
    """Find the day of each leaf's first sale, (m,); T for a leaf that never sold. units: (m, T), >= 0."""
    sold = units > 0
    first: Codes = np.where(sold.any(axis=1), np.argmax(sold, axis=1), units.shape[1])
    return first.astype(np.int64)


def discontinued(units: Array, empty: Mask, periods_min: int = ENDED_DAYS_MIN) -> Mask:
    """Return which leaves have ended: no sale for long, against their own rate and their own pauses.

    units: (m, T), finite, >= 0. empty: (m, T), days on which the shelf is known to have been empty: they are unknown.
    periods_min: without a sale, at least.
    Returns (m,); False for a leaf that never sold, which has not started.
    """
    assert units.shape == empty.shape
    if units.shape[1] == 0:
        return np.zeros(units.shape[0], dtype=np.bool_)
    return by_rows(partial(_discontinued, periods_min=periods_min), units, empty)


def _discontinued(units: Array, empty: Mask, *, periods_min: int) -> Mask:
    m, T = units.shape
    sold = units > 0
    day = np.arange(T)
    last = np.maximum.accumulate(np.where(sold, day, -1), axis=1)
    before = np.concatenate([np.full((m, 1), -1), last[:, :-1]], axis=1)
    pauses = np.where(sold & (before >= 0), day - before - 1, 0).max(axis=1)
    quiet_days = ((day > last[:, -1:]) & ~empty).sum(axis=1)
    life_days = np.maximum(last[:, -1] - first_sale(units) + 1, 1)
    sales_missed = sold.sum(axis=1) / life_days * quiet_days
    ended: Mask = (
        sold.any(axis=1)
        & (quiet_days >= periods_min)
        & (sales_missed >= SALES_MISSED_MIN)
        & (quiet_days > PAUSE_FACTOR * pauses)
    )
    return ended


def young(units: Array, group: Codes) -> Mask:
    """Return which leaves sold for the first time in the last four weeks and have grown-up siblings that sold in these.

    units: (m, T), group: (m,) 0 .. k-1. Returns (m,).
    """
    T = units.shape[1]
    first = first_sale(units)
    grown = first < T - YOUNG_DAYS
    k = int(group.max(initial=-1)) + 1
    beside = np.bincount(group[grown], weights=units[grown, -YOUNG_DAYS:].sum(axis=1), minlength=k)
    starts: Mask = (first < T) & ~grown & (beside[group] > 0)
    return starts


def unusual_starts(units: Array, starting: Mask) -> bool:
    """Return True if the leaves that start sell more of the chain than such leaves did in any month of the last year.

    units: (m, T). starting: (m,), those that are young now. A month has four weeks; the first two of the history, in
    which all leaves seem to start, do not count.
    """
    T = units.shape[1]
    first = first_sale(units)
    ends = [T - YOUNG_DAYS * back for back in range(1, YEAR_MONTHS + 1)]
    usual = [_young_share(units, first, end) for end in ends if end >= 3 * YOUNG_DAYS]
    total = float(units[:, -YOUNG_DAYS:].sum())
    now = float(units[starting, -YOUNG_DAYS:].sum()) / total if total > 0 else 0.0
    return now > max(usual, default=0.0)


def _young_share(units: Array, first: Codes, end: int) -> float:
    """Return the share of the units of the four weeks before `end` that leaves sold which started in these."""
    month = units[:, end - YOUNG_DAYS : end]
    total = float(month.sum())
    if total <= 0:
        return 0.0
    return float(month[(first >= end - YOUNG_DAYS) & (first < end)].sum()) / total


@dataclass(frozen=True)
class Starts:
    """Young leaves and how they follow siblings. leaves: (k,). factor: (k, h) of the grown siblings' forecast, ramped.

    grown: (m,), the leaves that are no longer young. group: (m,) of siblings. apart: the sums are forecast without the
    young leaves, which are added to them.
    """

    leaves: Codes
    factor: Array
    grown: Mask
    group: Codes
    apart: bool = False

    @property
    def starting(self) -> Mask:
        """Return which leaves are young, (m,)."""
        return np.isin(np.arange(self.group.size), self.leaves)


def learn_starts(units: Array, group: Codes, horizon: int, *, apart: bool = False) -> Starts:
    """Learn how the young leaves follow their grown-up siblings. units: (m, T) sold. group: (m,) 0 .. k-1.

    A young leaf's share is its own so far, held to the median of the group as if that had been seen for PRIOR_DAYS,
    times a ramp by age.
    """
    leaves = np.flatnonzero(young(units, group))
    k, T = int(group.max(initial=-1)) + 1, units.shape[1]
    grown = first_sale(units) < T - YOUNG_DAYS
    factor = np.zeros((leaves.size, horizon))
    if leaves.size:
        sold = _summed(units[grown], group[grown], k)
        ramp = learned_ramp(units, sold, group)
        usual = _usual_share(units[grown, -YOUNG_DAYS:], group[grown], k)
    for row, leaf in enumerate(leaves):
        own = int(T - first_sale(units[leaf : leaf + 1])[0])
        r = ramp[np.minimum(np.arange(own + horizon) // 7, _RAMP_WEEKS)]
        beside = sold[group[leaf]]
        prior = PRIOR_DAYS * beside[-YOUNG_DAYS:].mean()
        share = (units[leaf].sum() + usual[group[leaf]] * prior) / (
            (beside[-own:] * r[:own]).sum() + prior
        )
        factor[row] = share * r[own:]
    return Starts(leaves, factor, grown, group, apart)


def no_starts(group: Codes, horizon: int) -> Starts:
    """Return starts without a young leaf: in weeks and months the first periods of a start show all of its ramp."""
    none = np.zeros(0, dtype=np.int64)
    return Starts(none, np.zeros((0, horizon)), np.ones(group.size, dtype=np.bool_), group)


def with_starts(mean: Array, starts: Starts) -> Array:
    """Forecast young leaves by their siblings' forecasts. mean: (m, h) of all leaves; returns a new (m, h)."""
    if not starts.leaves.size:
        return mean
    k = int(starts.group.max()) + 1
    coming = _summed(mean[starts.grown], starts.group[starts.grown], k)
    forecast = mean.copy()
    forecast[starts.leaves] = coming[starts.group[starts.leaves]] * starts.factor
    return forecast


def partly_young(hierarchy: Hierarchy, starting: Mask) -> Mask:
    """Return which nodes sum leaves of which some have just started, and not all, (n,). starting: (m,)."""
    if not starting.any():
        return np.zeros(hierarchy.n_nodes, dtype=np.bool_)
    young_below = np.asarray(hierarchy.S @ starting.astype(np.float64))
    below = np.asarray(hierarchy.S.sum(axis=1)).ravel()
    partly: Mask = (young_below > 0) & (young_below < below)
    return partly


def wholly_young(hierarchy: Hierarchy, starting: Mask) -> Mask:
    """Return which nodes have no leaf but such that have just started, (n,). starting: (m,)."""
    grown = np.asarray(hierarchy.S @ (~starting).astype(np.float64))
    return np.asarray(grown == 0)


def like_for_like(hierarchy: Hierarchy, summed: Array, of_leaves: Array, starting: Mask) -> Array:
    """Subtract the leaves that have just started from the sums that hold others too.

    summed: (n, T) of all nodes. of_leaves: (m, T), what the leaves that start have in them. starting: (m,). Returns
    (n, T), the given array where no leaf starts.
    """
    rows = np.flatnonzero(partly_young(hierarchy, starting))
    if not rows.size:
        return summed
    leaves = np.flatnonzero(starting)
    without = summed.copy()
    without[rows] -= np.asarray(hierarchy.S[rows][:, leaves] @ of_leaves[leaves])
    return without


def learned_ramp(units: Array, sold: Array, group: Codes) -> Array:
    """Learn how a start grows: share of the siblings by week of age, against the four weeks after.

    units: (m, T). sold: (k, T) of the grown-up siblings. Returns (5,): weeks 0 to 3, then 1 for any later one; all 1
    with fewer than STARTS_MIN earlier starts to learn from.
    """
    T = units.shape[1]
    first = first_sale(units)
    usable = np.flatnonzero((first >= YOUNG_DAYS) & (first <= T - 2 * YOUNG_DAYS))
    ramp = np.ones(_RAMP_WEEKS + 1)
    if usable.size < STARTS_MIN:
        return ramp
    at = first[usable, None] + np.arange(2 * YOUNG_DAYS)
    own = units[usable[:, None], at].reshape(usable.size, -1, 7).sum(axis=2)
    beside = sold[group[usable, None], at].reshape(usable.size, -1, 7).sum(axis=2)
    share = np.divide(own, beside, out=np.zeros_like(own), where=beside > 0)
    settled = share[:, _RAMP_WEEKS:].mean(axis=1)
    told = settled > 0
    if np.count_nonzero(told) >= STARTS_MIN:
        weeks = share[told, :_RAMP_WEEKS] / settled[told, None]
        ramp[:_RAMP_WEEKS] = np.clip(np.median(weeks, axis=0), RAMP_MIN, RAMP_MAX)
    return ramp


def _summed(values: Array, group: Codes, k: int) -> Array:
    summed = np.zeros((k, values.shape[1]))
    np.add.at(summed, group, values)
    return summed


def _usual_share(recent: Array, group: Codes, k: int) -> Array:
    """Return the median share of a grown-up leaf in its group, (k,); 0 for a group without any."""
    sold = recent.sum(axis=1)
    usual = np.zeros(k)
    for number in np.unique(group):
        of = sold[group == number]
        if of.sum() > 0:
            usual[number] = np.median(of) / of.sum()
    return usual
