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
LEVELS = ((), ("product",))
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
    """Outlooks of a year, week by week, made once; kept in a folder, if there is one, for another run.

    seconds: that forecasting took, of what was made and of what was kept.
    """

    def __init__(
        self, name: str, demand: Demand, spec: ForecastSpec, first: int, keep: Path | None
    ) -> None:
        self.name, self.demand, self.spec, self.first, self.keep = name, demand, spec, first, keep
        self.seconds = 0.0
        self.weeks = (demand.days.size - first) // WEEK
        self.seen_as: Callable[[Demand], Demand] = weekly if spec.frequency == "W" else _as_it_is

    def outlooks(self, tell: Callable[[str], None]) -> Iterator[Outlook]:
        """Yield the outlook of each week, (n, paths, periods); its period counts from `first` in the spec's rhythm."""
        made = None if self._all_kept() else self._made(tell)
        for week in range(self.weeks):
            values, before = self._kept(week) if made is None else next(made)
            period = week * (1 if self.spec.frequency == "W" else WEEK)
            yield Outlook(period, values, before=before)

    def _made(self, tell: Callable[[str], None]) -> Iterator[tuple[NDArray[np.int16], Array]]:
        hierarchy = build_hierarchy(LEVELS, self.demand.leaves)
        rolled = rolling_forecasts(
            self.demand,
            hierarchy,
            self.spec,
            first=self.first,
            history=HISTORY_DAYS,
            seen_as=self.seen_as,
        )
        for week, one in zip(range(self.weeks), rolled, strict=False):
            values, before, seconds = self._drawn(one)
            self.seconds += seconds
            tell(f"{self.name}: week {week + 1} of {self.weeks}, {seconds:.1f} s")
            self._write(week, values, before, seconds)
            yield values, before

    def _drawn(self, one: Rolled) -> tuple[NDArray[np.int16], Array, float]:
        started = time.perf_counter()
        paths = sample_paths(one.made, one.days, count=PATHS)
        order = pd.Index(paths.leaves["product"]).get_indexer(self.demand.leaves["product"])
        units = np.rint(paths.values[:, order]).astype(np.int16).transpose(1, 0, 2)
        before = one.made.past.expected[order].T
        return units, before, one.seconds + time.perf_counter() - started

    def _file(self, week: int) -> Path | None:
        return None if self.keep is None else self.keep / f"{self.name}-{week:02d}.npy"

    def _all_kept(self) -> bool:
        files = [self._file(week) for week in range(self.weeks)]
        return all(file is not None and _past_of(file).exists() for file in files)

    def _kept(self, week: int) -> tuple[NDArray[np.int16], Array]:
        file = self._file(week)
        assert file is not None
        self.seconds += json.loads(file.with_suffix(".json").read_text())["seconds"]
        values: NDArray[Any] = np.load(file)
        return _period_major(values[:, :PATHS]), np.load(_past_of(file)).astype(np.float64)

    def _write(self, week: int, values: NDArray[np.int16], before: Array, seconds: float) -> None:
        file = self._file(week)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            np.save(file, values)
            file.with_suffix(".json").write_text(json.dumps({"seconds": seconds}))
            # last: a week is kept when all of it is
            np.save(_past_of(file), before.astype(np.float32))


def _past_of(file: Path) -> Path:
    return file.with_name(f"{file.stem}-past.npy")


def _as_it_is(seen: Demand) -> Demand:
    return seen


def _period_major(values: NDArray[Any]) -> NDArray[Any]:
    """Lay paths (n, B, T) out period by period, as a walk reads them."""
    return np.ascontiguousarray(values.transpose(2, 0, 1)).transpose(1, 2, 0)
