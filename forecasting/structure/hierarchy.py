"""The hierarchy: its nodes, and the leaves that each one sums.

Symbols: n nodes, m leaves, S the summing matrix of shape (n, m); y_nodes = S @ y_leaves.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from forecasting.structure.levels import Levels, level_name, parse_levels
from stocktide.foundation.errors import Invalid

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Hierarchy:
    """Nodes from coarse to fine, leaves last.

    levels: key lists, as parsed. nodes: one row per node in the order of S: node_id (= row of S), level, level_name,
    unique_id (unique in its level), parent_id (nearest coarser node, Int32, null for none), and a column per key
    (None where the level does not name it).
    S: csr matrix (n_nodes, n_leaves), float64, of 0 and 1; its last n_leaves rows are the identity.
    leaf_rows: shape (n_leaves,), row of the caller's frame that each leaf came from.
    """

    levels: Levels
    nodes: pd.DataFrame
    S: sparse.csr_matrix
    leaf_rows: Codes

    @property
    def n_nodes(self) -> int:
        """Return the number of nodes."""
        return int(self.S.shape[0])

    @property
    def n_leaves(self) -> int:
        """Return the number of leaves."""
        return int(self.S.shape[1])

    @property
    def tags(self) -> dict[str, Codes]:
        """Return the rows of S by level name, as hierarchicalforecast takes them."""
        level = self.nodes["level"].to_numpy()
        return {
            level_name(keys): np.flatnonzero(level == position)
            for position, keys in enumerate(self.levels)
        }

    @property
    def is_tree(self) -> bool:
        """Return True if there is one root and each level splits the nodes of the level before it."""
        sizes = self.nodes.groupby("level").size().to_numpy()
        first = self.nodes.groupby("level")["node_id"].min().to_numpy()
        parents = self.nodes["parent_id"].to_numpy(dtype=np.float64, na_value=-1.0)
        if sizes[0] != 1 or np.any(parents[1:] < 0):
            return False
        levels = self.nodes["level"].to_numpy()
        return bool(np.all(parents[1:] >= first[levels[1:] - 1]))

    def rows(self, level: int) -> Codes:
        """List the rows of S that hold the nodes of one level (position in `levels`)."""
        return np.flatnonzero(self.nodes["level"].to_numpy() == level)

    def groups(self, level: int) -> Codes:
        """Return the number of each leaf's node at one level, from 0 in the order of `rows`: (n_leaves,)."""
        return self._groups[level]

    def refines(self, fine: int, coarse: int) -> bool:
        """Return True if each node of level `coarse` is a union of nodes of level `fine`."""
        inner, outer = self._groups[fine], self._groups[coarse]
        return bool(np.array_equal(outer[self._firsts[fine]][inner], outer))

    @cached_property
    def _groups(self) -> tuple[Codes, ...]:
        """Numbers of each leaf's node at every level, (n_leaves,) each, not to be written to."""
        found = []
        for level in range(len(self.levels)):
            within = sparse.csc_matrix(self.S[self.rows(level)])
            assert within.nnz == self.n_leaves
            codes = np.asarray(within.indices, dtype=np.int64)
            codes.flags.writeable = False
            found.append(codes)
        return tuple(found)

    @cached_property
    def _firsts(self) -> tuple[Codes, ...]:
        """Find the first leaf of each node, by level."""
        return tuple(np.unique(of, return_index=True)[1] for of in self._groups)

    def position(self, name: str) -> int:
        """Find a level by its name, e.g. "region / location". Raises Invalid (`level_unknown`)."""
        names = [level_name(keys) for keys in self.levels]
        if name not in names:
            raise Invalid("level_unknown", f"No level is named {name!r}; there are {names}.")
        return names.index(name)

    def above(self, level: int, *, keep: Sequence[int] | None = None) -> tuple["Hierarchy", Codes]:
        """Build the hierarchy whose leaves are the nodes of `level`: of the levels in `keep` those that it refines.

        keep: positions (None: all). Returns it and the rows of S that its nodes had here; its leaf_rows count the
        nodes of `level`.
        """
        wanted = range(len(self.levels)) if keep is None else sorted(set(keep))
        # Of two levels with the same nodes the earlier one is the upper one.
        coarser = [
            p
            for p in wanted
            if self.refines(level, p) and (p < level or not self.refines(p, level))
        ]
        kept = [*coarser, level]
        _, first = np.unique(self.groups(level), return_index=True)
        codes = [self.groups(p)[first] for p in kept]
        rows = np.concatenate([self.rows(p) for p in kept])
        nodes = self.nodes.iloc[rows].reset_index(drop=True)
        nodes["node_id"] = np.arange(len(nodes), dtype=np.int64)
        nodes["level"] = np.repeat(np.arange(len(kept)), [self.rows(p).size for p in kept])
        nodes["parent_id"] = pd.concat(_parent_ids(codes), ignore_index=True)
        upper = Hierarchy(
            levels=tuple(self.levels[p] for p in kept),
            nodes=nodes,
            S=_summing_matrix(codes),
            leaf_rows=np.arange(first.size, dtype=np.int64),
        )
        return upper, rows

    def sum_leaves(self, leaves: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum leaf values (n_leaves, T) into node values (n_nodes, T)."""
        assert leaves.shape[0] == self.n_leaves
        summed: NDArray[np.float64] = self.S @ leaves
        return summed


def build_hierarchy(
    levels: object, leaves: pd.DataFrame, *, known: Sequence[str] | None = None
) -> Hierarchy:
    """Build the nodes and S from a frame with one row per leaf and a column per key.

    Raises Invalid as `parse_levels` does, and `leaves_empty`, `key_missing` (a leaf without a value for a key),
    `key_types` (two values of a key have one name),
    `leaf_not_last` (two rows of `leaves` agree in the last level's keys: some other level is finer).
    """
    parsed = parse_levels(levels, known=list(leaves.columns) if known is None else known)
    if leaves.empty:
        raise Invalid("leaves_empty", "There is no leaf to forecast: no demand was found.")
    used = sorted({key for level in parsed for key in level})
    _refuse_missing(leaves, used)
    _refuse_alike(leaves, used)
    ordered = leaves.reset_index(drop=True).sort_values(list(parsed[-1]), kind="stable")
    _refuse_finer(ordered, parsed)
    codes = [_codes(ordered, level) for level in parsed]
    return Hierarchy(
        levels=parsed,
        nodes=_nodes(ordered, parsed, codes, used),
        S=_summing_matrix(codes),
        leaf_rows=ordered.index.to_numpy(dtype=np.int64),
    )


def _refuse_missing(leaves: pd.DataFrame, keys: Sequence[str]) -> None:
    for key in keys:
        missing = leaves[leaves[key].isna()]
        if len(missing):
            named = {name: str(value) for name, value in missing.iloc[0].dropna().items()}
            raise Invalid(
                "key_missing",
                f"{len(missing)} of {len(leaves)} leaves have no {key}, the first is {named}; give them one, "
                f"or leave {key} out of the levels.",
                key=key,
            )


def _refuse_alike(leaves: pd.DataFrame, keys: Sequence[str]) -> None:
    """Raise Invalid for two values of a key that differ, but have one name, such as 1 and "1"."""
    for key in keys:
        values = pd.Series(leaves[key].unique(), dtype=object)
        alike = values[values.astype(str).duplicated(keep=False)]
        if len(alike):
            raise Invalid(
                "key_types",
                f"The key {key} has {alike.iloc[0]!r} and {alike.iloc[1]!r}, which would have one name; "
                "make all its values text.",
                key=key,
            )


def _refuse_finer(leaves: pd.DataFrame, levels: Levels) -> None:
    repeated = leaves.duplicated(list(levels[-1]), keep=False)
    if repeated.any():
        raise Invalid(
            "leaf_not_last",
            f"The last level ({level_name(levels[-1])}) names the leaves and must be the finest, but its values "
            "do not tell which node of the other levels a leaf belongs to; add the finest level as the last one.",
        )


def _codes(leaves: pd.DataFrame, level: Sequence[str]) -> Codes:
    """Return the number of each leaf's node at one level, by sorted key values: (n_leaves,)."""
    if not level:
        return np.zeros(len(leaves), dtype=np.int64)
    return np.asarray(leaves.groupby(list(level), sort=True).ngroup(), dtype=np.int64)


def _summing_matrix(codes: Sequence[Codes]) -> sparse.csr_matrix:
    offsets = np.cumsum([0, *(int(code.max()) + 1 for code in codes)])
    rows = np.concatenate([code + offset for code, offset in zip(codes, offsets[:-1], strict=True)])
    columns = np.tile(np.arange(codes[0].size), len(codes))
    return sparse.csr_matrix(
        (np.ones(rows.size), (rows, columns)), shape=(int(offsets[-1]), codes[0].size)
    )


def _nodes(
    leaves: pd.DataFrame, levels: Levels, codes: Sequence[Codes], keys: Sequence[str]
) -> pd.DataFrame:
    parents = _parent_ids(codes)
    parts = []
    for position, (level, code) in enumerate(zip(levels, codes, strict=True)):
        _, first = np.unique(code, return_index=True)
        part = leaves.iloc[first][list(level)].astype(str).reset_index(drop=True)
        part.insert(0, "unique_id", _unique_ids(part))
        part.insert(0, "level_name", level_name(level))
        part.insert(0, "level", position)
        part["parent_id"] = parents[position]
        parts.append(part)
    nodes = pd.concat(parts, ignore_index=True)
    nodes.insert(0, "node_id", np.arange(len(nodes), dtype=np.int64))
    columns = ["node_id", "level", "level_name", "unique_id", "parent_id"]
    nodes = nodes.reindex(columns=[*columns, *keys])
    return nodes.astype(dict.fromkeys(keys, object)).where(
        nodes.notna() | ~nodes.columns.isin(keys), None
    )


def _unique_ids(part: pd.DataFrame) -> pd.Series:
    """Name the nodes of one level by their keys, joined by "/": two nodes never have one name.

    A name of several keys has the "/" in a key as "%2F", and what looks like that escape escaped once more.
    """
    if part.shape[1] == 0:
        return pd.Series(["total"])
    if part.shape[1] == 1:
        return part.iloc[:, 0]
    escaped = [
        part[key].str.replace("%2", "%252", regex=False).str.replace("/", "%2F", regex=False)
        for key in part
    ]
    return pd.concat(escaped, axis=1).agg("/".join, axis=1)


def _parent_ids(codes: Sequence[Codes]) -> list[pd.Series]:
    """List for each level the node_ids of its nodes' parents, null where there is none."""
    offsets = np.cumsum([0, *(int(code.max()) + 1 for code in codes)])
    found = []
    for position, code in enumerate(codes):
        _, first = np.unique(code, return_index=True)
        parent = _parents(codes, position, first)
        ids = [pd.NA] * first.size if parent is None else offsets[parent] + codes[parent][first]
        found.append(pd.Series(pd.array(ids, dtype="Int32")))
    return found


def _parents(codes: Sequence[Codes], position: int, first: Codes) -> int | None:
    """Find the finest earlier level whose nodes are unions of nodes of this level; the later one on a tie."""
    code = codes[position]
    found: int | None = None
    for earlier in range(position):
        coarser = np.array_equal(codes[earlier][first][code], codes[earlier])
        if coarser and (found is None or codes[earlier].max() >= codes[found].max()):
            found = earlier
    return found
