"""Which way to reconcile: by left-out variances, unless another did better on the origins left out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forecasting.choosing.coherence import coherent
from forecasting.choosing.expert_weights import node_errors
from forecasting.choosing.tables import OriginTable, Plan
from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.reconcile import Method

Array = NDArray[np.float64]

MEASURED: Method = "WLSV"
OTHERS: tuple[Method, ...] = ("WLSS", "BU")
TINY = 1e-12


def best_way(
    hierarchy: Hierarchy,
    plan: Plan,
    tables: Sequence[OriginTable],
    left_out: Sequence[Array],
    variance: Array | None,
) -> Method:
    """Return the method whose left-out forecasts erred least, level by level alike.

    Another one than the measured weights is taken only where it is better by more than a standard error over origins.
    """
    if len(tables) < 2 or variance is None:
        return MEASURED if variance is not None else "WLSS"
    loss = {
        method: np.array(
            [
                _loss(hierarchy, plan, table, base, method, variance)
                for table, base in zip(tables, left_out, strict=True)
            ]
        )
        for method in (MEASURED, *OTHERS)
    }
    gains = {method: loss[MEASURED] - loss[method] for method in OTHERS}
    best = max(OTHERS, key=lambda method: float(gains[method].mean()))
    gain = gains[best]
    sure = gain.mean() > gain.std(ddof=1) / np.sqrt(gain.size)
    return best if sure else MEASURED


def _loss(
    hierarchy: Hierarchy,
    plan: Plan,
    table: OriginTable,
    base: Array,
    method: Method,
    variance: Array,
) -> float:
    """Mean over levels of the reconciled error as a share of the base forecasts' own."""
    made = coherent(hierarchy, plan, table.facts, base, method, variance=variance)
    shares = []
    for level, trial in table.levels.items():
        rows = hierarchy.rows(level)
        ours, own = (
            float((np.sqrt(node_errors(of[rows], trial.actual) / trial.scale) * trial.weight).sum())
            for of in (made, base)
        )
        shares.append(ours / max(own, TINY))
    return float(np.mean(shares))
