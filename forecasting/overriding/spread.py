"""Overrides spread over leaves: means of a forecast become those with the overrides.

m leaves, h periods, K overrides. Each override takes the forecast as the ones before it left it, so the last word
counts. Only leaves are changed, and whatever is summed from them agrees at every level.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Change = Literal["set", "add", "percent"]


@dataclass(frozen=True)
class Override:
    """One override. leaves: positions that it is for. days: (h,) days of each period that it is for.

    change, value: `set` units over all its days, `add` units over all its days (below 0: fewer), or `percent`.
    days_total: how many days it has, those before and after the forecast among them.
    """

    leaves: Index
    days: Array
    change: Change
    value: float
    days_total: int


@dataclass(frozen=True)
class Spread:
    """mean: (m, h) units with all overrides. before, after: (K, h) sums of each one's leaves, without and with it."""

    mean: Array
    before: Array
    after: Array


def spread(published: Array, overrides: Sequence[Override], *, period_days: Array) -> Spread:
    """Apply overrides one after the other to means (m, h), at least 0. period_days: (h,).

    Of a period that an override covers in part, the forecast is taken as even over its days. Of units for days that
    the forecast does not reach, each day's equal share falls away. Units go to leaves and periods in proportion to
    what is forecast there. Where nothing is, they go evenly to the days, and to the leaves in proportion to their
    forecast of all periods, evenly without one. No forecast falls below 0.
    """
    assert published.ndim == 2
    assert period_days.shape == published.shape[1:]
    assert (published >= 0).all()
    mean = published.copy()
    before, after = np.zeros((2, len(overrides), published.shape[1]))
    for number, one in enumerate(overrides):
        rows = mean[one.leaves]
        before[number] = rows.sum(axis=0)
        changed = _changed(rows, published[one.leaves], one, one.days / period_days)
        # periods that it is not for stay to the last digit
        mean[one.leaves] = np.where(one.days > 0, changed, rows)
        after[number] = mean[one.leaves].sum(axis=0)
    return Spread(mean, before, after)


def _changed(rows: Array, published: Array, one: Override, share: Array) -> Array:
    """Return the rows (k, h) with an override. share: (h,) of each period that it is for."""
    if one.change == "percent":
        return np.asarray(rows * (1.0 + share * one.value / 100.0))
    covered = rows * share
    now = float(covered.sum())
    units = one.value * float(one.days.sum()) / one.days_total
    wanted = units if one.change == "set" else max(0.0, now + units)
    if now > 0.0 and np.isfinite(wanted / now):
        return np.asarray(rows - covered + covered * (wanted / now))
    return np.asarray(rows + wanted * np.outer(_shares(published), _part(one.days)))


def _shares(published: Array) -> Array:
    """Return what part of units that nothing was forecast of goes to each leaf, (k,)."""
    return _part(published.sum(axis=1))


def _part(weights: Array) -> Array:
    total = float(weights.sum())
    if total > 0.0:
        return np.asarray(weights / total)
    return np.full(weights.size, 1.0 / max(weights.size, 1))
