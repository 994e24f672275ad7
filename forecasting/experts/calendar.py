"""The calendar of a chain: which holidays and events reach which nodes, and their columns, built once a run.

m leaves, n nodes, S scopes. A scope is a set of leaves that something holds for: a country, or what an event is limited
to. Nodes that touch the same scopes share their columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.experts.rhythm import Rhythm
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
    """scopes: all of the chain. dates: (T + h,) of the whole run; an origin sees the first of them."""

    hierarchy: Hierarchy
    rhythm: Rhythm
    dates: pd.DatetimeIndex
    events: pd.DataFrame
    scopes: tuple[Scope, ...]
    _built: dict[tuple[object, ...], Terms] = field(default_factory=dict, repr=False)

    def terms(
        self, level: int, dates: pd.DatetimeIndex, known: pd.Timestamp
    ) -> list[tuple[Rows, Terms]]:
        """Return rows of a level and the terms that they share, over consecutive dates of the run.

        known: events that were recorded after this day are left out.
        """
        touched = self._touched(level)
        found = []
        for signature in np.unique(touched, axis=0):
            rows = np.flatnonzero((touched == signature).all(axis=1))
            found.append((rows, self._terms(tuple(np.flatnonzero(signature)), dates, known)))
        return found

    def plain(self, dates: pd.DatetimeIndex) -> Terms:
        """Return the terms of no scope at all, over consecutive dates of the run."""
        return self._terms((), dates, self.dates[-1])

    def _touched(self, level: int) -> Mask:
        rows = self.hierarchy.rows(level)
        if not self.scopes:
            return np.zeros((rows.size, 0), dtype=np.bool_)
        inside = np.stack([scope.leaves for scope in self.scopes], axis=1).astype(np.float64)
        return np.asarray(self.hierarchy.S[rows] @ inside > 0)

    def _terms(
        self, scopes: tuple[int, ...], dates: pd.DatetimeIndex, known: pd.Timestamp
    ) -> Terms:
        rows = [row for scope in scopes for row in self.scopes[scope].events]
        events = self.events.iloc[rows]
        events = events[events["recorded"].isna() | (events["recorded"] <= known)]
        key = (scopes, tuple(events.index))
        if key not in self._built:
            countries = sorted({c for scope in scopes if (c := self.scopes[scope].country)})
            self._built[key] = build_terms(
                self.rhythm, self.dates, countries=countries, events=events
            )
        first = int(self.dates.get_indexer(dates[:1])[0])
        return self._built[key].part(first, len(dates))


def make_calendar(
    hierarchy: Hierarchy,
    leaves: pd.DataFrame,
    rhythm: Rhythm,
    dates: pd.DatetimeIndex,
    ahead: KnownAhead,
    *,
    country: str | None = None,
) -> Calendar:
    """Make the calendar of a chain over all dates of a run (history and horizon).

    leaves: a row per leaf in the hierarchy's order, with the keys that limit events. country: of leaves that name none.
    """
    events = ahead.events.reset_index(drop=True)
    scopes = [*_countries(len(leaves), ahead, country), *_event_scopes(events, leaves)]
    return Calendar(hierarchy, rhythm, dates, events, tuple(scopes))


def _countries(m: int, ahead: KnownAhead, country: str | None) -> list[Scope]:
    given = np.full(m, "") if ahead.countries is None else np.asarray(ahead.countries)
    named = np.where(given == "", country or "", given)
    return [Scope(named == code, country=str(code)) for code in np.unique(named) if code]


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
