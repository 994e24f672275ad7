"""Sets of the shelf to replay policies on: promoted groceries by weeks, parts by months. No benchmark itself."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._replay_m5 import Forecasts
from benchmarks._shelf import LOADERS
from benchmarks._shelf_ours import demand_at
from benchmarks._shelf_panel import Plans, ShelfSet
from forecasting import ForecastSpec

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PolicySet:
    """One set to replay, and on which terms; all periods are those of its rhythm.

    judged: the last periods, which are played, warm_up of them not counted. year: periods of a season that repeats.
    window: of the moving average. costs: (lead time, holding a unit and period beside a shortage of 1) of least cost,
    against ordering up to lead + 2 periods of the mean of `window`. every: only each so many-th location, so that a
    year's forecasts take minutes.
    """

    name: str
    judged: int
    warm_up: int
    year: int
    window: int
    lead: int
    pack: int
    horizon: int
    costs: tuple[tuple[int, float], ...]
    every: int = 1


SETS = (
    PolicySet("breakfast_frat", 52, 4, 52, 13, 2, 6, 13, ((3, 0.1), (2, 0.2)), every=8),
    PolicySet("carparts", 24, 6, 12, 12, 2, 1, 12, ((3, 0.1), (2, 0.2))),
)


def read_set(one: PolicySet, folder: Path) -> ShelfSet:
    """Read a set, some locations of it, with plans that end with the file: nothing is promoted after it."""
    shelf = LOADERS[one.name](folder)
    rows = np.arange(len(shelf.leaves))
    if one.every > 1:
        place = shelf.leaves["location"]
        rows = np.flatnonzero(place.isin(sorted(place.unique())[:: one.every]))
    plans = None if shelf.plans is None else _plans(shelf.plans, rows, one.horizon)
    leaves = shelf.leaves.iloc[rows].reset_index(drop=True)
    return replace(shelf, leaves=leaves, Y=shelf.Y[rows], plans=plans, horizon=one.horizon)


def _plans(plans: Plans, rows: NDArray[np.int64], horizon: int) -> Plans:
    def padded(values: Array, mode: str = "constant") -> Array:
        longer: Array = np.pad(values[rows], ((0, 0), (0, horizon)), mode=mode)  # type: ignore[call-overload]  # by name
        return longer

    assert plans.price is not None
    assert plans.usual is not None
    usual = padded(plans.usual, "edge")
    price = padded(plans.price)
    price[:, -horizon:] = usual[:, -horizon:]
    flags = {name: padded(flag) for name, flag in plans.flags.items()}
    return Plans(plans.promoted[rows], flags, price, usual)


def forecasts_of(one: PolicySet, shelf: ShelfSet, keep: Path | None) -> Forecasts:
    """Return the forecasts of each judged period, made before it, in the shelf's rhythm."""
    demand = demand_at(shelf, shelf.days.size, plans=True)
    spec = ForecastSpec(
        levels=shelf.levels,
        horizon_days=one.horizon,
        frequency=shelf.frequency,
        holidays_country=shelf.country,
    )
    first = shelf.days.size - one.judged
    return Forecasts(one.name, demand, spec, first, keep, step=1)
