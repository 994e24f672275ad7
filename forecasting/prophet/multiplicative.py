"""The batched fit where some columns multiply the trend: Gauss-Newton steps, each a linear fit of solver.py.

The model is linearised at the current parameters (bilinear.py), fitted at the current s^2, and the step shortened until
the true objective, at its own best s^2, falls.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from forecasting.prophet.bilinear import Bilinear, bilinear
from forecasting.prophet.solver import (
    Solution,
    negative_log_posterior,
    solve,
    solve_given_variance,
    variance_of,
)

Array = NDArray[np.float64]

STEPS_MAX = 100
# Nats that a step must still gain to be worth another one.
GAIN_MIN = 1e-3
HALVINGS = 8
# Series whose steps are taken together: enough that the last few to converge do not cost a pass each.
SERIES_AT_ONCE = 512
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
    assert precision.size == 2 + multiplicative.size
    assert Z.shape[1] == D.shape[0] == w.size
    sums = bilinear(D, Z, w, multiplicative)
    weight = float(w.sum())
    x, s2 = _start(D, Z, w, multiplicative, precision, tau)
    cuts = np.array_split(np.arange(Z.shape[0]), -(-Z.shape[0] // SERIES_AT_ONCE))
    return joined(
        [_descend(sums, rows, x[rows], s2[rows], weight, precision, tau) for rows in cuts]
    )


def joined(parts: list[Solution]) -> Solution:
    """Join solutions of consecutive series."""
    return Solution(
        *(
            np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Solution)
        )
    )


def _descend(
    sums: Bilinear,
    rows: NDArray[np.intp],
    x: Array,
    s2: Array,
    weight: float,
    precision: Array,
    tau: float,
) -> Solution:
    p = precision.size
    value, s2 = _objective(sums, rows, x, weight, precision, tau)
    gained = np.full(rows.size, np.inf)
    steps = np.zeros(rows.size, dtype=np.int64)
    open_ = np.arange(rows.size)
    for _step in range(STEPS_MAX):
        gram, moment = sums.linear(x[open_], rows[open_])
        target = solve_given_variance(
            gram, moment, s2[open_], weight=weight, precision=precision, tau=tau, delta=x[open_, p:]
        )
        before = value[open_]
        for _halving in range(HALVINGS):
            new, variance = _objective(sums, rows[open_], target, weight, precision, tau)
            if np.all(new <= before):
                break
            worse = new > before
            target[worse] = 0.5 * (x[open_][worse] + target[worse])
        better = new < before
        at = open_[better]
        x[at], value[at], s2[at] = target[better], new[better], variance[better]
        gained[open_] = np.maximum(before - new, 0.0)
        steps[open_] += 1
        open_ = open_[gained[open_] > GAIN_MIN]
        if open_.size == 0:
            break
    return Solution(x[:, :p], x[:, p:], s2, gained, steps, value)


def _objective(
    sums: Bilinear, rows: NDArray[np.intp], x: Array, weight: float, precision: Array, tau: float
) -> tuple[Array, Array]:
    p = precision.size
    rss = sums.rss(x, rows)
    weights = np.full(rows.size, weight)
    s2 = variance_of(rss, weights)
    return negative_log_posterior(rss, weights, s2, x[:, :p], x[:, p:], precision, tau), s2


def _start(
    D: Array, Z: Array, w: Array, multiplicative: NDArray[np.bool_], precision: Array, tau: float
) -> tuple[Array, Array]:
    """Start from the additive fit, its multiplying parts divided by the level."""
    Dw = D * w[:, None]
    weight = np.full(Z.shape[0], w.sum())
    fit = solve(D.T @ Dw, Z @ Dw, (Z * Z) @ w, weight, precision=precision, tau=tau)
    x = np.hstack([fit.theta, fit.delta])
    level = np.maximum(np.abs(Z @ w) / weight, 1e-3)
    at = 2 + np.flatnonzero(multiplicative)
    x[:, at] = np.clip(x[:, at] / level[:, None], -START_SHARE_MAX, START_SHARE_MAX)
    return x, fit.variance
