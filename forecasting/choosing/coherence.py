"""From base forecasts of the fitted levels to one set of numbers that adds up and obeys the facts of its origin.

Leaves that have just started are forecast by their siblings. Where the sums' histories are without them, so is the
reconciling: the siblings are reconciled first, and what they say of the young leaves is added.

n nodes, m leaves, h periods ahead.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forecasting.choosing.tables import Facts, Plan
from forecasting.nodes.lifecycle import wholly_young, with_starts
from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.reconcile import Method, finest_above, reconcile, split_down
from stocktide.foundation.errors import Invalid

Array = NDArray[np.float64]

# Of the smallest variance: what is held at 0 by it takes no part in what reconciling moves.
NEXT_TO_NOTHING = 1e-6


def coherent(
    hierarchy: Hierarchy,
    plan: Plan,
    facts: Facts,
    base: Array,
    method: Method,
    *,
    variance: Array | None = None,
    residuals: Array | None = None,
) -> Array:
    """Reconcile base forecasts (n, h) by a method, split what is not fitted, and start, close and end leaves.

    variance: (n,) of the base forecasts, residuals: (n, R) of earlier ones, for the methods that weigh by them. Raises
    Invalid as `reconcile` and `fitted_hierarchy` do.
    """
    leaf = len(hierarchy.levels) - 1
    level, (upper, rows) = fitted_hierarchy(hierarchy, plan.levels)
    base = _with_lives(hierarchy, facts, base, level == leaf)
    if upper.n_nodes == upper.n_leaves:
        return _finished(hierarchy, facts, np.maximum(base[rows], 0.0), level, leaf)
    middle, shares = None, None
    if method in ("MO", "TDRS") and level == leaf:
        middle, shares = list(upper.tags)[finest_above(upper)], facts.shares
    elif method in ("MO", "TDRS"):
        # The leaves have no model: what is left of the method is the levels above, and the split below.
        method = "WLSS"
    if facts.starts.apart and method in ("WLSS", "WLSV"):
        method, variance = "WLSV", _held_at_zero(hierarchy, facts, method, variance)
    y_upper = reconcile(
        method,
        upper,
        base[rows],
        y_insample=None if facts.insample is None else facts.insample[rows],
        variance=None if variance is None else variance[rows],
        residuals=None if residuals is None else residuals[rows],
        shares=shares,
        middle=middle,
    )[-upper.n_leaves :]
    return _finished(hierarchy, facts, y_upper, level, leaf)


def _finished(hierarchy: Hierarchy, facts: Facts, y_level: Array, level: int, leaf: int) -> Array:
    leaves = y_level if level == leaf else split_down(hierarchy, level, y_level, facts.shares)
    if facts.starts.apart:
        leaves = with_starts(leaves, facts.starts)
    return enforce_facts(hierarchy, facts, leaves)


def _with_lives(hierarchy: Hierarchy, facts: Facts, base: Array, leaves_fitted: bool) -> Array:
    """Forecast young leaves by their siblings, and ended and closed ones at 0, before anything is reconciled.

    Young leaves that the sums are forecast without are held at 0 until then, and so are nodes that have no others.
    """
    out = base.copy()
    m = hierarchy.n_leaves
    if leaves_fitted:
        leaves = out[-m:] if facts.starts.apart else with_starts(out[-m:], facts.starts)
        out[-m:] = np.where(facts.ended[:, None], 0.0, leaves) * facts.open_ahead
    if facts.starts.apart:
        out[wholly_young(hierarchy, facts.starts.starting)] = 0.0
    return out


def _held_at_zero(
    hierarchy: Hierarchy, facts: Facts, method: Method, variance: Array | None
) -> Array:
    """Return variances (n,) that keep the leaves apart at 0: theirs are next to nothing; WLSS counts leaves."""
    if method == "WLSS" or variance is None:
        variance = np.asarray(hierarchy.S.sum(axis=1), dtype=np.float64).ravel()
    held = variance.copy()
    at_zero = wholly_young(hierarchy, facts.starts.starting)
    held[at_zero] = NEXT_TO_NOTHING * np.nanmin(variance)
    return held


def enforce_facts(hierarchy: Hierarchy, facts: Facts, leaves: Array) -> Array:
    """Hold closed periods and ended leaves at 0 after reconciling, and sum up. leaves: (m, h); returns (n, h)."""
    held = leaves * facts.open_ahead * ~facts.ended[:, None]
    return hierarchy.sum_leaves(held)


def fitted_hierarchy(
    hierarchy: Hierarchy, fitted_levels: Sequence[int] | None
) -> tuple[int, tuple[Hierarchy, NDArray[np.int64]]]:
    """Find the finest fitted level, and the hierarchy of the fitted levels over its nodes.

    Raises Invalid (`fit_levels_cross`): the nodes of every fitted level must be unions of nodes of the finest one.
    """
    leaf = len(hierarchy.levels) - 1
    positions = tuple(range(leaf + 1)) if fitted_levels is None else tuple(fitted_levels)
    level = leaf if leaf in positions else max(positions, key=lambda p: hierarchy.rows(p).size)
    for position in positions:
        if not hierarchy.refines(level, position):
            names = list(hierarchy.tags)
            raise Invalid(
                "fit_levels_cross",
                f"fit_levels: {names[level]} is the finest, and does not split {names[position]}; add a level that "
                f"splits both to the hierarchy and to fit_levels, or leave one out.",
            )
    return level, hierarchy.above(level, keep=positions)
