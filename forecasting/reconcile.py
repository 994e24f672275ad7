"""Reconciliation: forecasts of every node in, forecasts that add up out.

Symbols as in hierarchicalforecast: S (n, m) sums leaves, y_hat (n, h) base forecasts, y_tilde (n, h) reconciled.
Method names are scikit-hts's (docs/decisions/020-scikit-hts.md); the arithmetic is hierarchicalforecast's.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

import importlib
import warnings
from types import ModuleType
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from forecasting.hierarchy import Hierarchy
from stocktide.errors import Invalid

Array = NDArray[np.float64]
Method = Literal["BU", "AHP", "PHA", "FP", "OLS", "WLSS", "WLSV"]
METHODS: tuple[Method, ...] = get_args(Method)

_TOP_DOWN = {
    "AHP": "average_proportions",
    "PHA": "proportion_averages",
    "FP": "forecast_proportions",
}
_MIN_TRACE = {"OLS": "ols", "WLSS": "wls_struct", "WLSV": "wls_var"}
# A node that never erred in sample would get infinite weight: its variance is taken as this share of the mean one.
VARIANCE_FLOOR = 1e-4


def reconcile(
    method: Method,
    hierarchy: Hierarchy,
    y_hat: Array,
    *,
    y_insample: Array | None = None,
    variance: Array | None = None,
) -> Array:
    """Reconcile base forecasts so that every node is the sum of its leaves and none is negative.

    y_hat: (n_nodes, h), finite, any sign (negatives count as 0). y_insample: (n_nodes, T) demand, for AHP and PHA.
    variance: (n_nodes,) of in-sample errors, for WLSV. Returns (n_nodes, h), exactly S @ (leaf forecasts >= 0).
    Raises Invalid: `method_unknown`, `method_needs_tree` (AHP, PHA, FP split downwards, which takes one parent each).
    Sources: Hyndman & Athanasopoulos, FPP3 chapter 11; MinT: Wickramasuriya, Athanasopoulos & Hyndman (2019).
    """
    if method not in METHODS:
        raise Invalid("method_unknown", f"No method {method!r}; there are {', '.join(METHODS)}.")
    if method in _TOP_DOWN and not hierarchy.is_tree:
        raise Invalid(
            "method_needs_tree",
            f"{method} splits the total downwards, so each level must split the level before it; "
            "these levels cross. Take BU, OLS, WLSS or WLSV, or remove a level.",
        )
    assert y_hat.shape[0] == hierarchy.n_nodes
    assert np.isfinite(y_hat).all()
    base = np.maximum(y_hat, 0.0)
    scale = float(base.mean())
    if scale == 0.0:
        return np.zeros_like(base)
    # Solver tolerances are absolute: at unit scale they mean the same for grams and for pallets.
    base = base / scale
    if method == "BU":
        y_tilde = _bottom_up(hierarchy, base)
    elif method in _TOP_DOWN:
        y_tilde = _top_down(method, hierarchy, base, y_insample)
    else:
        y_tilde = _min_trace(method, hierarchy, base, variance)
    leaves = np.maximum(y_tilde[-hierarchy.n_leaves :], 0.0)
    return hierarchy.sum_leaves(leaves * scale)


def _library() -> ModuleType:
    """Import hierarchicalforecast here, not at the top: it takes seconds, and the fitting workers need none of it."""
    return importlib.import_module("hierarchicalforecast.methods")


def _bottom_up(hierarchy: Hierarchy, base: Array) -> Array:
    return _mean(_library().BottomUpSparse().fit_predict(S=hierarchy.S, y_hat=base))


def _top_down(method: str, hierarchy: Hierarchy, base: Array, y_insample: Array | None) -> Array:
    if method == "FP":
        return _mean(
            _library()
            .TopDownSparse(_TOP_DOWN[method])
            .fit_predict(S=hierarchy.S, y_hat=base, tags=hierarchy.tags)
        )
    assert y_insample is not None, f"{method} needs y_insample"
    assert y_insample.shape[0] == hierarchy.n_nodes
    # Days on which nothing was sold at all say nothing about shares; the ratio would be 0 / 0.
    sold = y_insample[:, y_insample[0] > 0]
    if sold.shape[1] == 0:
        return _bottom_up(hierarchy, base)
    return _mean(
        _library()
        .TopDownSparse(_TOP_DOWN[method])
        .fit_predict(S=hierarchy.S, y_hat=base, y_insample=sold, tags=hierarchy.tags)
    )


def _min_trace(method: str, hierarchy: Hierarchy, base: Array, variance: Array | None) -> Array:
    insample: dict[str, Array] = {}
    if method == "WLSV":
        assert variance is not None, "WLSV needs the variances"
        assert variance.shape == (hierarchy.n_nodes,)
        insample = _residuals_of(variance)
    arguments: dict[str, Any] = {"S": hierarchy.S, "y_hat": base, **insample}
    with warnings.catch_warnings():
        # scipy >= 1.14 on csr_matrix.A1 inside hierarchicalforecast.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return _mean(
                _library()
                .MinTraceSparse(_MIN_TRACE[method], nonnegative=True)
                .fit_predict(**arguments)
            )
        except Exception as error:
            # The library raises a bare Exception; any other message is not ours to swallow.
            if "Non-negative optimisation failed" not in str(error):
                raise
        # The quadratic program did not close: project without the sign, then clip (the caller sums up again).
        return _mean(_library().MinTraceSparse(_MIN_TRACE[method]).fit_predict(**arguments))


def _residuals_of(variance: Array) -> dict[str, Array]:
    """Make two in-sample errors per node with the given variance.

    hierarchicalforecast takes weights only as errors. Real ones have gaps, may sum to 0 and may be constant, and it
    refuses all three; these two have variance 1 and a sum of 2, before scaling.
    """
    floor = VARIANCE_FLOOR * float(np.nanmean(variance)) if np.nansum(variance) > 0 else 1.0
    known = np.where(np.isfinite(variance), variance, floor)
    sd = np.sqrt(np.maximum(known / max(float(known.mean()), floor), VARIANCE_FLOOR))
    errors = np.array([1.0 + np.sqrt(0.5), 1.0 - np.sqrt(0.5)])
    y_insample = sd[:, None] * errors[None, :]
    return {"y_insample": y_insample, "y_hat_insample": np.zeros_like(y_insample)}


def _mean(result: dict[str, Any]) -> Array:
    mean: Array = np.asarray(result["mean"], dtype=np.float64)
    return mean
