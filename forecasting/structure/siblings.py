"""Siblings: the leaves that a young leaf is forecast by."""

import numpy as np
from numpy.typing import NDArray

from forecasting.structure.hierarchy import Hierarchy

# Siblings are leaves of one node with at least so many leaves on average.
SIBLINGS_MIN = 5
# Keys that say what kind of goods a leaf is, the finer one first.
KIND_KEYS = ("category", "department")


def sibling_group(hierarchy: Hierarchy) -> NDArray[np.int64]:
    """Return the number of each leaf's siblings, (m,): its category if a level has it, else its department, else any.

    Of several such levels the finest with SIBLINGS_MIN leaves a node; all leaves are siblings where there is none.
    """
    best: tuple[int, int] | None = None
    group = np.zeros(hierarchy.n_leaves, dtype=np.int64)
    for level, keys in enumerate(hierarchy.levels[:-1]):
        nodes = hierarchy.rows(level).size
        if hierarchy.n_leaves < SIBLINGS_MIN * nodes:
            continue
        named = [rank for rank, key in enumerate(KIND_KEYS) if key in keys]
        rank = (min(named, default=len(KIND_KEYS)), -nodes)
        if best is None or rank < best:
            best, group = rank, hierarchy.groups(level)
    return group
