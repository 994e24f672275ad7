"""Choice of how to reconcile: by left-out variances, unless another did better on the origins left out."""

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Way:
    """method: how to reconcile. left_out: (n, h) of each origin, reconciled so; None where none was tried."""

    method: Method
    left_out: tuple[Array, ...] | None


def best_way(
    hierarchy: Hierarchy,
    plan: Plan,
    tables: Sequence[OriginTable],
    left_out: Sequence[Array],
    variance: Array | None,
) -> Way:
    """Find the method with the least error of left-out forecasts, all levels alike.

    Another one than the measured weights is taken only where it is better by more than a standard error over origins.
    """
    if len(tables) < 2 or variance is None:
        return Way(MEASURED if variance is not None else "WLSS", None)
    made = {
        method: tuple(
            coherent(hierarchy, plan, table.facts, base, method, variance=variance)
            for table, base in zip(tables, left_out, strict=True)
        )
        for method in (MEASURED, *OTHERS)
    }
    loss = {method: _losses(hierarchy, tables, left_out, of) for method, of in made.items()}
    gains = {method: loss[MEASURED] - loss[method] for method in OTHERS}
    best = max(OTHERS, key=lambda method: float(gains[method].mean()))
    gain = gains[best]
    sure = gain.mean() > gain.std(ddof=1) / np.sqrt(gain.size)
    taken = best if sure else MEASURED
    return Way(taken, made[taken])


def _losses(
    hierarchy: Hierarchy,
    tables: Sequence[OriginTable],
    left_out: Sequence[Array],
    made: Sequence[Array],
) -> Array:
    """Compute the loss of each origin, (O,)."""
    each = zip(tables, left_out, made, strict=True)
    return np.array([_loss(hierarchy, table, base, of) for table, base, of in each])


def _loss(hierarchy: Hierarchy, table: OriginTable, base: Array, made: Array) -> float:
    """Compute the mean over levels of the reconciled error as a share of the base forecasts' own."""
    shares = []
    for level, trial in table.levels.items():
        rows = hierarchy.rows(level)
        ours, own = (
            float((np.sqrt(node_errors(of[rows], came) / trial.scale) * trial.weight).sum())
            for of, came in ((made, table.actual[rows]), (base, trial.actual))
        )
        shares.append(ours / max(own, TINY))
    return float(np.mean(shares))
