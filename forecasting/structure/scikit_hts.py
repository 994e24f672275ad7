"""The one door to scikit-hts: its `nodes` dict and wide frame are accepted, through its own HierarchyTree.

The last release (0.5.12, 2021) imports `collections.Iterable`, gone since Python 3.10, so it is imported under an alias
that is taken back at once. Its regressor gives wrong numbers on most trees and is not used (docs/decisions/020).
"""

import collections
import collections.abc
import importlib
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.quiet_prophet import quiet_prophet
from forecasting.structure.hierarchy import Hierarchy, build_hierarchy
from stocktide.foundation.errors import Invalid

_ROOT = "total"
# A column of sums may differ from its children by rounding, relative to the largest value.
SUM_TOLERANCE = 1e-6


@contextmanager
def _aliases() -> Iterator[None]:
    """Add the two names that scikit-hts misses, and remove them again."""
    lent = [name for name in ("Iterable", "Mapping", "Sequence") if not hasattr(collections, name)]
    for name in lent:
        setattr(collections, name, getattr(collections.abc, name))
    had = sys.modules.get("fbprophet")
    with quiet_prophet():
        sys.modules["fbprophet"] = importlib.import_module("prophet")
    try:
        yield
    finally:
        for name in lent:
            delattr(collections, name)
        if had is None:
            del sys.modules["fbprophet"]
        else:
            sys.modules["fbprophet"] = had


def import_hts(name: str = "hts") -> ModuleType:
    """Import scikit-hts or one of its modules, e.g. "hts.revision", on a Python that it does not know."""
    with _aliases(), warnings.catch_warnings():
        # Syntax and API warnings of a library that will not be released again; ours are not in this block.
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


def from_nodes(
    nodes: Mapping[str, Sequence[str]], wide: pd.DataFrame
) -> tuple[Hierarchy, NDArray[np.float64]]:
    """Read scikit-hts's `nodes` dict and wide frame (a date per row, a column per node).

    Returns the hierarchy (levels by depth, unique_id = scikit-hts's key; a leaf above the lowest depth is in each
    deeper level, too) and Y of shape (n_nodes, n_dates), float64. Raises Invalid: `nodes_root` (no "total"),
    `nodes_missing` (a node without column), `nodes_cycle` (a node met twice), `nodes_sum` (a column that is not the sum
    of its leaves).
    """
    _check_nodes(nodes, wide)
    tree = import_hts("hts.hierarchy").HierarchyTree.from_nodes(nodes=dict(nodes), df=wide)
    paths = _paths(tree)
    depth = max(len(path) for path in paths)
    keys = [f"depth_{level}" for level in range(1, depth)]
    leaves = pd.DataFrame(
        [path[1:] + [path[-1]] * (depth - len(path)) for path in paths], columns=keys
    )
    hierarchy = build_hierarchy([[], *([key] for key in keys)], leaves)
    Y = hierarchy.sum_leaves(wide[leaves[keys[-1]].iloc[hierarchy.leaf_rows]].to_numpy(float).T)
    _check_sums(hierarchy, Y, wide)
    return hierarchy, Y


def _check_nodes(nodes: Mapping[str, Sequence[str]], wide: pd.DataFrame) -> None:
    if not nodes.get(_ROOT):
        raise Invalid("nodes_root", f"The root of `nodes` is named {_ROOT!r} and has children.")
    children = [child for listed in nodes.values() for child in listed]
    twice = sorted({child for child in children if children.count(child) > 1 or child == _ROOT})
    if twice:
        raise Invalid(
            "nodes_cycle", f"A node has one parent; {twice[0]!r} has more, or is the root."
        )
    lost = sorted(set(nodes) - set(children) - {_ROOT})
    if lost:
        raise Invalid("nodes_missing", f"No node names {lost[0]!r} as its child.")
    absent = sorted({_ROOT, *children} - set(wide.columns))
    if absent:
        raise Invalid("nodes_missing", f"The wide frame has no column {absent[0]!r}.")


def _paths(tree: object) -> list[list[str]]:
    """List the keys from the root to each leaf."""
    found: list[list[str]] = []
    open_paths: list[tuple[object, list[str]]] = [(tree, [])]
    while open_paths:
        node, above = open_paths.pop()
        path = [*above, str(node.key)]  # type: ignore[attr-defined]  # scikit-hts has no types
        below = list(node.children)  # type: ignore[attr-defined]  # the same
        open_paths.extend((child, path) for child in below)
        if not below:
            found.append(path)
    return found


def _check_sums(hierarchy: Hierarchy, Y: NDArray[np.float64], wide: pd.DataFrame) -> None:
    given = wide[list(hierarchy.nodes["unique_id"])].to_numpy(float).T
    apart = np.abs(given - Y).max(axis=1) > SUM_TOLERANCE * max(1.0, float(np.abs(Y).max()))
    if apart.any():
        name = hierarchy.nodes["unique_id"].iloc[int(np.argmax(apart))]
        raise Invalid("nodes_sum", f"Column {name!r} is not the sum of its leaves.")
