"""Reconciliation: forecasts of every node in, forecasts that add up out.

Symbols as in hierarchicalforecast: S (n, m) sums leaves, y_hat (n, h) base forecasts, y_tilde (n, h) reconciled.
Method names are scikit-hts's (docs/decisions/020-scikit-hts.md), and three of ours: MinT-shrink, MO (middle-out) and
TDRS (top-down by recent shares). The arithmetic is hierarchicalforecast's.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.min_trace import diagonal, library, mean_of, shrunk
from forecasting.structure.shares import normalised
from stocktide.foundation.errors import Invalid

Array = NDArray[np.float64]
Method = Literal["BU", "AHP", "PHA", "FP", "OLS", "WLSS", "WLSV", "MinT-shrink", "MO", "TDRS"]
METHODS: tuple[Method, ...] = get_args(Method)

_TOP_DOWN = {
    "AHP": "average_proportions",
    "PHA": "proportion_averages",
    "FP": "forecast_proportions",
}
TREE_METHODS: tuple[Method, ...] = ("AHP", "PHA", "FP")


def reconcile(
    method: Method,
    hierarchy: Hierarchy,
    y_hat: Array,
    *,
    y_insample: Array | None = None,
    variance: Array | None = None,
    residuals: Array | None = None,
    shares: Array | None = None,
    middle: str | None = None,
    nonnegative: bool = True,
) -> Array:
    """Reconcile base forecasts so that every node is the sum of its leaves and none is negative.

    y_hat: (n_nodes, h), finite, any sign (negatives count as 0). y_insample: (n_nodes, T) demand, for AHP and PHA.
    variance: (n_nodes,) of in-sample errors, for WLSV. residuals: (n_nodes, T), NaN where unknown, for MinT-shrink.
    shares: (n_leaves,) of each leaf in its node at the middle level, for TDRS (see `recent_shares`); scaled to 1 there.
    middle: name of the level that MO and TDRS split (TDRS: by default the finest one above the leaves).
    nonnegative: False gives the plain projection of published tables, negatives and all.
    Returns (n_nodes, h), exactly S @ leaf forecasts. Raises Invalid: `method_unknown`, `method_needs_tree` (AHP, PHA,
    FP split downwards, which takes one parent each), `middle_missing`, `level_unknown`, those of `min_trace.shrunk`.
    Sources: Hyndman & Athanasopoulos, FPP3 chapter 11; MinT: Wickramasuriya, Athanasopoulos & Hyndman (2019).
    """
    refuse_method(method, hierarchy)
    assert y_hat.shape[0] == hierarchy.n_nodes
    assert np.isfinite(y_hat).all()
    base = np.maximum(y_hat, 0.0) if nonnegative else y_hat
    scale = float(np.abs(base).mean())
    if scale == 0.0:
        return np.zeros_like(base)
    # Solver tolerances are absolute: at unit scale they mean the same for grams and for pallets.
    base = base / scale
    if method == "BU":
        y_tilde = mean_of(library().BottomUpSparse().fit_predict(S=hierarchy.S, y_hat=base))
    elif method in _TOP_DOWN:
        y_tilde = _top_down(method, hierarchy, base, y_insample)
    elif method == "MO":
        y_tilde = _by_forecasts(hierarchy, base, _middle(hierarchy, middle))
    elif method == "TDRS":
        y_tilde = _by_shares(hierarchy, base, middle, shares, nonnegative=nonnegative)
    elif method == "MinT-shrink":
        y_tilde = shrunk(hierarchy, base, residuals)
    else:
        y_tilde = diagonal(method, hierarchy, base, variance=variance, nonnegative=nonnegative)
    leaves = y_tilde[-hierarchy.n_leaves :]
    return hierarchy.sum_leaves((np.maximum(leaves, 0.0) if nonnegative else leaves) * scale)


def refuse_method(method: str, hierarchy: Hierarchy) -> None:
    """Raise Invalid where there is no such method, or it does not fit the hierarchy's levels."""
    if method not in METHODS:
        raise Invalid("method_unknown", f"No method {method!r}; there are {', '.join(METHODS)}.")
    if method in TREE_METHODS and not hierarchy.is_tree:
        raise Invalid(
            "method_needs_tree",
            f"{method} splits the total downwards, so each level must split the level before it; "
            "these levels cross. Take BU, OLS, WLSS, WLSV or TDRS, or remove a level.",
        )


def finest_above(hierarchy: Hierarchy) -> int:
    """Find the level with most nodes above the leaves (position); the leaves' own where there is no other."""
    sizes = hierarchy.nodes.groupby("level").size().to_numpy()
    return int(np.argmax(sizes[:-1])) if sizes.size > 1 else 0


def split_down(hierarchy: Hierarchy, level: int, y_level: Array, shares: Array) -> Array:
    """Split forecasts (k, h) of one level's nodes over their leaves. shares: (m,), scaled to 1 in each node.

    Returns (m, h). A node whose shares are all 0 is split evenly.
    """
    group = hierarchy.groups(level)
    assert shares.shape == group.shape
    assert (shares >= 0).all()
    assert y_level.shape[0] == int(group.max()) + 1
    split: Array = y_level[group] * normalised(shares, group, y_level.shape[0])[:, None]
    return split


def _top_down(method: str, hierarchy: Hierarchy, base: Array, y_insample: Array | None) -> Array:
    solver = library().TopDownSparse(_TOP_DOWN[method])
    arguments = {"S": hierarchy.S, "y_hat": base, "tags": hierarchy.tags}
    if method == "FP":
        return mean_of(solver.fit_predict(**arguments))
    assert y_insample is not None, f"{method} needs y_insample"
    assert y_insample.shape[0] == hierarchy.n_nodes
    # Days without any sale show no shares; the ratio would be 0 / 0.
    sold = y_insample[:, y_insample[0] > 0]
    if sold.shape[1] == 0:
        return base
    return mean_of(solver.fit_predict(**arguments, y_insample=sold))


def _middle(hierarchy: Hierarchy, middle: str | None) -> int:
    if middle is None:
        raise Invalid(
            "middle_missing",
            f"MO starts from a named level: give middle, one of {list(hierarchy.tags)}.",
        )
    return hierarchy.position(middle)


def _by_forecasts(hierarchy: Hierarchy, base: Array, level: int) -> Array:
    """Split the middle level's forecasts by forecast proportions, level by level; levels that cross are skipped."""
    y_tilde = base[hierarchy.rows(level)]
    at = level
    leaf = len(hierarchy.levels) - 1
    finer = sorted(range(leaf + 1), key=lambda p: (hierarchy.rows(p).size, p == leaf))
    for below in finer:
        deeper = below == leaf or hierarchy.rows(below).size > hierarchy.rows(at).size
        if below != at and deeper and hierarchy.refines(below, at):
            y_tilde = _step_down(hierarchy, at, below, y_tilde, base[hierarchy.rows(below)])
            at = below
    return y_tilde


def _step_down(hierarchy: Hierarchy, at: int, below: int, y_tilde: Array, base: Array) -> Array:
    """Split (k, h) over the nodes of a finer level in proportion to their base forecasts (l, h)."""
    _, first = np.unique(hierarchy.groups(below), return_index=True)
    parent = hierarchy.groups(at)[first]
    proportions = [
        normalised(np.maximum(column, 0.0), parent, y_tilde.shape[0]) for column in base.T
    ]
    split: Array = y_tilde[parent] * np.stack(proportions, axis=1)
    return split


def _by_shares(
    hierarchy: Hierarchy,
    base: Array,
    middle: str | None,
    shares: Array | None,
    *,
    nonnegative: bool,
) -> Array:
    """Reconcile the levels above the middle one among themselves (WLSS), then split by the shares."""
    assert shares is not None, "TDRS needs the shares"
    level = finest_above(hierarchy) if middle is None else hierarchy.position(middle)
    upper, rows = hierarchy.above(level)
    y_level = base[rows]
    if upper.n_nodes > upper.n_leaves:
        y_level = diagonal("WLSS", upper, y_level, variance=None, nonnegative=nonnegative)
    y_level = y_level[-upper.n_leaves :]
    return split_down(
        hierarchy, level, np.maximum(y_level, 0.0) if nonnegative else y_level, shares
    )
