"""One shop's food of M5 for replays, and forecasts of a year as they would have been made. No benchmark itself."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks._m5 import FIRST_DATE
from forecasting import (
    Demand,
    ForecastSpec,
    Rolled,
    build_hierarchy,
    demand_of,
    from_long,
    rolling_forecasts,
    sample_paths,
)
from forecasting.frames.frequency import grid_of
from forecasting.frames.period_demand import in_periods
from forecasting.nodes.demand import with_probable_stock_outs
from replenishment import Outlook

Array = NDArray[np.float64]

FILE = "foods3_tx3_d1_d1913.parquet"
# As far as a run on the lake looks back.
HISTORY_DAYS = 1460
PATHS = 200
WEEK = 7


def read_shop(file: Path) -> tuple[pd.Series, Array]:
    """Read the shop: its items, and units by day, (T, n)."""
    wide = pd.read_parquet(file)
    items = wide["id"].str.extract(r"^([A-Z]+_\d_\d+)")[0]
    return items, wide.filter(like="d_").to_numpy(np.float64).T


def demand_of_shop(items: pd.Series, units: Array) -> Demand:
    """Return the demand of all days, (T, n)."""
    days = pd.date_range(FIRST_DATE, periods=len(units))
    ids = items.to_numpy(dtype=object)
    frame = pd.DataFrame(
        {"unique_id": ids.repeat(days.size), "ds": np.tile(days, ids.size), "y": units.T.ravel()}
    )
    return demand_of(from_long(frame), pd.DataFrame({"unique_id": ids, "product": ids}))


def weekly(seen: Demand) -> Demand:
    """Sum days to weeks that end with the last day, as a weekly run does; weeks with a stock-out are marked."""
    whole = seen.days.size // WEEK * WEEK
    last = with_probable_stock_outs(seen)
    cut = {name: getattr(last, name)[:, -whole:] for name in ("units", "empty")}
    days = last.days[-whole:]
    kept = replace(last, days=days, **cut)
    return in_periods(kept, grid_of(days[::WEEK], "W"), dated=np.ones(whole, dtype=np.bool_))


class Forecasts:
    """Outlooks, origin by origin, made once; kept in a folder, if there is one, for another run.

    seconds: that forecasting took, of what was made and of what was kept.
    """

    def __init__(
        self,
        name: str,
        demand: Demand,
        spec: ForecastSpec,
        first: int,
        keep: Path | None,
        *,
        step: int = WEEK,
    ) -> None:
        self.name, self.demand, self.spec, self.first, self.keep = name, demand, spec, first, keep
        self.step = step
        self.seconds = 0.0
        self.count = (demand.days.size - first) // step
        by_day = demand.frequency == "D"
        summed = by_day and spec.frequency == "W"
        self.every = 1 if summed else step
        self.seen_as: Callable[[Demand], Demand] = weekly if summed else _as_it_is
        self.history = HISTORY_DAYS if by_day else None

    def outlooks(self, tell: Callable[[str], None]) -> Iterator[Outlook]:
        """Yield the outlook of each origin, (n, paths, periods); periods count from `first` in the spec's rhythm."""
        made = None if self._all_kept() else self._made(tell)
        for number in range(self.count):
            values = self._kept(number) if made is None else next(made)
            yield Outlook(number * self.every, values)

    def _made(self, tell: Callable[[str], None]) -> Iterator[NDArray[np.int16]]:
        hierarchy = build_hierarchy(self.spec.levels, self.demand.leaves)
        rolled = rolling_forecasts(
            self.demand,
            hierarchy,
            self.spec,
            first=self.first,
            step=self.step,
            history=self.history,
            seen_as=self.seen_as,
        )
        for number, one in zip(range(self.count), rolled, strict=False):
            values, seconds = self._drawn(one)
            self.seconds += seconds
            tell(f"{self.name}: origin {number + 1} of {self.count}, {seconds:.1f} s")
            self._write(number, values, seconds)
            yield values

    def _drawn(self, one: Rolled) -> tuple[NDArray[np.int16], float]:
        started = time.perf_counter()
        paths = sample_paths(one.made, one.days, count=PATHS)
        keys = list(paths.leaves.columns)
        drawn, wanted = (
            pd.MultiIndex.from_frame(one[keys]) for one in (paths.leaves, self.demand.leaves)
        )
        order = drawn.get_indexer(wanted)
        units = np.rint(paths.values[:, order]).astype(np.int16).transpose(1, 0, 2)
        return units, one.seconds + time.perf_counter() - started

    def _file(self, number: int) -> Path | None:
        return None if self.keep is None else self.keep / f"{self.name}-{number:02d}.npy"

    def _all_kept(self) -> bool:
        files = [self._file(number) for number in range(self.count)]
        return all(file is not None and file.exists() for file in files)

    def _kept(self, number: int) -> NDArray[np.int16]:
        file = self._file(number)
        assert file is not None
        self.seconds += json.loads(file.with_suffix(".json").read_text())["seconds"]
        values: NDArray[Any] = np.load(file)
        return _period_major(values[:, :PATHS])

    def _write(self, number: int, values: NDArray[np.int16], seconds: float) -> None:
        file = self._file(number)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.with_suffix(".json").write_text(json.dumps({"seconds": seconds}))
            # last: an origin is kept when all of it is
            np.save(file, values)


def _as_it_is(seen: Demand) -> Demand:
    return seen


def _period_major(values: NDArray[Any]) -> NDArray[Any]:
    """Lay paths (n, B, T) out period by period, as a walk reads them."""
    return np.ascontiguousarray(values.transpose(2, 0, 1)).transpose(1, 2, 0)
