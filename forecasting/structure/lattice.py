"""Levels above each other: where levels cross, a node has several nearest parents."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forecasting.structure.hierarchy import Hierarchy

Rows = NDArray[np.int64]


def nearest_above(hierarchy: Hierarchy, level: int, among: Sequence[int]) -> tuple[int, ...]:
    """Return the levels of `among` that `level` refines, without those that another of them refines."""
    above = [p for p in among if p < level and hierarchy.refines(level, p)]
    return tuple(
        p for p in above if not any(q != p and q > p and hierarchy.refines(q, p) for q in above)
    )


def apart_from(hierarchy: Hierarchy, level: int, parent: int, among: Sequence[int]) -> int | None:
    """Return the coarsest level of `among` above `level` that adds information to `parent`; None if there is none."""
    for other in among:
        if (
            other < level
            and hierarchy.refines(level, other)
            and not hierarchy.refines(parent, other)
        ):
            return other
    return None


def parent_rows(hierarchy: Hierarchy, level: int, coarse: int) -> Rows:
    """Return the position in level `coarse` of each node of `level`, which refines it."""
    _, first = np.unique(hierarchy.groups(level), return_index=True)
    return np.asarray(hierarchy.groups(coarse)[first], dtype=np.int64)
