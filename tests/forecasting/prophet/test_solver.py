import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from forecasting.prophet.lasso import feature_sign_step, lasso_gap
from forecasting.prophet.solver import (
    GAP_MAX,
    SIGMA_MIN,
    Solution,
    negative_log_posterior,
    solve,
)
from forecasting.prophet.trend import trend_basis

Array = NDArray[np.float64]
TAU = 0.05
PRECISION = np.array([1 / 25, 1 / 25, 1 / 100, 1 / 100])


def columns(T: int, S: int) -> Array:
    """Offset, slope, one weekly pair, S hinges."""
    t = np.linspace(0, 1, T)
    basis = trend_basis(t, np.linspace(0, 0.8, S + 1)[1:])
    week = 2 * np.pi * np.arange(T)[:, None] / 7
    return np.hstack([basis[:, :2], np.sin(week), np.cos(week), basis[:, 2:]])


def series(seed: int, B: int, T: int) -> Array:
    rng = np.random.default_rng(seed)
    slope = np.where(rng.random((B, T)) < 0.03, rng.normal(0, 0.02, (B, T)), 0.0).cumsum(axis=1)
    y = slope.cumsum(axis=1) + rng.normal(0, rng.uniform(0.05, 2, (B, 1)), (B, T))
    return np.asarray(y / np.abs(y).max(axis=1, keepdims=True))


def fitted(A: Array, Y: Array, w: Array | None = None, **more: Array) -> Solution:
    w = np.ones(A.shape[0]) if w is None else w
    Aw = A * w[:, None]
    weight = np.full(Y.shape[0], w.sum())
    return solve(A.T @ Aw, Y @ Aw, (Y * Y) @ w, weight, precision=PRECISION, tau=TAU, **more)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), T=st.integers(40, 400), S=st.integers(1, 25))
def test_solve_meets_the_conditions_of_optimality(seed: int, T: int, S: int) -> None:
    A, Y = columns(T, S), series(seed, 3, T)
    found = fitted(A, Y)
    residual = Y - np.hstack([found.theta, found.delta]) @ A.T
    pull = residual @ A / found.variance[:, None]
    scale = np.abs(Y @ A).max(axis=1, keepdims=True) / found.variance[:, None]
    # ridge part: the gradient is 0
    ridge = pull[:, :4] - found.theta * PRECISION
    assert (np.abs(ridge) <= 1e-6 * scale).all()
    # lasso part: |gradient| <= 1 / tau, with equality and the right sign where a slope changes
    hinge = pull[:, 4:] * TAU
    assert (np.abs(hinge) <= 1 + 1e-2).all()
    moved = found.delta != 0
    assert (np.abs(hinge[moved] - np.sign(found.delta[moved])) <= 1e-2).all()
    # noise: s^2 is where the objective is flat
    rss = (residual**2).sum(axis=1)
    flat = rss / found.variance - T - 4 * found.variance
    assert (np.abs(flat) <= 1e-3 * T).all() or (found.variance == SIGMA_MIN**2).any()
    assert (found.gap <= GAP_MAX).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_neighbour_of_the_solution_is_better(seed: int) -> None:
    A, Y = columns(200, 12), series(seed, 2, 200)
    found = fitted(A, Y)
    rng = np.random.default_rng(seed)
    for size in (1e-4, 1e-2, 0.3):
        theta = found.theta + size * rng.normal(size=found.theta.shape)
        delta = found.delta + size * rng.normal(size=found.delta.shape)
        variance = found.variance * np.exp(size * rng.normal(size=2))
        rss = ((Y - np.hstack([theta, delta]) @ A.T) ** 2).sum(axis=1)
        other = negative_log_posterior(
            rss, np.full(2, 200.0), variance, theta, delta, PRECISION, TAU
        )
        assert (other >= found.objective - 1e-3).all()


def test_a_series_is_fitted_alike_alone_shared_and_with_its_own_gram_matrix() -> None:
    A, Y = columns(300, 20), series(1, 9, 300)
    together = fitted(A, Y)
    weight = np.full(9, 300.0)
    own = solve(
        np.broadcast_to(A.T @ A, (9, 24, 24)).copy(),
        Y @ A,
        (Y * Y).sum(axis=1),
        weight,
        precision=PRECISION,
        tau=TAU,
    )
    np.testing.assert_allclose(own.objective, together.objective, atol=1e-6)
    for row in range(9):
        alone = fitted(A, Y[row : row + 1])
        np.testing.assert_allclose(alone.objective[0], together.objective[row], atol=1e-6)
        np.testing.assert_allclose(alone.delta[0], together.delta[row], atol=1e-5)


def test_a_weight_of_two_is_the_day_twice() -> None:
    A, Y = columns(120, 8), series(2, 2, 120)
    w = np.where(np.arange(120) % 3 == 0, 2.0, 1.0)
    twice = np.repeat(np.arange(120), w.astype(int))
    weighted, repeated = fitted(A, Y, w), fitted(A[twice], Y[:, twice])
    np.testing.assert_allclose(weighted.objective, repeated.objective, atol=1e-6)


def test_a_warm_start_ends_where_a_cold_one_does_and_sooner() -> None:
    A, Y = columns(500, 25), series(3, 40, 500)
    cold = fitted(A, Y)
    warm = fitted(A, Y, variance=cold.variance, delta=cold.delta)
    np.testing.assert_allclose(warm.objective, cold.objective, atol=1e-4)
    assert warm.rounds.mean() < cold.rounds.mean()


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), S=st.integers(1, 15))
def test_a_feature_sign_step_never_raises_the_lasso(seed: int, S: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(4, S, S + 2))
    Q, q = root @ root.transpose(0, 2, 1), rng.normal(size=(4, S))
    penalty = rng.uniform(0.01, 2, 4)
    x = np.where(rng.random((4, S)) < 0.5, rng.normal(size=(4, S)), 0.0)

    def value(x: Array) -> Array:
        quadratic = 0.5 * np.einsum("bi,bij,bj->b", x, Q, x) - (q * x).sum(axis=1)
        return np.asarray(quadratic + penalty * np.abs(x).sum(axis=1))

    for _ in range(60):
        after = feature_sign_step(Q, q, penalty, x)
        assert (value(after) <= value(x) + 1e-9 * (1 + np.abs(value(x)))).all()
        x = after
    # Q = L'L and q = L'b with b = L^+ q: the residual's squared norm at x
    inner = np.linalg.solve(Q, q[:, :, None])[:, :, 0] - x
    energy = np.einsum("bi,bij,bj->b", inner, Q, inner)
    assert (lasso_gap(Q, q, penalty, x, energy) <= 1e-6 * (1 + energy)).all()


def test_the_gap_bounds_what_is_left() -> None:
    Q, q, penalty = np.array([[[2.0]]]), np.array([[3.0]]), np.array([1.0])
    # minimum of x^2 - 3x + |x| is -1 at x = 1
    for x in (-1.0, 0.0, 0.5, 1.0, 2.0):
        left = x * x - 3 * x + abs(x) + 1
        # x^2 - 3x is |sqrt(2) x - 3 / sqrt(2)|^2 / 2 but for a constant
        energy = np.array([(2**0.5 * x - 3 / 2**0.5) ** 2])
        bound = lasso_gap(Q, q, penalty, np.array([[x]]), energy)[0]
        assert bound >= left - 1e-12
        assert (bound < 1e-12) == (x == 1.0)


@pytest.mark.parametrize("S", [0, 1])
def test_few_or_no_changes_of_slope_are_no_special_case(S: int) -> None:
    A, Y = columns(60, S), series(4, 2, 60)
    found = fitted(A, Y)
    assert found.delta.shape == (2, S)
    assert np.isfinite(found.objective).all()
