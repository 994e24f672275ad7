"""Mixtures: how to weigh candidates together, learnt from their errors at earlier origins."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from forecasting.choosing.backtest import OriginResult

Array = NDArray[np.float64]

# Three origins say little about which of two alike candidates is better: weights are held towards equal ones.
WEIGHT_RIDGE = 0.1
# A member that adds less costs a fit for nothing.
WEIGHT_MIN = 0.05


def learn_weights(
    results: Sequence[OriginResult], names: Sequence[str], level: NDArray[np.int64]
) -> dict[str, float]:
    """Learn the weights >= 0, summing to 1, that minimise the weighted squared scaled error of the mixture.

    level: (n,). Solved as non-negative least squares over the candidates' Gram matrix of errors (Bates & Granger 1969
    with the sign held). Weights below WEIGHT_MIN are dropped.
    """
    gram = np.zeros((len(names), len(names)))
    for result in results:
        factor = np.sqrt(_node_weight(result, level))[:, None]
        errors = np.stack(
            [((result.forecasts[name].mean - result.actual) * factor).ravel() for name in names]
        )
        gram += errors @ errors.T / result.actual.shape[1]
    mean = float(np.trace(gram)) / len(names)
    if mean == 0.0:
        return {names[0]: 1.0}
    root = np.linalg.cholesky(gram / mean + WEIGHT_RIDGE * np.eye(len(names)))
    # The last row asks for a sum of 1, a thousand times as loudly as the errors speak.
    loud = 1e3
    system = np.vstack([root.T, np.full(len(names), loud)])
    weights, _ = nnls(system, np.append(np.zeros(len(names)), loud))
    weights = np.where(weights >= WEIGHT_MIN, weights, 0.0)
    if not weights.any():
        weights[int(np.argmin(np.diag(gram)))] = 1.0
    weights /= weights.sum()
    return {name: float(w) for name, w in zip(names, weights, strict=True) if w > 0}


def _node_weight(result: OriginResult, level: NDArray[np.int64]) -> Array:
    """Weight of a node's squared error: its share of its level, by squared scale; 0 where there is no scale. (n,)."""
    known = np.isfinite(result.scale) & (result.scale > 0)
    total = np.bincount(level, weights=np.where(known, result.weight, 0.0))[level]
    share = np.divide(result.weight, total, out=np.zeros(level.size), where=known & (total > 0))
    scale = np.where(known, result.scale, 1.0)
    weight: Array = share / scale**2
    return weight
