"""Clues of leaves: what is known of each leaf at an origin that no expert of the mixture is given.

m leaves, T periods known, h ahead. Nothing later than the origin is looked at, save the calendar and what is planned.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.experts.calendar import Calendar
from forecasting.nodes.origin import Origin
from forecasting.structure.siblings import sibling_group

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

# Windows, counted in `Cycles.windows`, over which recent zeros and plans are told: some weeks, neither less nor years.
RECENT_WINDOWS = slice(1, 4)
TINY = 1e-9


@dataclass(frozen=True)
class Clues:
    """of_leaf: (m,) by name. of_step: (m, h) by name. of_date: (h,) by name, the same for all leaves."""

    of_leaf: Mapping[str, Floats]
    of_step: Mapping[str, Floats]
    of_date: Mapping[str, Floats]

    def rows(self, leaves: NDArray[np.int64]) -> dict[str, Floats]:
        """Return all clues of some leaves, each (k, 1), (k, h) or (1, h)."""
        found = {name: of[leaves, None] for name, of in self.of_leaf.items()}
        found |= {name: of[leaves] for name, of in self.of_step.items()}
        return found | {name: of[None, :] for name, of in self.of_date.items()}


def clues_of(origin: Origin, calendar: Calendar) -> Clues:
    """Return the clues of an origin's leaves."""
    of_leaf = sales_clues(origin.units, origin.observed_leaves, origin.cycles.windows)
    of_step = plan_clues(origin) | holiday_clues(origin, calendar)
    return Clues(_single(of_leaf), _single(of_step), _single(date_clues(origin)))


def _single(of: Mapping[str, Array]) -> dict[str, Floats]:
    return {name: values.astype(np.float32) for name, values in of.items()}


def sales_clues(units: Array, observed: Mask, windows: tuple[int, ...]) -> dict[str, Array]:
    """Return how often a leaf sells, for how long it has not, and how much, (m,) each.

    units: (m, T). observed: (m, T), periods that are known. windows: of the cycles, ascending.
    """
    T = units.shape[1]
    sold = units > 0
    back = np.arange(T, 0, -1)
    last = np.where(sold, back, T + 1).min(axis=1) - 1.0
    first = np.where(sold, back, 0).max(axis=1)
    year = slice(-windows[-1], None)
    count = np.maximum(observed[:, year].sum(axis=1), 1)
    mean = np.where(observed, units, 0.0)[:, year].sum(axis=1) / count
    squared = np.where(observed, units - mean[:, None], 0.0)[:, year] ** 2
    found = {
        "periods since a sale": np.log1p(last),
        "age": np.log1p(first.astype(np.float64)),
        "units a period": np.log1p(mean),
        "variation": np.sqrt(squared.sum(axis=1) / count) / np.maximum(mean, TINY),
    }
    for window in windows[RECENT_WINDOWS]:
        seen = observed[:, -window:]
        none = (seen & ~sold[:, -window:]).sum(axis=1)
        found[f"share without a sale @{window}"] = none / np.maximum(seen.sum(axis=1), 1)
    return found


def plan_clues(origin: Origin) -> dict[str, Array]:
    """Return the plans ahead of each leaf and of its siblings, and those just before, (m, h) each."""
    if origin.uplift is None or origin.effects is None:
        return {}
    T, h = origin.days.size, origin.horizon
    found = {name: origin.plans[j] for j, name in enumerate(origin.effects.names)}
    moved = np.log(origin.uplift)
    group = sibling_group(origin.hierarchy)
    together = np.zeros((int(group.max(initial=0)) + 1, h))
    np.add.at(together, group, moved[:, T:])
    count = np.maximum(np.bincount(group, minlength=together.shape[0]) - 1, 1)
    found["siblings' plans"] = (together[group] - moved[:, T:]) / count[group, None]
    window = min(origin.cycles.windows[1], T)
    summed = np.cumsum(moved[:, T - window :], axis=1)
    before = np.pad(summed, ((0, 0), (1, 0)))
    found["plans just before"] = (before[:, window : window + h] - before[:, :h]) / window
    return found


def holiday_clues(origin: Origin, calendar: Calendar) -> dict[str, Array]:
    """Return which periods are holidays or events of each leaf, and how far the next and the last one are, (m, h) each.

    Periods away are told as log(1 + periods), a window of half a year at most.
    """
    T, h, m = origin.days.size, origin.horizon, origin.hierarchy.n_leaves
    level = len(origin.hierarchy.levels) - 1
    dates = pd.DatetimeIndex(origin.days.append(origin.future))
    found = {name: np.zeros((m, h)) for name in ("holiday", "to a holiday", "since a holiday")}
    for rows, terms in calendar.terms(level, dates, origin.days[-1]):
        named = [k for k, kind in enumerate(terms.kind) if kind.startswith("holiday")]
        daily = [k for k in named if terms.key[k].endswith("|+0")]
        on = (terms.values[:, daily or named] != 0).any(axis=1)
        since = _periods_since(on)[T:]
        to = _periods_since(on[::-1])[::-1][T:]
        for name, values in zip(found, (on[T:], np.log1p(to), np.log1p(since)), strict=True):
            found[name][rows] = values
    return found


def _periods_since(on: Mask) -> Array:
    """Count the periods since the last one that is on, (T,), as many as there are before any."""
    at = np.arange(on.size)
    last = np.maximum.accumulate(np.where(on, at, -1))
    return np.where(last >= 0, at - last, on.size).astype(np.float64)


def date_clues(origin: Origin) -> dict[str, Array]:
    """Describe each date ahead, (h,): its step, and by the rhythm its weekday and day of the month, or its month.

    Days and weeks are not told their month: it would name the few origins, and what all leaves missed there.
    """
    dates = pd.DatetimeIndex(origin.future)
    found = {"step": np.arange(origin.horizon, dtype=np.float64)}
    if origin.cycles.frequency == "D":
        found["weekday"] = dates.dayofweek.to_numpy(dtype=np.float64)
        found["day of the month"] = dates.day.to_numpy(dtype=np.float64)
    if origin.cycles.frequency in ("M", "Q"):
        found["month"] = dates.month.to_numpy(dtype=np.float64)
    return found
