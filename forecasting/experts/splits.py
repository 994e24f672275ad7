"""Experts that split a parent's forecast: by a node's recent share, by its share and its product's trend, by its week.

n nodes of a level, k of the parent's, T periods known, h ahead, s phases of the short season (1: none), B splits. A
split is learnt at each origin; the parent's forecast is put in when that is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.experts.cycles import Cycles
from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.lattice import apart_from, nearest_above, parent_rows
from forecasting.structure.splitting import (
    split_groups,
    trending_shares,
    weekday_profiles,
    weighted_shares,
)

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Splits:
    """Split of one parent. names: (B,). parent: its level. rows: (n,) of each node's parent there.

    share: (B, n), summing to 1 in each parent. profile: (n, s) around 1, of the phases that come first ahead.
    """

    names: tuple[str, ...]
    parent: int
    rows: Codes
    share: Floats
    profile: Floats

    def forecasts(self, of_parent: Array) -> Floats:
        """Split the parent's forecast (k, h): (B, n, h)."""
        horizon = of_parent.shape[1]
        phases = self.profile.shape[1]
        week = np.tile(self.profile, -(-horizon // phases))[:, :horizon].astype(np.float64)
        return np.stack(
            [
                split_groups(of_parent, self.rows, share, week).astype(np.float32)
                for share in self.share.astype(np.float64)
            ]
        )


def learn_splits(
    hierarchy: Hierarchy,
    level: int,
    among: Sequence[int],
    Y: Array,
    cycles: Cycles,
) -> tuple[Splits, ...]:
    """Learn how each nearest parent of a level is split. Y: (n, T) units of the level, NaN where unknown.

    among: the fitted levels.
    """
    known = np.isfinite(Y)
    units = np.where(known, Y, 0.0)
    found = []
    for parent in nearest_above(hierarchy, level, among):
        rows = parent_rows(hierarchy, level, parent)
        names, shares = [], []
        for half_life in cycles.share_half_lives:
            names.append(f"share of level {parent} @{half_life}")
            shares.append(weighted_shares(units, rows, known, half_life))
        kind = apart_from(hierarchy, level, parent, among)
        if kind is not None:
            names.append(f"share of level {parent} and trend of level {kind}")
            product = parent_rows(hierarchy, level, kind)
            slow, quick = cycles.share_half_lives[1], cycles.trend_half_life
            shares.append(trending_shares(units, rows, product, known, slow, quick))
        found.append(
            Splits(
                tuple(names),
                parent,
                rows,
                np.stack(shares).astype(np.float32),
                _profile(units, rows, known, cycles),
            )
        )
    return tuple(found)


def _profile(units: Array, rows: Codes, known: Mask, cycles: Cycles) -> Floats:
    """Return how each node's week differs from its parent's, (n, s), from the phase of the first period ahead."""
    n, T = units.shape
    if cycles.season == 1:
        return np.ones((n, 1), dtype=np.float32)
    # the first period ahead has phase 0
    phase = (np.arange(T) - T) % cycles.season
    return weekday_profiles(units, rows, known, phase).astype(np.float32)
