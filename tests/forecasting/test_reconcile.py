import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from forecasting.hierarchy import Hierarchy, build_hierarchy
from forecasting.reconcile import METHODS, Method, reconcile
from stocktide.errors import Invalid
from tests.forecasting.hierarchies import CROSSED, TREE, hierarchies

Array = NDArray[np.float64]
TOP_DOWN: tuple[Method, ...] = ("AHP", "PHA", "FP")
ANY_SHAPE: tuple[Method, ...] = ("BU", "OLS", "WLSS", "WLSV")

# total -> a (a1, a2), b (b1)
SMALL = build_hierarchy(
    [[], ["middle"], ["leaf"]],
    pd.DataFrame({"middle": ["a", "a", "b"], "leaf": ["a1", "a2", "b1"]}),
)


def base_forecasts(hierarchy: Hierarchy, seed: int, *, scale: float = 1.0) -> Array:
    """Make incoherent forecasts with zeros, negatives and quiet nodes, shape (n, 3)."""
    rng = np.random.default_rng(seed)
    leaves = rng.gamma(0.5, 3.0, size=(hierarchy.n_leaves, 3)) * rng.integers(
        0, 2, size=(hierarchy.n_leaves, 1)
    )
    noise = rng.normal(0.0, 2.0, size=(hierarchy.n_nodes, 3))
    return scale * (hierarchy.sum_leaves(leaves) + noise)


def assert_coherent(hierarchy: Hierarchy, y: Array) -> None:
    assert (y >= 0).all()
    np.testing.assert_allclose(y, hierarchy.S @ y[-hierarchy.n_leaves :], rtol=1e-6, atol=0)


@settings(max_examples=40)
@given(
    hierarchies(levels=CROSSED),
    st.sampled_from(ANY_SHAPE),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1e-3, 1.0, 1e6]),
)
def test_forecasts_add_up_and_none_is_negative_when_groupings_cross(
    hierarchy: Hierarchy, method: Method, seed: int, scale: float
) -> None:
    y_hat = base_forecasts(hierarchy, seed, scale=scale)
    variance = np.random.default_rng(seed).gamma(0.5, size=hierarchy.n_nodes)
    assert_coherent(hierarchy, reconcile(method, hierarchy, y_hat, variance=variance))


@settings(max_examples=40)
@given(hierarchies(levels=TREE), st.sampled_from(METHODS), st.integers(0, 2**32 - 1))
def test_forecasts_add_up_and_none_is_negative_when_levels_are_a_tree(
    hierarchy: Hierarchy, method: Method, seed: int
) -> None:
    y_hat = base_forecasts(hierarchy, seed)
    history = hierarchy.sum_leaves(
        np.random.default_rng(seed).poisson(0.5, size=(hierarchy.n_leaves, 10)).astype(float)
    )
    reconciled = reconcile(
        method, hierarchy, y_hat, y_insample=history, variance=history.var(axis=1)
    )
    assert_coherent(hierarchy, reconciled)
    if method in TOP_DOWN and history[0].any():
        np.testing.assert_allclose(reconciled[0], np.maximum(y_hat[0], 0), rtol=1e-6, atol=1e-9)


@settings(max_examples=25)
@given(hierarchies(levels=TREE), st.sampled_from(METHODS), st.integers(0, 2**32 - 1))
def test_coherent_forecasts_stay_as_they_are(
    hierarchy: Hierarchy, method: Method, seed: int
) -> None:
    if method in ("AHP", "PHA"):
        return
    leaves = np.random.default_rng(seed).gamma(2.0, size=(hierarchy.n_leaves, 2))
    y_hat = hierarchy.sum_leaves(leaves)
    reconciled = reconcile(method, hierarchy, y_hat, variance=np.ones(hierarchy.n_nodes))
    np.testing.assert_allclose(reconciled, y_hat, rtol=1e-5)


@pytest.mark.parametrize("method", TOP_DOWN)
def test_top_down_is_refused_when_groupings_cross(method: Method) -> None:
    leaves = pd.DataFrame({"location": ["A", "A", "B"], "product": ["x", "y", "x"]})
    crossed = build_hierarchy([[], ["location"], ["product"], ["location", "product"]], leaves)
    with pytest.raises(Invalid, match="these levels cross") as raised:
        reconcile(method, crossed, np.ones((crossed.n_nodes, 1)))
    assert raised.value.code == "method_needs_tree"


def test_an_unknown_method_is_named_with_the_known_ones() -> None:
    with pytest.raises(Invalid, match="BU, AHP, PHA"):
        reconcile("MINT", SMALL, np.ones((SMALL.n_nodes, 1)))  # type: ignore[arg-type]  # the point of the test


def test_ahp_splits_by_the_mean_of_the_daily_shares() -> None:
    history = SMALL.sum_leaves(np.array([[1.0, 6.0], [1.0, 0.0], [2.0, 2.0]]))
    y_hat = np.array([[100.0], [0.0], [0.0], [0.0], [0.0], [0.0]])
    # Day 1 shares 1/4, 1/4, 2/4; day 2 shares 6/8, 0, 2/8; their means 1/2, 1/8, 3/8.
    reconciled = reconcile("AHP", SMALL, y_hat, y_insample=history)
    np.testing.assert_allclose(reconciled.ravel(), [100, 62.5, 37.5, 50, 12.5, 37.5])


def test_pha_splits_by_the_share_of_the_means() -> None:
    history = SMALL.sum_leaves(np.array([[1.0, 6.0], [1.0, 0.0], [2.0, 2.0]]))
    y_hat = np.array([[120.0], [0.0], [0.0], [0.0], [0.0], [0.0]])
    # Sums 7, 1, 4 of 12.
    reconciled = reconcile("PHA", SMALL, y_hat, y_insample=history)
    np.testing.assert_allclose(reconciled.ravel(), [120, 80, 40, 70, 10, 40])


def test_ahp_leaves_out_days_without_any_sale() -> None:
    history = SMALL.sum_leaves(np.array([[1.0, 0.0], [1.0, 0.0], [2.0, 0.0]]))
    y_hat = np.array([[8.0], [0.0], [0.0], [0.0], [0.0], [0.0]])
    reconciled = reconcile("AHP", SMALL, y_hat, y_insample=history)
    np.testing.assert_allclose(reconciled.ravel(), [8, 4, 4, 2, 2, 4])


def test_fp_splits_by_forecast_shares_level_by_level() -> None:
    y_hat = np.array([[100.0], [30.0], [10.0], [1.0], [3.0], [9.0]])
    reconciled = reconcile("FP", SMALL, y_hat)
    np.testing.assert_allclose(reconciled.ravel(), [100, 75, 25, 18.75, 56.25, 25])


@pytest.mark.parametrize("method", ["OLS", "WLSS", "WLSV"])
def test_min_trace_is_the_formula_when_no_sign_binds(method: Method) -> None:
    y_hat = SMALL.sum_leaves(np.array([[30.0], [40.0], [50.0]])) * np.linspace(0.9, 1.1, 6)[:, None]
    variance = np.array([9.0, 4.0, 3.0, 2.0, 1.0, 2.5])
    S = SMALL.S.toarray()
    W = {"OLS": np.ones(6), "WLSS": S.sum(axis=1), "WLSV": variance}[method]
    G = np.linalg.solve(S.T @ np.diag(1 / W) @ S, S.T @ np.diag(1 / W))
    reconciled = reconcile(method, SMALL, y_hat, variance=variance)
    np.testing.assert_allclose(reconciled, S @ G @ y_hat, rtol=1e-5)


def test_all_zero_forecasts_stay_zero() -> None:
    for method in METHODS:
        zeros = np.zeros((SMALL.n_nodes, 2))
        ones = np.ones((SMALL.n_nodes, 4))
        out = reconcile(method, SMALL, zeros, y_insample=ones, variance=np.zeros(SMALL.n_nodes))
        np.testing.assert_array_equal(out, zeros)


def test_wlsv_takes_nodes_without_variance_or_with_none_known() -> None:
    y_hat = base_forecasts(SMALL, 3) + 50
    for variance in (np.zeros(6), np.full(6, np.nan), np.array([1, 0, np.nan, 1, 2, 0.0])):
        assert_coherent(SMALL, reconcile("WLSV", SMALL, y_hat, variance=variance))
