from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from forecasting.structure.hierarchy import Hierarchy, build_hierarchy
from forecasting.structure.reconcile import METHODS, Method, reconcile
from stocktide.foundation.errors import Invalid
from tests.forecasting.hierarchies import CROSSED, TREE, hierarchies

Array = NDArray[np.float64]
TOP_DOWN: tuple[Method, ...] = ("AHP", "PHA", "FP")
ANY_SHAPE: tuple[Method, ...] = ("BU", "OLS", "WLSS", "WLSV", "MinT-shrink", "MO", "TDRS")

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


def insample(hierarchy: Hierarchy, seed: int) -> dict[str, Any]:
    """Make what the methods learn from: demand, errors with gaps and without variance, shares, some of them 0."""
    rng = np.random.default_rng(seed)
    history = hierarchy.sum_leaves(rng.poisson(0.5, size=(hierarchy.n_leaves, 10)).astype(float))
    residuals = rng.normal(size=history.shape) * rng.integers(0, 3, size=(hierarchy.n_nodes, 1))
    residuals[rng.random(residuals.shape) < 0.2] = np.nan
    shares = rng.gamma(0.5, size=hierarchy.n_leaves) * rng.integers(0, 2, size=hierarchy.n_leaves)
    return {
        "y_insample": history,
        "variance": history.var(axis=1),
        "residuals": residuals,
        "shares": shares,
    }


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
    known = insample(hierarchy, seed)
    for middle in list(hierarchy.tags) if method == "MO" else [None]:
        assert_coherent(hierarchy, reconcile(method, hierarchy, y_hat, middle=middle, **known))


@settings(max_examples=40)
@given(hierarchies(levels=TREE), st.sampled_from(METHODS), st.integers(0, 2**32 - 1))
def test_forecasts_add_up_and_none_is_negative_when_levels_are_a_tree(
    hierarchy: Hierarchy, method: Method, seed: int
) -> None:
    y_hat = base_forecasts(hierarchy, seed)
    known = insample(hierarchy, seed)
    reconciled = reconcile(method, hierarchy, y_hat, middle="total", **known)
    assert_coherent(hierarchy, reconciled)
    if method in ("MO", *TOP_DOWN) and known["y_insample"][0].any():
        np.testing.assert_allclose(reconciled[0], np.maximum(y_hat[0], 0), rtol=1e-6, atol=1e-9)


@settings(max_examples=25)
@given(hierarchies(levels=TREE), st.sampled_from(METHODS), st.integers(0, 2**32 - 1))
def test_coherent_forecasts_stay_as_they_are(
    hierarchy: Hierarchy, method: Method, seed: int
) -> None:
    if method in ("AHP", "PHA", "TDRS"):
        return
    leaves = np.random.default_rng(seed).gamma(2.0, size=(hierarchy.n_leaves, 2))
    y_hat = hierarchy.sum_leaves(leaves)
    reconciled = reconcile(method, hierarchy, y_hat, middle="total", **insample(hierarchy, seed))
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
        out = reconcile(method, SMALL, zeros, middle="total", **insample(SMALL, 1))
        np.testing.assert_array_equal(out, zeros)


def test_wlsv_takes_nodes_without_variance_or_with_none_known() -> None:
    y_hat = base_forecasts(SMALL, 3) + 50
    for variance in (np.zeros(6), np.full(6, np.nan), np.array([1, 0, np.nan, 1, 2, 0.0])):
        assert_coherent(SMALL, reconcile("WLSV", SMALL, y_hat, variance=variance))


@settings(max_examples=30)
@given(
    hierarchies(levels=CROSSED),
    st.sampled_from(ANY_SHAPE),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1e-2, 1e3]),
)
def test_a_change_of_unit_changes_the_forecasts_by_the_same_factor(
    hierarchy: Hierarchy, method: Method, seed: int, unit: float
) -> None:
    y_hat, known = base_forecasts(hierarchy, seed), insample(hierarchy, seed)
    one = reconcile(method, hierarchy, y_hat, middle="total", **known)
    known["variance"] = known["variance"] * unit**2
    known["residuals"] = known["residuals"] * unit
    other = reconcile(method, hierarchy, y_hat * unit, middle="total", **known)
    np.testing.assert_allclose(other, one * unit, rtol=1e-4, atol=1e-6 * unit * one.max())


def test_mint_shrink_is_the_formula_with_its_covariance_shrunk() -> None:
    rng = np.random.default_rng(2)
    residuals = rng.normal(size=(6, 40)) * np.array([[9.0], [4], [3], [2], [1], [2]])
    residuals -= residuals.mean(axis=1, keepdims=True)
    y_hat = SMALL.sum_leaves(np.array([[30.0], [40.0], [50.0]])) * np.linspace(0.9, 1.1, 6)[:, None]
    # Schafer and Strimmer's intensity, from the sampling variance of the correlations.
    n = residuals.shape[1]
    x = residuals / residuals.std(axis=1, keepdims=True)
    w = x[:, None, :] * x[None, :, :]
    spread = n / (n - 1) ** 3 * ((w - w.mean(axis=2, keepdims=True)) ** 2).sum(axis=2)
    r = w.mean(axis=2)
    off = ~np.eye(6, dtype=bool)
    intensity = min(1.0, spread[off].sum() / (r[off] ** 2).sum())
    cov = np.cov(residuals)
    W = np.where(off, (1 - intensity) * cov, cov)
    S = SMALL.S.toarray()
    G = np.linalg.solve(S.T @ np.linalg.solve(W, S), S.T @ np.linalg.inv(W))
    ours = reconcile("MinT-shrink", SMALL, y_hat, residuals=residuals)
    np.testing.assert_allclose(ours, S @ G @ y_hat, rtol=0.01)


def test_mint_shrink_is_refused_when_there_are_too_many_nodes() -> None:
    leaves = pd.DataFrame({"leaf": [f"{i:05d}" for i in range(3_000)]})
    large = build_hierarchy([[], ["leaf"]], leaves)
    ones = np.ones((large.n_nodes, 1))
    with pytest.raises(Invalid, match=r"at most 3000; these are 3001.*Take WLSV") as raised:
        reconcile("MinT-shrink", large, ones, residuals=ones)
    assert raised.value.code == "mint_too_large"


def test_middle_out_sums_up_and_splits_down_from_the_named_level() -> None:
    y_hat = np.array([[100.0], [30.0], [10.0], [1.0], [3.0], [9.0]])
    reconciled = reconcile("MO", SMALL, y_hat, middle="middle")
    np.testing.assert_allclose(reconciled.ravel(), [40, 30, 10, 7.5, 22.5, 10])


@settings(max_examples=25)
@given(hierarchies(levels=TREE), st.integers(0, 2**32 - 1))
def test_middle_out_from_the_total_is_fp_and_from_the_leaves_bu(
    hierarchy: Hierarchy, seed: int
) -> None:
    y_hat = np.maximum(base_forecasts(hierarchy, seed), 1e-3)
    leaves = list(hierarchy.tags)[-1]
    for middle, method in (("total", "FP"), (leaves, "BU")):
        ours = reconcile("MO", hierarchy, y_hat, middle=middle)
        same: Method = "FP" if method == "FP" else "BU"
        np.testing.assert_allclose(ours, reconcile(same, hierarchy, y_hat), rtol=1e-6)


def test_recent_shares_split_the_reconciled_levels_above_the_leaves() -> None:
    y_hat = np.array([[100.0], [60.0], [20.0], [1.0], [3.0], [9.0]])
    shares = np.array([3.0, 1.0, 0.2])
    # WLSS over total, a, b with weights 1/2, 1, 1 splits the gap of 20 in the ratio 2 : 1 : 1.
    reconciled = reconcile("TDRS", SMALL, y_hat, shares=shares)
    np.testing.assert_allclose(reconciled.ravel(), [90, 65, 25, 48.75, 16.25, 25], rtol=1e-4)
    plain = reconcile("TDRS", SMALL, y_hat, shares=np.zeros(3), middle="total")
    np.testing.assert_allclose(plain.ravel(), [100, 200 / 3, 100 / 3] + [100 / 3] * 3)


def test_middle_levels_are_named_when_missing_or_unknown() -> None:
    with pytest.raises(Invalid, match=r"one of .*'middle'"):
        reconcile("MO", SMALL, np.ones((6, 1)))
    with pytest.raises(Invalid, match="No level is named 'shop'"):
        reconcile("TDRS", SMALL, np.ones((6, 1)), shares=np.ones(3), middle="shop")


def test_the_plain_projection_keeps_its_sign_when_asked() -> None:
    y_hat = np.array([[10.0], [12.0], [-2.0], [9.0], [3.0], [-2.0]])
    np.testing.assert_allclose(reconcile("OLS", SMALL, y_hat, nonnegative=False), y_hat, rtol=1e-5)
    assert (reconcile("OLS", SMALL, y_hat) >= 0).all()
