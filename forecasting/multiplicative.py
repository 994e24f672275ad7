"""The batched fit where some columns multiply the trend: Gauss-Newton steps, each a linear fit of solver.py.

f = g (1 + X_m beta_m) + X_a beta_a with g = m + k t + sum_j delta_j (t - s_j)+. Linearised at the current parameters
the model is one with columns J = (dg (1 + X_m beta_m), X_m g, X_a); the step is shortened until the true objective
falls.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

import numpy as np
from numpy.typing import NDArray

from forecasting.solver import Solution, negative_log_posterior, solve, variance_of

Array = NDArray[np.float64]

STEPS_MAX = 40
# Nats that a step must still gain to be worth another one.
GAIN_MIN = 1e-4
HALVINGS = 8
# Series whose Jacobians are held at once; 16 x 2,000 days x 60 columns are 15 MB.
SERIES_AT_ONCE = 16
# A seasonal share of more than this at the start is an additive fit around a trend near zero.
START_SHARE_MAX = 1.0


def solve_multiplicative(
    D: Array,
    Z: Array,
    w: Array,
    *,
    multiplicative: NDArray[np.bool_],
    precision: Array,
    tau: float,
) -> Solution:
    """Fit B series that share the columns D (N, P): offset, slope, K seasonal columns, then S hinges.

    Z: (B, N). w: (N,) weights. multiplicative: (K,). precision: (2 + K,).
    """
    p, K = precision.size, multiplicative.size
    assert p == 2 + K
    assert Z.shape[1] == D.shape[0] == w.size
    parts = [
        _solve_some(D, Z[rows], w, multiplicative, precision, tau)
        for rows in np.array_split(np.arange(Z.shape[0]), -(-Z.shape[0] // SERIES_AT_ONCE))
    ]
    return Solution(
        *(np.concatenate([getattr(part, f) for part in parts]) for f in Solution.__annotations__)
    )


def _solve_some(
    D: Array, Z: Array, w: Array, multiplicative: NDArray[np.bool_], precision: Array, tau: float
) -> Solution:
    p = precision.size
    weight = np.full(Z.shape[0], w.sum())
    x, s2 = _start(D, Z, w, multiplicative, precision, tau)
    value = _objective(D, Z, w, multiplicative, x, weight, precision, tau)[0]
    gained = np.full(Z.shape[0], np.inf)
    steps = np.zeros(Z.shape[0], dtype=np.int64)
    open_ = np.arange(Z.shape[0])
    for _step in range(STEPS_MAX):
        target = _linear_fit(D, Z[open_], w, multiplicative, x[open_], s2[open_], precision, tau)
        moved, new, variance = _shorten(
            D, Z[open_], w, multiplicative, x[open_], target, value[open_], precision, tau
        )
        gained[open_] = value[open_] - new
        x[open_], value[open_], s2[open_] = moved, new, variance
        steps[open_] += 1
        open_ = open_[gained[open_] > GAIN_MIN]
        if open_.size == 0:
            break
    return Solution(x[:, :p], x[:, p:], s2, np.maximum(gained, 0.0), steps, value)


def _start(
    D: Array, Z: Array, w: Array, multiplicative: NDArray[np.bool_], precision: Array, tau: float
) -> tuple[Array, Array]:
    """Start from the additive fit, its seasonal parts divided by the level."""
    Dw = D * w[:, None]
    weight = np.full(Z.shape[0], w.sum())
    fit = solve(D.T @ Dw, Z @ Dw, (Z * Z) @ w, weight, precision=precision, tau=tau)
    x = np.hstack([fit.theta, fit.delta])
    level = np.maximum(np.abs(Z @ w) / weight, 1e-3)
    at = 2 + np.flatnonzero(multiplicative)
    x[:, at] = np.clip(x[:, at] / level[:, None], -START_SHARE_MAX, START_SHARE_MAX)
    return x, fit.variance


def _pieces(D: Array, multiplicative: NDArray[np.bool_], x: Array) -> tuple[Array, Array, Array]:
    """Evaluate the trend g (B, N), 1 + X_m beta_m (B, N) and f (B, N)."""
    K = multiplicative.size
    X = D[:, 2 : 2 + K]
    beta = x[:, 2 : 2 + K]
    g = x[:, :2] @ D[:, :2].T + x[:, 2 + K :] @ D[:, 2 + K :].T
    factor = 1.0 + (beta * multiplicative) @ X.T
    return g, factor, g * factor + (beta * ~multiplicative) @ X.T


def _objective(
    D: Array,
    Z: Array,
    w: Array,
    multiplicative: NDArray[np.bool_],
    x: Array,
    weight: Array,
    precision: Array,
    tau: float,
) -> tuple[Array, Array]:
    p = precision.size
    rss = ((Z - _pieces(D, multiplicative, x)[2]) ** 2) @ w
    s2 = variance_of(rss, weight)
    return negative_log_posterior(rss, weight, s2, x[:, :p], x[:, p:], precision, tau), s2


def _linear_fit(
    D: Array,
    Z: Array,
    w: Array,
    multiplicative: NDArray[np.bool_],
    x: Array,
    s2: Array,
    precision: Array,
    tau: float,
) -> Array:
    """Fit the model that is linear around x; returns its parameters (B, P)."""
    p, K = precision.size, multiplicative.size
    g, factor, f = _pieces(D, multiplicative, x)
    J = np.repeat(D[None], Z.shape[0], axis=0)
    J[:, :, :2] *= factor[:, :, None]
    J[:, :, 2 + K :] *= factor[:, :, None]
    at = 2 + np.flatnonzero(multiplicative)
    J[:, :, at] *= g[:, :, None]
    Jw = (J * w[None, :, None]).transpose(0, 2, 1)
    gram = Jw @ J
    aim = (Z - f) + (J @ x[:, :, None])[:, :, 0]
    moment = (Jw @ aim[:, :, None])[:, :, 0]
    weight = np.full(Z.shape[0], w.sum())
    fit = solve(
        gram,
        moment,
        (aim * aim) @ w,
        weight,
        precision=precision,
        tau=tau,
        variance=s2,
        delta=x[:, p:],
    )
    return np.hstack([fit.theta, fit.delta])


def _shorten(
    D: Array,
    Z: Array,
    w: Array,
    multiplicative: NDArray[np.bool_],
    x: Array,
    target: Array,
    value: Array,
    precision: Array,
    tau: float,
) -> tuple[Array, Array, Array]:
    """Halve the step from x to target until the objective falls; a series that finds none stays."""
    weight = np.full(Z.shape[0], w.sum())
    best, best_s2 = _objective(D, Z, w, multiplicative, x, weight, precision, tau)
    chosen = x.copy()
    open_ = np.arange(x.shape[0])
    share = 1.0
    for _halving in range(HALVINGS):
        trial = x[open_] + share * (target[open_] - x[open_])
        new, s2 = _objective(D, Z[open_], w, multiplicative, trial, weight[open_], precision, tau)
        better = new < value[open_]
        rows = open_[better]
        chosen[rows], best[rows], best_s2[rows] = trial[better], new[better], s2[better]
        open_ = open_[~better]
        if open_.size == 0:
            break
        share *= 0.5
    return chosen, best, best_s2
