"""What orders know that their forecast does not: the sales after it was made, beside what it expects of these days.

Forecasting knows what was to be expected and what was sold, replenishment what follows of both. `stocktide replay`
moves its paths by the same functions.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from forecasting.intervals.joint_draw import Paths
from forecasting.lake_recent import read_since
from forecasting.lake_unusual import read_unusual_days
from forecasting.nodes.demand import Demand
from forecasting.not_final import read_not_final
from forecasting.past_store import read_past
from forecasting.path_store import PathLineage
from replenishment import Told, completed_demand, level_since, moved_paths
from stocktide.foundation.lake import Lake

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Recent:
    """What all locations share. since: sales after the forecast's cutoff. not_final: days that may still change."""

    lake: Lake
    run: int
    season: int
    since: Demand | None
    not_final: frozenset[date]


@dataclass(frozen=True)
class Lately:
    """The last periods of k products, oldest first. sold: (T, k) units. expected: (T, k), NaN where nothing is known.

    passed: the periods after the forecast was made. level: what these say.
    """

    sold: Array
    expected: Array
    passed: int
    level: Told

    @property
    def told(self) -> NDArray[np.bool_]:
        """Return which periods count, (passed, k)."""
        return np.isfinite(self.expected[len(self.expected) - self.passed :])

    @property
    def factor(self) -> Array:
        """Return the factor of each product's paths, (k,); 1 where nothing came since."""
        return np.where(self.told.any(axis=0), self.level.factor, 1.0)


def read_recent(engine: sa.Engine, lake: Lake, lineage: PathLineage, *, now: datetime) -> Recent:
    """Read what was sold since the forecast was made, as far as it is over at `now` (aware), and days not final."""
    cutoff = date.fromisoformat(lineage.cutoff)
    since = read_since(
        lake,
        cutoff,
        now=now,
        frequency=lineage.frequency,  # type: ignore[arg-type]  # of the forecast that was made
        unusual=read_unusual_days(engine, at=now),
    )
    late = read_not_final(engine, cutoff=now.date(), now=now)
    return Recent(
        lake,
        lineage.forecast_run_id,
        7 if lineage.frequency == "D" else 1,
        since,
        frozenset(date.fromisoformat(one["day"]) for one in late),
    )


def lately_of(recent: Recent, location: str | None, paths: Paths) -> Lately | None:
    """Return the last periods of one location's products, as `paths` name them; None where the run kept no past."""
    found = read_past(recent.lake, recent.run, location=location)
    if found is None:
        return None
    keys, past = found
    rows = pd.Index(keys["product"]).get_indexer(paths.leaves["product"].astype(str))
    there = rows >= 0
    k, S = rows.size, past.days.size
    passed, since = _since(recent, location, paths)
    sold, empty = np.zeros((S + passed, k)), np.zeros((S + passed, k), dtype=np.bool_)
    expected = np.full((S + passed, k), np.nan)
    sold[:S, there], empty[:S, there] = past.sold[rows[there]].T, past.empty[rows[there]].T
    expected[:S, there] = past.expected[rows[there]].T
    if since is not None:
        sold[S:], empty[S:], told = since
        said = paths.values[:, :, :passed].mean(axis=0, dtype=np.float64).T
        # of what the forecast could not speak of it says nothing on the next day either
        told &= np.isfinite(expected[:S]).any(axis=0)
        expected[S:] = np.where(told, said, np.nan)
    expected[_not_final(recent, past.days)[: S + passed]] = np.nan
    made, season = completed_demand(sold, empty, season=recent.season), recent.season
    return Lately(made, expected, passed, level_since(sold, expected, passed, season=season))


def moved(paths: Paths, lately: Lately) -> NDArray[np.float32]:
    """Return the paths (B, k, h) at the level of now; a product's paths that are not moved stay to the last bit."""
    values, factor = paths.values, lately.factor
    out = values.copy()
    whole = (values == np.rint(values)).all(axis=(0, 2))
    for kind in (True, False):
        rows = np.flatnonzero((whole == kind) & (factor != 1.0))
        if rows.size:
            of = values[:, rows].transpose(1, 0, 2)
            out[:, rows] = moved_paths(of, factor[rows], whole=kind).transpose(1, 0, 2)
    return out


def told_of(paths: Paths, lately: Lately) -> dict[str, dict[str, Any]]:
    """Return what moved the paths of each product, as plain values; `replenishment.level_from` computes it again."""
    factor, at = lately.factor, lately.told
    since = slice(len(lately.sold) - lately.passed, None)
    units = np.where(at, lately.sold[since], 0.0).sum(axis=0)
    said = np.where(at, lately.expected[since], 0.0).sum(axis=0)
    names = paths.leaves["product"].astype(str).tolist()
    return {
        names[row]: {
            "factor": float(factor[row]),
            "periods": int(at[:, row].sum()),
            "units": float(units[row]),
            "units_expected": float(said[row]),
            **{name: float(of[row]) for name, of in lately.level._asdict().items()},
        }
        for row in np.flatnonzero(at.any(axis=0)).tolist()
    }


def _since(
    recent: Recent, location: str | None, paths: Paths
) -> tuple[int, tuple[Array, NDArray[np.bool_], NDArray[np.bool_]] | None]:
    """Return how many periods of the paths are over, and their sales, empty shelves and what is told, (passed, k)."""
    demand = recent.since
    if demand is None:
        return 0, None
    passed = min(demand.days.size, len(paths.days))
    here = np.ones(len(demand.leaves), dtype=np.bool_)
    if location is not None:
        here = np.asarray(demand.leaves["location"] == location)
    at = np.flatnonzero(here)
    rows = pd.Index(demand.leaves["product"].iloc[at]).get_indexer(
        paths.leaves["product"].astype(str)
    )
    there, k = rows >= 0, rows.size
    units = np.zeros((passed, k))
    empty, told = np.zeros((passed, k), dtype=np.bool_), np.zeros((passed, k), dtype=np.bool_)
    units[:, there] = demand.units[at[rows[there]], :passed].T
    empty[:, there] = demand.empty[at[rows[there]], :passed].T
    told[:, there] = ~empty[:, there]
    # a product that sold nothing for weeks is not there: its shelf may have been empty all the time
    return passed, (units, empty, told)


def _not_final(recent: Recent, days: pd.DatetimeIndex) -> NDArray[np.bool_]:
    """Return which of the last periods may still change; of weeks and months the last one, if any day may."""
    if recent.since is not None:
        days = pd.DatetimeIndex(days.append(recent.since.days))
    if recent.season > 1:
        return np.asarray(days.isin(pd.DatetimeIndex(sorted(recent.not_final))))
    late = np.zeros(days.size, dtype=np.bool_)
    late[-1:] = bool(recent.not_final)
    return late
