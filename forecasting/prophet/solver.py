"""The batched fit: the most probable parameters of many Prophet models at once, to a duality gap.

For one series with weights w_t (1, or less for older days), N = sum(w):

    minimise  N log s + RSS / (2 s^2) + 2 s^2 + sum_j |delta_j| / tau + sum_i theta_i^2 / (2 sd_i^2)

which is Prophet's own posterior (Taylor & Letham 2018; stan/prophet.stan): s has a half-normal prior of 0.5, k and m
normal ones of 5, beta normal ones, delta Laplace. theta = (m, k, beta) enter as a ridge, so they are eliminated; what
is left is a lasso in the S changes of slope. It is solved by feature-sign search (Lee, Battle, Raina & Ng 2007), all
series in step; s^2 then has a closed form, and the two alternate until the duality gap and the change of s^2 say stop.

Symbols: B series, P = p + S columns (p ridge columns first), gram G = A'WA, moment r = A'Wy, square = y'Wy.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.prophet.elimination import Eliminator, eliminate_own, eliminate_shared
from forecasting.prophet.lasso import feature_sign_step, lasso_gap, times

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

# In nats of the objective: a hundredth of what the library's own optimiser leaves.
GAP_MAX = 1e-4
# Relative: a step of s^2 that moves the objective by less than about 1e-6 nats.
SCALE_STEP_MAX = 1e-5
# Rounds of one lasso step and one step of s^2; eight are usual, the cap ends what cycles at machine precision.
ROUNDS_MAX = 300
# Reweighted ridge steps that find the first guess of which slopes change.
WARM_STEPS = 8
# y lies in [-1, 1]: an error below this share of the range is a fit without error, and log s would have no bound.
SIGMA_MIN = 1e-4
# What the ridge calls zero: |delta| below this share of tau is not a change of slope.
SMALL = 0.3
# Below this the reweighted ridge would divide by zero.
SIZE_MIN = 1e-8


@dataclass(frozen=True)
class Solution:
    """theta: (B, p). delta: (B, S). variance: (B,) s^2. gap: (B,) nats left at most. rounds: (B,). objective: (B,)."""

    theta: Array
    delta: Array
    variance: Array
    gap: Array
    rounds: Codes
    objective: Array


def solve(
    gram: Array,
    moment: Array,
    square: Array,
    weight: Array,
    *,
    precision: Array,
    tau: float,
    variance: Array | None = None,
    delta: Array | None = None,
) -> Solution:
    """Fit B series. gram: (P, P) shared or (B, P, P); moment: (B, P); square, weight: (B,); precision: (p,) 1 / sd^2.

    variance, delta: where to start (a warm start), (B,) and (B, S). Columns beyond p are the changes of slope.
    """
    B, P = moment.shape
    p = precision.size
    assert gram.shape[-2:] == (P, P)
    assert square.shape == weight.shape == (B,)
    eliminate = (
        eliminate_shared(gram, moment, precision)
        if gram.ndim == 2
        else eliminate_own(gram, moment, precision)
    )
    s2 = variance_of(square, weight) if variance is None else variance.copy()
    x = np.zeros((B, P))
    if delta is not None:
        x[:, p:] = delta
    open_ = np.arange(B)
    gap, rounds = np.full(B, np.inf), np.zeros(B, dtype=np.int64)
    if p < P and delta is None:
        x[:, p:], s2 = _warm(gram, moment, square, weight, eliminate, s2, p, tau)
    for _round in range(ROUNDS_MAX):
        Q, q, recover = eliminate(s2[open_], open_)
        before = x[open_, p:]
        after = feature_sign_step(Q, q, s2[open_] / tau, before)
        theta = recover(after)
        x[open_, :p], x[open_, p:] = theta, after
        rss = _rss(gram, moment, square, x, open_)
        energy = rss + s2[open_] * ((theta**2) @ precision)
        left = lasso_gap(Q, q, s2[open_] / tau, after, energy)
        new = variance_of(rss, weight[open_])
        moved = np.abs(new - s2[open_]) / new
        gap[open_] = left / s2[open_]
        s2[open_] = new
        rounds[open_] += 1
        open_ = open_[(gap[open_] > GAP_MAX) | (moved > SCALE_STEP_MAX)]
        if open_.size == 0:
            break
    objective = negative_log_posterior(
        _rss(gram, moment, square, x, np.arange(B)), weight, s2, x[:, :p], x[:, p:], precision, tau
    )
    return Solution(x[:, :p], x[:, p:], s2, gap, rounds, objective)


def solve_given_variance(
    gram: Array,
    moment: Array,
    variance: Array,
    *,
    weight: float,
    precision: Array,
    tau: float,
    delta: Array,
) -> Array:
    """Fit B series at given s^2, from a warm start: (B, P) parameters, theta first.

    gram: (B, P, P), moment: (B, P), variance: (B,), weight: N, precision: (p,), delta: (B, S).
    """
    Q, q, recover = eliminate_own(gram, moment, precision)(variance, np.arange(variance.size))
    penalty, found = variance / tau, delta.copy()
    open_ = np.arange(variance.size)
    for _round in range(ROUNDS_MAX):
        found[open_] = feature_sign_step(Q[open_], q[open_], penalty[open_], found[open_])
        # at the s^2 that belongs to it, the residual's squared norm is about N s^2
        energy = weight * variance[open_]
        left = lasso_gap(Q[open_], q[open_], penalty[open_], found[open_], energy)
        open_ = open_[left > GAP_MAX * variance[open_]]
        if open_.size == 0:
            break
    return np.hstack([recover(found), found])


def negative_log_posterior(
    rss: Array,
    weight: Array,
    variance: Array,
    theta: Array,
    delta: Array,
    precision: Array,
    tau: float,
) -> Array:
    """Evaluate the objective at the head of this module, (B,) nats, up to Prophet's own constants."""
    return np.asarray(
        0.5 * weight * np.log(variance)
        + rss / (2.0 * variance)
        + 2.0 * variance
        + np.abs(delta).sum(axis=1) / tau
        + 0.5 * (theta**2) @ precision
    )


def variance_of(rss: Array, weight: Array) -> Array:
    """Minimise the objective over s^2: the positive root of 4 s^4 + N s^2 - RSS = 0."""
    root = (-weight + np.sqrt(weight**2 + 16.0 * np.maximum(rss, 0.0))) / 8.0
    return np.asarray(np.maximum(root, SIGMA_MIN**2))


def _rss(gram: Array, moment: Array, square: Array, x: Array, rows: NDArray[np.intp]) -> Array:
    x = x[rows]
    Gx = x @ gram if gram.ndim == 2 else times(gram[rows], x)
    return np.asarray(square[rows] + (x * (Gx - 2.0 * moment[rows])).sum(axis=1))


def _warm(
    gram: Array,
    moment: Array,
    square: Array,
    weight: Array,
    eliminate: Eliminator,
    s2: Array,
    p: int,
    tau: float,
) -> tuple[Array, Array]:
    """Find a first guess by reweighted ridge: |d| <= d^2 / (2 c) + c / 2 at c = the last |d|."""
    B, P = moment.shape
    rows = np.arange(B)
    x = np.zeros((B, P))
    size = np.full((B, P - p), tau)
    at = np.arange(P - p)
    for _step in range(WARM_STEPS):
        Q, q, recover = eliminate(s2, rows)
        Q[:, at, at] += s2[:, None] / (tau * np.maximum(size, SIZE_MIN))
        delta = np.asarray(np.linalg.solve(Q, q[:, :, None])[:, :, 0], dtype=np.float64)
        size = np.abs(delta)
        x[:, :p], x[:, p:] = recover(delta), delta
        s2 = variance_of(_rss(gram, moment, square, x, rows), weight)
    kept = np.where(size > SMALL * tau, x[:, p:], 0.0)
    return kept, s2
