"""Deliveries spread over days, so that no day brings more units than can be put away."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from replenishment.formulas.conditions import Array, not_negative

Ints = NDArray[np.int64]


class Smoothed(NamedTuple):
    """day (n,) of each delivery, the money that moving costs, and the units of each day, (days,)."""

    day: Ints
    cost: float
    units: Array


def smooth_deliveries(
    units: Array,
    day: Ints,
    earliest: Ints,
    latest: Ints,
    limit: ArrayLike,
    *,
    days: int,
    early_cost: ArrayLike = 0.0,
    late_cost: ArrayLike = 0.0,
) -> Smoothed:
    """Move whole deliveries out of days that bring more than `limit` units, the cheapest moves first.

    units, day: (n,), what arrives when it is due; earliest, latest: (n,), the days it may arrive on. limit: units, or
    (days,). early_cost, late_cost: (n,) money a day of the whole delivery: its holding, and what may be missed. A
    delivery that cannot be moved stays; a day may then still be above its limit, which `units` shows.
    """
    n = units.size
    most = np.broadcast_to(np.asarray(limit, dtype=np.float64), (days,))
    early, late = (np.broadcast_to(np.asarray(x, float), (n,)) for x in (early_cost, late_cost))
    not_negative(units=units, limit=most, early_cost=early, late_cost=late)
    if n and not (earliest.min() >= 0 and latest.max() < days):
        raise ValueError(f"deliveries must lie within {days} days")
    if ((earliest > day) | (latest < day)).any():
        raise ValueError("earliest must be at most the day that is due, latest at least")
    out, total = day.copy(), np.bincount(day, weights=units, minlength=days).astype(np.float64)
    cost = 0.0
    for busy in np.argsort(-(total - most), kind="stable"):
        rows = np.flatnonzero((out == busy) & (units > 0))
        for price, row, to in _moves(rows, busy, earliest, latest, early, late, units):
            if total[busy] <= most[busy] + 1e-9:
                break
            if out[row] == busy and total[to] + units[row] <= most[to] + 1e-9:
                total[busy] -= units[row]
                total[to] += units[row]
                out[row] = to
                cost += price
    return Smoothed(out, cost, total)


def _moves(
    rows: Ints, busy: int, earliest: Ints, latest: Ints, early: Array, late: Array, units: Array
) -> list[tuple[float, int, int]]:
    """Return every move of a day's deliveries, cheapest by unit first: (money, row, day)."""
    found = []
    for row in rows:
        for to in range(int(earliest[row]), int(latest[row]) + 1):
            if to != busy:
                apart = to - busy
                price = float(late[row] * apart if apart > 0 else early[row] * -apart)
                found.append((price / units[row], price, int(row), to))
    found.sort()
    return [move[1:] for move in found]
