"""Known-ahead facts of a chain: events, prices, promotions and closures, each with the day from which it was known.

m leaves, T periods of history, H periods of future that are told of. All arrays run over the T + H periods.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.nodes.plans import Periods, Spans, planned

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Columns of an events frame beside the keys that limit it: name, its day, the days around it, the day it became known.
EVENT_COLUMNS = ("name", "day", "days_before", "days_after", "recorded")
# Means of many days of ones are one but for rounding.
WHOLE = 1.0 - 1e-9


@dataclass(frozen=True)
class Plans:
    """Plans of a regressor with every change of mind, so that any earlier knowledge of them can be told exactly.

    layers: laid over each other in this order; their rows are groups of leaves that share all plans. group: (m,) row of
    each leaf. periods: all T + H. rest: (rows, T) float32, what holds after each period where nothing is planned, such
    as the price that was last asked (None: 0).
    """

    layers: tuple[Spans, ...]
    group: NDArray[np.int64]
    periods: Periods
    rest: NDArray[np.float32] | None = None

    def after(self, periods_known: int) -> Array:
        """Return what was planned for the later periods, (m, T + H - periods_known), as it was known then."""
        level = self._nothing()
        if self.rest is not None and periods_known > 0:
            level = self.rest[:, min(periods_known, self.rest.shape[1]) - 1].astype(np.float64)
        return self._planned(level, periods_known, periods_known)

    def whole(self, periods_known: int) -> Array:
        """Return what is planned for all periods, (m, T + H), as it is known after so many; 0 where nothing is."""
        return self._planned(self._nothing(), 0, periods_known)

    def _nothing(self) -> Array:
        return np.zeros(int(self.group.max(initial=-1)) + 1)

    def _planned(self, level: Array, start: int, periods_known: int) -> Array:
        rows = planned(level, self.layers, self.periods, start=start, periods_known=periods_known)
        one_by_one = rows.shape[0] == self.group.size and (np.diff(self.group) == 1).all()
        return rows if one_by_one else rows[self.group]


@dataclass(frozen=True)
class PlannedRegressor:
    """One thing that is planned for leaves.

    values: (m, T + H), 0 where nothing is planned: a promotion is 1 or its share of the period, a price is
    log(price / usual price). recorded: (m, T + H) position of the last period before which the value was not known
    (None: always known). A future value is used at a cutoff only if it was recorded by then. plans: what was planned,
    also what was changed since or came out otherwise; with it, `at` gives the plans of that time.
    """

    values: Array
    recorded: NDArray[np.int64] | None = None
    plans: Plans | None = None

    def at(self, periods_known: int) -> Array:
        """Return the values as they were known after so many periods: later plans count as no plan."""
        if self.plans is not None:
            ahead = self.plans.after(periods_known)
            return np.concatenate([self.values[:, :periods_known], ahead], axis=1)
        if self.recorded is None:
            return self.values
        ahead_of = np.arange(self.values.shape[1]) >= periods_known
        unknown = ahead_of[None, :] & (self.recorded >= periods_known)
        return np.where(unknown, 0.0, self.values)


@dataclass(frozen=True)
class KnownAhead:
    """events: EVENT_COLUMNS and a column per key that limits them (missing: everywhere), dates as Timestamps.

    regressors: by name. closed: (m, T + H), True where a leaf is known to be shut in the whole period. countries: (m,)
    ISO code of each leaf's location, "" for none. ended_events: events that were changed or taken back, with the day of
    it in a column `withdrawn`. closures: share of each period that a leaf is shut, with every change of mind.
    leaf_keys: (m rows) all keys of each leaf as far as they are known, for matching with what limits an event.
    """

    events: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=[*EVENT_COLUMNS]))
    regressors: Mapping[str, PlannedRegressor] = field(default_factory=dict)
    closed: Mask | None = None
    countries: NDArray[np.str_] | None = None
    ended_events: pd.DataFrame | None = None
    closures: PlannedRegressor | None = None
    leaf_keys: pd.DataFrame | None = None

    def events_at(self, cutoff: pd.Timestamp) -> pd.DataFrame:
        """Return the events as they were known at the end of a day; one without `recorded` was always known."""
        recorded = self.events["recorded"]
        events = self.events[recorded.isna() | (recorded <= cutoff)]
        if self.ended_events is None or self.ended_events.empty:
            return events
        ended = self.ended_events
        then = ended[(ended["recorded"] <= cutoff) & (cutoff < ended["withdrawn"])]
        then = then.drop(columns="withdrawn")
        return pd.concat([events, then], ignore_index=True) if len(events) else then

    def closed_at(self, periods_known: int) -> Mask | None:
        """Return `closed` as it was known after so many periods."""
        if self.closures is None:
            return self.closed
        return np.asarray(self.closures.at(periods_known) >= WHOLE)

    def fingerprint(self) -> str:
        """Hash all that is known, so that work on other plans is never taken up."""
        digest = hashlib.sha256()
        for frame in (self.events, self.ended_events):
            if frame is not None:
                digest.update(frame.to_csv(index=False).encode())
        for name, regressor in sorted(self.regressors.items()):
            digest.update(name.encode() + np.ascontiguousarray(regressor.values).tobytes())
        for array in (self.closed, self.countries):
            if array is not None:
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


NOTHING = KnownAhead()
