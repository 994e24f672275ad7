"""State of a leaf at an origin: how it spread lately, how long it has sold nothing, and what its units are.

m leaves, T periods. Leaves that sell as much are told apart by their own variance, and those that may have run out or
ended by the sales that a running row of zeros hides at their rate.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]

# Periods that say how a leaf sells now, by periods a season: 8 weeks of days, half a year of weeks, a year of months,
# two years of quarters.
WINDOW_PERIODS = {7: 56, 52: 26, 12: 12, 4: 8}
# Another rhythm: so many seasons, but never fewer periods than a variance needs.
WINDOW_SEASONS, WINDOW_MIN = 4, 8
# Classes of variance are taken among leaves that sell as much: so many groups, each of enough leaves to part in five.
VOLUME_GROUPS_MAX, LEAVES_A_GROUP, SPREAD_CLASSES = 20, 100, 5
# Sales that a running row of zeros hides at the leaf's rate: a pause by chance, perhaps an empty shelf, surely one
# (a Poisson count of 3 is 0 once in 20 times, one of 8 once in 3,000).
HIDDEN_SALES = (3.0, 8.0)
RUN_CLASSES = len(HIDDEN_SALES) + 1
# A rate is taken over at least this part of the window, so that a leaf that sold once just now is not a fast one.
RATE_PART = 8
# Weight of the pooled excess, in periods: a variance of fewer is mostly chance.
POOLED_PERIODS = 8.0
# Sums of thousandths are whole to about this.
WHOLE_WITHIN = 1e-6
# Fewer sales may be whole by chance: of eight in tenths all are once in 10^8.
SALES_MIN = 8
# A fractional leaf is counted in steps of its smallest sale, but at least so many of them to its usual sale.
STEPS_A_SALE = 100.0
TINY = 1e-12


@dataclass(frozen=True)
class LeafState:
    """code: (m,) class of each leaf. excess: (m,) squared variation beyond Poisson's, (variance - mean) / mean^2."""

    code: Codes
    excess: Array


def window_periods(season: int) -> int:
    """Return the periods that say how a leaf sells now. season: periods a season (7, 52, 12, 4)."""
    return WINDOW_PERIODS.get(season, max(WINDOW_SEASONS * season, WINDOW_MIN))


def unit_steps(history: Array) -> tuple[Mask, Array]:
    """Return which leaves sell whole units, (m,), and the step that each one's sales are counted in, (m,).

    history: (m, T) units, NaN where unknown. A leaf with few sales, none of them fractional, is as most others are.
    """
    sold = np.where(np.isfinite(history), history, 0.0)
    times = (sold > 0).sum(axis=1)
    active = times > 0
    whole: Mask = np.asarray((np.abs(sold - np.round(sold)) < WHOLE_WITHIN).all(axis=1))
    told = times >= SALES_MIN
    whole &= told | (not told.any() or whole[told].mean() >= 0.5)
    size, smallest = _sale(sold), np.where(sold > 0, sold, np.inf).min(axis=1, initial=np.inf)
    fine = np.minimum(smallest, size / STEPS_A_SALE)
    return whole, np.where(whole, 1.0, np.where(active, fine, 1.0 / STEPS_A_SALE))


def leaf_state(history: Array, window: int, step: Array) -> LeafState:
    """Describe leaves as of the end of a history. history: (m, T) units, NaN where unknown; step: (m,) units."""
    assert step.shape == (history.shape[0],)
    recent = history[:, -window:]
    known = np.isfinite(recent)
    sold = np.where(known, recent, 0.0)
    periods = known.sum(axis=1)
    mean = sold.sum(axis=1) / np.maximum(periods, 1)
    square = np.where(known, sold - mean[:, None], 0.0) ** 2
    variance = square.sum(axis=1) / np.maximum(periods, 1)
    spread = _spread_class(mean, variance)
    code = spread * RUN_CLASSES + _run_class(sold, known, mean, step == 1.0)
    return LeafState(code, _excess(mean / step, variance / step**2, periods))


def _sale(sold: Array) -> Array:
    """Return the mean size of a sale, (m,), 1 for a leaf that sold nothing."""
    times = (sold > 0).sum(axis=1)
    return np.where(times > 0, sold.sum(axis=1) / np.maximum(times, 1), 1.0)


def _spread_class(mean: Array, variance: Array) -> Codes:
    """Classify leaves of like volume by variance over mean: 0 the steadiest."""
    groups = int(np.clip(mean.size // LEAVES_A_GROUP, 1, VOLUME_GROUPS_MAX))
    volume = _part(mean, np.zeros(mean.size, np.int64), groups)
    return _part(variance / np.maximum(mean, TINY), volume, SPREAD_CLASSES)


def _part(values: Array, group: Codes, parts: int) -> Codes:
    """Split each group's values (m,) into equal parts, 0 .. parts - 1; equal values stay together in the lower one."""
    order = np.lexsort((values, group))
    at, value, index = group[order], values[order], np.arange(values.size)
    new = np.ones(values.size, dtype=np.bool_)
    new[1:] = (value[1:] != value[:-1]) | (at[1:] != at[:-1])
    first = np.maximum.accumulate(np.where(new, index, 0))
    start, end = np.searchsorted(at, at), np.searchsorted(at, at, side="right")
    part = np.empty(values.size, np.int64)
    part[order] = (first - start) * parts // (end - start)
    return part


def _run_class(sold: Array, known: Mask, mean: Array, whole: Mask) -> Codes:
    """Classify leaves by the sales that their running zeros hide, (m,); a fractional leaf counts in usual sales."""
    index = np.arange(sold.shape[1])
    last = np.where(sold > 0, index, -1).max(axis=1, initial=-1)
    run = (known & (index > last[:, None])).sum(axis=1)
    periods = known.sum(axis=1)
    active = np.maximum(periods - run, max(sold.shape[1] // RATE_PART, 1))
    rate = mean * periods / active / np.where(whole, 1.0, _sale(sold))
    return np.asarray(np.searchsorted(HIDDEN_SALES, run * rate, side="right"), dtype=np.int64)


def _excess(mean: Array, variance: Array, periods: Codes) -> Array:
    """Shrink each leaf's squared variation beyond Poisson's to the pooled one, by its known periods. In steps."""
    beyond, square = np.maximum(variance - mean, 0.0), mean**2
    pooled = float((beyond * periods).sum() / max((square * periods).sum(), TINY))
    own = beyond / np.maximum(square, TINY)
    weight = np.where(mean > 0, periods / (periods + POOLED_PERIODS), 0.0)
    return np.asarray(weight * own + (1.0 - weight) * pooled)
