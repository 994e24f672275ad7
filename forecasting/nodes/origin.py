"""One origin: everything that is known at one cutoff, and nothing that came later."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.choosing.scores import recent_weight
from forecasting.intervals.stretch import ERROR_DAYS, error_shape
from forecasting.nodes.closures import closed_days, country_holidays
from forecasting.nodes.demand import Demand
from forecasting.nodes.demand_class import demand_classes
from forecasting.nodes.lifecycle import discontinued
from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.shares import probable_stockouts

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Origin:
    """What is known on the last of T days about n nodes and m leaves, and the h days that are asked for.

    days: (T,). units: (m, T) sold. empty: (m, T), shelf empty for a time. open_leaves: (m, T + h), False where a leaf's
    location is closed. holiday_names: name by date, history and horizon.
    """

    hierarchy: Hierarchy
    days: pd.DatetimeIndex
    horizon: int
    units: Array
    empty: Mask
    open_leaves: Mask
    holiday_names: pd.Series

    @property
    def cutoff(self) -> date:
        """Last day that is known."""
        cutoff: date = self.days[-1].date()
        return cutoff

    @property
    def future(self) -> pd.DatetimeIndex:
        """The days that are asked for, (h,)."""
        return pd.date_range(self.days[-1] + pd.Timedelta(days=1), periods=self.horizon, freq="D")

    @cached_property
    def history(self) -> Array:
        """What each node sold, (n, T)."""
        return self.hierarchy.sum_leaves(self.units)

    @cached_property
    def is_open(self) -> Mask:
        """Tell on which days some leaf of each node is open, (n, T + h)."""
        opened: Mask = self.hierarchy.S @ self.open_leaves.astype(np.float64) > 0
        return opened

    @cached_property
    def observed_leaves(self) -> Mask:
        """Tell on which days what a leaf sold says something of what was wanted, (m, T).

        Started, open, and not without a sale on an empty shelf.
        """
        started = np.maximum.accumulate(self.units > 0, axis=1)
        hidden = self.empty & (self.units == 0)
        observed: Mask = started & self.open_leaves[:, : self.days.size] & ~hidden
        return observed

    @cached_property
    def cut_leaves(self) -> Mask:
        """Tell on which days a leaf sold until its shelf was empty, (m, T): at least so much was wanted."""
        return self.empty & (self.units > 0)

    @cached_property
    def observed_shares(self) -> Mask:
        """The same for shares, (m, T): without probable stock-outs that no count of the shelf told."""
        return self.observed_leaves & ~probable_stockouts(self.units)

    @cached_property
    def Y(self) -> Array:
        """What each node sold, (n, T), NaN on days that say nothing."""
        known = np.maximum.accumulate(self.history > 0, axis=1)
        known &= self.is_open[:, : self.days.size]
        known[-self.hierarchy.n_leaves :] = self.observed_leaves
        return np.where(known, self.history, np.nan)

    @cached_property
    def ended(self) -> Mask:
        """Tell which leaves are no longer sold, (m,)."""
        return discontinued(self.units, self.empty)

    @cached_property
    def weekly_shape(self) -> Array:
        """Error quantiles of a forecast by the day a week before, (n, q)."""
        Y = self.Y[:, -ERROR_DAYS - 7 :]
        if Y.shape[1] <= 7:
            return error_shape(Y, np.full_like(Y, np.nan))
        return error_shape(Y[:, 7:], Y[:, :-7])

    @cached_property
    def classes(self) -> NDArray[np.str_]:
        """Demand class of each node, (n,)."""
        return demand_classes(self.Y)

    @cached_property
    def weight(self) -> Array:
        """Weight of each node in a score, (n,): units of its last days."""
        return recent_weight(self.history)


def origin_at(
    demand: Demand,
    hierarchy: Hierarchy,
    *,
    days_known: int,
    horizon: int,
    holidays_country: str | None = None,
) -> Origin:
    """Take the first `days_known` days of the demand; later ones are not looked at.

    Raises Invalid (`country_unknown`).
    """
    assert 0 < days_known <= demand.days.size
    days = demand.days[:days_known]
    units = demand.units[hierarchy.leaf_rows, :days_known]
    last_year = (days[-1] + pd.Timedelta(days=horizon)).year
    names = country_holidays(holidays_country, range(days[0].year, last_year + 1))
    group = _location(demand, hierarchy)
    sold = np.zeros((int(group.max()) + 1, days.size))
    np.add.at(sold, group, units)
    closed = closed_days(sold, days, horizon=horizon, holiday_names=names)
    return Origin(
        hierarchy=hierarchy,
        days=days,
        horizon=horizon,
        units=units,
        empty=demand.empty[hierarchy.leaf_rows, :days_known],
        open_leaves=~closed[group],
        holiday_names=names,
    )


def _location(demand: Demand, hierarchy: Hierarchy) -> NDArray[np.int64]:
    """Number the location of each leaf, (m,); without locations the chain is one."""
    if "location" not in demand.leaves:
        return np.zeros(hierarchy.n_leaves, dtype=np.int64)
    codes = pd.factorize(demand.leaves["location"].iloc[hierarchy.leaf_rows])[0]
    return np.asarray(codes, dtype=np.int64)


def days_known_at(n_days: int, horizon: int, origins: int, *, least: int) -> list[int]:
    """List how many days each rolling origin knows, oldest first, the last one `horizon` before the end.

    Origins with fewer than `least` days are left out.
    """
    known = [n_days - back * horizon for back in range(origins, 0, -1)]
    return [days for days in known if days >= least]
