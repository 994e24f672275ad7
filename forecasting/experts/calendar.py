"""The calendar of a chain: which holidays and events reach which nodes, and their columns, built once a run.

m leaves, n nodes, S scopes. A scope is a set of leaves that something holds for: a country, or what an event is limited
to. Nodes that touch the same scopes share their columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.experts.cycles import Cycles
from forecasting.experts.shopping_days import has_holidays
from forecasting.experts.terms import Terms, build_terms
from forecasting.nodes.known_ahead import EVENT_COLUMNS, KnownAhead
from forecasting.structure.hierarchy import Hierarchy

Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Scope:
    """leaves: (m,), True where it holds. country: ISO code, or "". events: rows of the events frame."""

    leaves: Mask
    country: str = ""
    events: tuple[int, ...] = ()


@dataclass
class Calendar:
    """leaves: (m rows) keys that limit events, in the hierarchy's order. dates: (T + h,) of the whole run.

    country: of leaves that name none, or None.
    """

    hierarchy: Hierarchy
    cycles: Cycles
    dates: pd.DatetimeIndex
    ahead: KnownAhead
    leaves: pd.DataFrame
    country: str | None = None
    _built: dict[tuple[object, ...], Terms] = field(default_factory=dict, repr=False)
    _known: dict[pd.Timestamp, tuple[pd.DataFrame, tuple[Scope, ...]]] = field(
        default_factory=dict, repr=False
    )

    def terms(
        self, level: int, dates: pd.DatetimeIndex, known: pd.Timestamp
    ) -> list[tuple[Rows, Terms]]:
        """Return rows of a level and the terms that they share, over consecutive dates of the run.

        known: events are those that were known at the end of this day.
        """
        events, scopes = self._scopes(known)
        touched = self._touched(level, scopes)
        found = []
        for signature in np.unique(touched, axis=0):
            rows = np.flatnonzero((touched == signature).all(axis=1))
            here = [scopes[at] for at in np.flatnonzero(signature)]
            found.append((rows, self._terms(here, events, dates)))
        return found

    def plain(self, dates: pd.DatetimeIndex) -> Terms:
        """Return the terms of no scope at all, over consecutive dates of the run."""
        return self._terms([], NO_EVENTS, dates)

    def _scopes(self, known: pd.Timestamp) -> tuple[pd.DataFrame, tuple[Scope, ...]]:
        if known not in self._known:
            events = self.ahead.events_at(known).reset_index(drop=True)
            countries = _countries(self.hierarchy.leaf_rows, self.ahead, self.country)
            self._known[known] = events, (*countries, *_event_scopes(events, self.leaves))
        return self._known[known]

    def _touched(self, level: int, scopes: Sequence[Scope]) -> Mask:
        rows = self.hierarchy.rows(level)
        if not scopes:
            return np.zeros((rows.size, 0), dtype=np.bool_)
        inside = np.stack([scope.leaves for scope in scopes], axis=1).astype(np.float64)
        return np.asarray(self.hierarchy.S[rows] @ inside > 0)

    def _terms(
        self, scopes: Sequence[Scope], events: pd.DataFrame, dates: pd.DatetimeIndex
    ) -> Terms:
        here = events.iloc[[row for scope in scopes for row in scope.events]]
        countries = tuple(sorted({scope.country for scope in scopes if scope.country}))
        told = here[["name", "day", "days_before", "days_after"]]
        key = (countries, tuple(told.itertuples(index=False, name=None)))
        if key not in self._built:
            self._built[key] = build_terms(
                self.cycles, self.dates, countries=countries, events=here
            )
        first = int(self.dates.get_indexer(dates[:1])[0])
        return self._built[key].part(first, len(dates))


NO_EVENTS = pd.DataFrame(columns=[*EVENT_COLUMNS])


def make_calendar(
    hierarchy: Hierarchy,
    leaves: pd.DataFrame,
    cycles: Cycles,
    dates: pd.DatetimeIndex,
    ahead: KnownAhead,
    *,
    country: str | None = None,
) -> Calendar:
    """Build the calendar of a chain over all dates of a run (history and horizon).

    leaves: a row per leaf of the demand with its keys, `ahead.leaf_keys` where there are. country: of leaves that name
    none.
    """
    keys = (leaves if ahead.leaf_keys is None else ahead.leaf_keys).iloc[hierarchy.leaf_rows]
    return Calendar(hierarchy, cycles, dates, ahead, keys, country)


def _countries(leaf_rows: Rows, ahead: KnownAhead, country: str | None) -> list[Scope]:
    """Return a scope of each country whose holidays are known; a location's country may be any text."""
    given = np.full(leaf_rows.size, "") if ahead.countries is None else ahead.countries[leaf_rows]
    named = np.where(given == "", country or "", given)
    codes = [str(code) for code in np.unique(named) if has_holidays(str(code))]
    return [Scope(named == code, country=code) for code in codes]


def _event_scopes(events: pd.DataFrame, leaves: pd.DataFrame) -> list[Scope]:
    """Group the events by what limits them, leaving out those that reach no leaf."""
    keys = [name for name in events.columns if name not in EVENT_COLUMNS and name in leaves]
    limits = events[keys].astype(object).where(events[keys].notna(), "").astype(str).to_numpy()
    found: dict[tuple[str, ...], list[int]] = {}
    for row in range(len(events)):
        found.setdefault(tuple(limits[row]), []).append(row)
    scopes = []
    for values, rows in found.items():
        inside = _inside(leaves, keys, values)
        if inside.any():
            scopes.append(Scope(inside, events=tuple(rows)))
    return scopes


def _inside(leaves: pd.DataFrame, keys: Sequence[str], values: Sequence[str]) -> Mask:
    inside = np.ones(len(leaves), dtype=np.bool_)
    for key, value in zip(keys, values, strict=True):
        if value:
            inside &= leaves[key].astype(str).to_numpy() == value
    return inside
