"""Nodes of a published forecast and the leaves below them, told from the keys that were published.

n nodes, m leaves, the last m of the nodes. A leaf's own node names some keys, such as product and location; the nodes
above it name more, and what those leave open follows from its product and its location.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import sparse

from forecasting.nodes.plan_leaves import SCOPE
from stocktide.domain.pools import name_for


def leaf_keys(
    nodes: pd.DataFrame, products: pd.DataFrame, locations: pd.DataFrame, n_leaves: int
) -> pd.DataFrame:
    """Return all keys of each leaf, (m rows), columns SCOPE, None where one is not known.

    nodes: (n rows) in the order of node_id, columns parent_id and SCOPE. products, locations: what follows from each.
    """
    own = nodes[[*SCOPE]].astype(object)
    found = own.iloc[-n_leaves:].reset_index(drop=True)
    above = nodes["parent_id"].iloc[-n_leaves:].to_numpy(dtype=np.float64, na_value=-1.0)
    parents = nodes["parent_id"].to_numpy(dtype=np.float64, na_value=-1.0)
    while (above >= 0).any():
        reached = own.iloc[np.maximum(above, 0).astype(np.int64)].reset_index(drop=True)
        found = found.fillna(reached.where(pd.Series(above >= 0), None))
        above = np.where(above >= 0, parents[np.maximum(above, 0).astype(np.int64)], -1.0)
    for of, known in (("product", products), ("location", locations)):
        follows = known.drop_duplicates(of).set_index(of)
        for name in (key for key in SCOPE if key in follows.columns):
            found[name] = found[name].fillna(found[of].map(follows[name]))
    grouped = {key for key in SCOPE if own[key].notna().any()}
    for key in grouped:
        # leaves without a value for a key are forecast under a name
        found[key] = found[key].fillna(name_for(key))
    return found.where(found.notna(), None)


def summing_matrix(nodes: pd.DataFrame, leaves: pd.DataFrame) -> sparse.csr_matrix:
    """Return which leaves each node sums, (n, m) of 0 and 1. leaves: of `leaf_keys`."""
    m = len(leaves)
    rows, columns = [], []
    for _, level in nodes.groupby("level", sort=True):
        node, leaf = _matched(level, leaves)
        rows.append(node)
        columns.append(leaf)
    row, column = np.concatenate(rows), np.concatenate(columns)
    return sparse.csr_matrix((np.ones(row.size), (row, column)), shape=(len(nodes), m))


def _matched(
    level: pd.DataFrame, leaves: pd.DataFrame
) -> tuple[
    "np.ndarray[tuple[int], np.dtype[np.int64]]", "np.ndarray[tuple[int], np.dtype[np.int64]]"
]:
    """Match the nodes of one level, which have the same keys, with the leaves."""
    keys = [key for key in SCOPE if level[key].notna().all()]
    here = level[keys].assign(_node=level.index.to_numpy())
    there = leaves[keys].assign(_leaf=np.arange(len(leaves)))
    both = here.merge(there, on=keys) if keys else here.merge(there, how="cross")
    return both["_node"].to_numpy(dtype=np.int64), both["_leaf"].to_numpy(dtype=np.int64)


def frame_of_keys(keys: "pd.Series[Mapping[str, str]]") -> pd.DataFrame:  # type: ignore[type-var]  # a column of JSON
    """Return a column a key, None where a node does not name it."""
    frame = pd.DataFrame(list(keys), index=keys.index).reindex(columns=[*SCOPE]).astype(object)
    return frame.where(frame.notna(), None)
