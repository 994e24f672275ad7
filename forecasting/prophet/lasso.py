"""Lassos of many series in step: min x'Qx/2 - q'x + penalty |x|_1, by feature-sign search, to a duality gap.

B series, S coefficients. Source: Lee, Battle, Raina & Ng (2007).
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Active coefficients are settled when their slopes are this close to the penalty, relative to it.
SETTLED = 1e-6


def feature_sign_step(Q: Array, q: Array, penalty: Array, delta: Array) -> Array:
    """Take one step of B lassos min x'Qx/2 - q'x + penalty |x|_1 from x = delta; the new x.

    Q: (B, S, S), q: (B, S), penalty: (B,). The step never raises the objective: the coefficient that violates
    optimality most joins the active ones, these are solved for their signs, and the best point on the way there,
    crossings of zero included, is taken.
    """
    if q.shape[1] == 0:
        return delta
    slope = q - times(Q, delta)
    active = delta != 0.0
    sign = np.sign(delta)
    unsettled = np.where(active, np.abs(slope - penalty[:, None] * sign), 0.0).max(axis=1)
    excess = np.where(active, -np.inf, np.abs(slope) - penalty[:, None])
    joins = np.argmax(excess, axis=1)
    # While the active ones are not settled, a newcomer might be sent the wrong way.
    rows = np.flatnonzero(
        (excess[np.arange(joins.size), joins] > 0.0) & (unsettled < SETTLED * penalty)
    )
    active[rows, joins[rows]] = True
    sign[rows, joins[rows]] = np.sign(slope[rows, joins[rows]])
    target = _solve_active(Q, q - penalty[:, None] * sign, active)
    return _search(Q, slope, penalty, delta, target)


def lasso_gap(Q: Array, q: Array, penalty: Array, delta: Array, energy: Array) -> Array:
    """Compute the duality gap, (B,): how far the lasso's objective is above its minimum at most, in its own units.

    energy: (B,) squared norm of the residual r of the least squares behind Q and q, its ridge rows included. With
    g = q - Q x and c = min(1, penalty / max |g|), c r is dual feasible, and the gap is
    (1 - c)^2 r'r / 2 + penalty |x|_1 - c x'g.
    """
    if q.shape[1] == 0:
        return np.zeros(q.shape[0])
    slope = q - times(Q, delta)
    steepest = np.maximum(np.abs(slope).max(axis=1), np.finfo(np.float64).tiny)
    c = np.minimum(1.0, penalty / steepest)
    tied = penalty * np.abs(delta).sum(axis=1) - c * (delta * slope).sum(axis=1)
    return np.asarray(0.5 * (1.0 - c) ** 2 * energy + tied)


def times(Q: Array, x: Array) -> Array:
    """Multiply each series' matrix (B, S, S) with its vector (B, S)."""
    return np.asarray((Q @ x[:, :, None])[:, :, 0])


def _solve_active(Q: Array, rhs: Array, active: NDArray[np.bool_]) -> Array:
    """Solve Q x = rhs over the active coefficients of each series; the others are 0."""
    masked = Q * (active[:, :, None] & active[:, None, :])
    diagonal = np.einsum("bjj->bj", masked)
    # a hinge that no day supports has an empty row; it, too, stays 0
    unit = np.where(diagonal > 0.0, diagonal, 1.0)
    scale = 1.0 / np.sqrt(unit)
    masked *= scale[:, :, None] * scale[:, None, :]
    at = np.arange(Q.shape[1])
    masked[:, at, at] = 1.0 + 1e-12
    solved = np.linalg.solve(masked, (np.where(active, rhs, 0.0) * scale)[:, :, None])[:, :, 0]
    return np.where(active & (diagonal > 0.0), solved * scale, 0.0)


def _search(Q: Array, slope: Array, penalty: Array, start: Array, target: Array) -> Array:
    """Minimise the lasso exactly over `start`, `target` and the crossings of zero between them."""
    step = target - start
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = np.where(step != 0.0, -start / step, 1.0)
    crossing = np.where((crossing > 0.0) & (crossing < 1.0), crossing, 1.0)
    share = np.concatenate([crossing, np.ones((start.shape[0], 1))], axis=1)
    linear = -(slope * step).sum(axis=1)
    quadratic = (step * times(Q, step)).sum(axis=1)
    points = start[:, None, :] + share[:, :, None] * step[:, None, :]
    value = share * linear[:, None] + 0.5 * share**2 * quadratic[:, None]
    value += penalty[:, None] * np.abs(points).sum(axis=2)
    best = np.argmin(value, axis=1)
    rows = np.arange(start.shape[0])
    chosen = points[rows, best]
    # a crossing is a zero, whatever rounding says
    chosen[(share[rows, best][:, None] == crossing) & (crossing < 1.0)] = 0.0
    stays = value[rows, best] >= penalty * np.abs(start).sum(axis=1)
    return np.where(stays[:, None], start, chosen)
