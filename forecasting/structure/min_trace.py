"""Minimum-trace reconciliation: the leaves whose sums are nearest to the base forecasts, weighted by their errors.

Symbols as in hierarchicalforecast, which does the arithmetic: S (n, m), y_hat (n, h), W (n, n) covariance of the base
errors. Source: Wickramasuriya, Athanasopoulos & Hyndman (2019); shrinkage: Schäfer & Strimmer (2005).
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

import importlib
import warnings
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.nonnegative import nonnegative_leaves
from stocktide.foundation.errors import Invalid

Array = NDArray[np.float64]

# The covariance of n nodes is dense: 3,000 take 72 MB a copy and some seconds, 10,000 would take 100 times that.
SHRINK_NODES_MAX = 3_000
# A node without any error in sample would get infinite weight: its variance is taken as this share of the mean one.
VARIANCE_FLOOR = 1e-4
_DIAGONAL = {"OLS": "ols", "WLSS": "wls_struct", "WLSV": "wls_var"}


def library() -> ModuleType:
    """Import hierarchicalforecast here, not at the top: it takes seconds, and the fitting workers need none of it."""
    return importlib.import_module("hierarchicalforecast.methods")


def diagonal(
    method: str, hierarchy: Hierarchy, y_hat: Array, *, variance: Array | None, nonnegative: bool
) -> Array:
    """Project with a diagonal W: OLS (ones), WLSS (leaves summed) or WLSV (variance (n,), NaN where unknown).

    Returns (n, h). Without the sign it is hierarchicalforecast's projection; with it, `nonnegative_leaves`.
    """
    known = None
    if method == "WLSV":
        assert variance is not None, "WLSV needs the variances"
        assert variance.shape == (hierarchy.n_nodes,)
        known = _floored(variance)
    if nonnegative:
        return hierarchy.sum_leaves(
            nonnegative_leaves(hierarchy.S, y_hat, _weights(method, hierarchy, known))
        )
    insample = {} if known is None else _residuals_of(known)
    with warnings.catch_warnings():
        # scipy >= 1.14 on csr_matrix.A1 inside hierarchicalforecast.
        warnings.simplefilter("ignore", DeprecationWarning)
        solver = library().MinTraceSparse(_DIAGONAL[method])
        return mean_of(solver.fit_predict(S=hierarchy.S, y_hat=y_hat, **insample))


def _weights(method: str, hierarchy: Hierarchy, variance: Array | None) -> Array:
    """Return the weight of each node's squared error, 1 / W, (n,)."""
    if variance is not None:
        return np.asarray(1.0 / variance)
    if method == "OLS":
        return np.ones(hierarchy.n_nodes)
    return np.asarray(1.0 / np.diff(hierarchy.S.indptr))


def shrunk(hierarchy: Hierarchy, y_hat: Array, residuals: Array | None) -> Array:
    """Project with the shrunk covariance of the in-sample residuals (n, T), NaN where unknown; any sign comes out.

    Raises Invalid: `mint_too_large` (more than SHRINK_NODES_MAX nodes), `mint_ill_conditioned`.
    """
    n = hierarchy.n_nodes
    if n > SHRINK_NODES_MAX:
        raise Invalid(
            "mint_too_large",
            f"MinT-shrink keeps a dense covariance of all nodes, and takes at most {SHRINK_NODES_MAX}; these are {n}. "
            "Take WLSV, which keeps the variances alone, or WLSS.",
            nodes=n,
            nodes_max=SHRINK_NODES_MAX,
        )
    assert residuals is not None, "MinT-shrink needs the residuals"
    assert residuals.shape[0] == n
    usable = _usable(residuals)
    try:
        mean = mean_of(
            library()
            .MinTrace("mint_shrink")
            .fit_predict(
                S=hierarchy.S.toarray(),
                y_hat=y_hat,
                y_insample=usable,
                y_hat_insample=np.zeros_like(usable),
            )
        )
    except Exception as error:
        if "ill-conditioned" not in str(error):
            raise
        raise _ill_conditioned() from error
    if not np.isfinite(mean).all():
        raise _ill_conditioned()
    return mean


def _ill_conditioned() -> Invalid:
    return Invalid(
        "mint_ill_conditioned",
        "The shrunk covariance of the residuals cannot be inverted; take WLSV instead.",
    )


def _usable(residuals: Array) -> Array:
    """Return residuals that the library accepts: unit scale, gaps filled, none without variance, no sum of 0.

    A gap counts as an error of the node's mean, which leaves its covariances unbiased in sign and a little small. A
    node without an error gets small errors of alternating sign. The library takes covariances about the mean, so 1 is
    added to all: it refuses errors that sum to 0, as those of a fit with an intercept do.
    """
    known = np.isfinite(residuals)
    count = np.maximum(known.sum(axis=1), 1)
    mean = np.where(known, residuals, 0.0).sum(axis=1) / count
    centred = np.where(known, residuals - mean[:, None], 0.0)
    variance = (centred**2).mean(axis=1)
    scale = float(variance.mean())
    if scale == 0.0:
        scale = 1.0
    flat = variance < VARIANCE_FLOOR * scale
    T = residuals.shape[1]
    # Of its own frequency for each node, else two such nodes would be perfectly correlated.
    tone = np.sqrt(2 * VARIANCE_FLOOR * scale) * np.cos(
        np.outer(1 + np.arange(residuals.shape[0]), (np.arange(T) + 0.5) * np.pi / max(T, 1))
    )
    centred = np.where(flat[:, None], tone, centred)
    usable: Array = centred / np.sqrt(scale) + 1.0
    return usable


def _floored(variance: Array) -> Array:
    """Scale variances (n,) to a mean near 1; none is 0 or unknown: such a node gets the floor."""
    floor = VARIANCE_FLOOR * float(np.nanmean(variance)) if np.nansum(variance) > 0 else 1.0
    known = np.where(np.isfinite(variance), variance, floor)
    floored: Array = np.maximum(known / max(float(known.mean()), floor), VARIANCE_FLOOR)
    return floored


def _residuals_of(variance: Array) -> dict[str, Array]:
    """Return two in-sample errors per node with the given variance.

    hierarchicalforecast takes weights only as errors. Real ones have gaps, may sum to 0 and may be constant, and it
    refuses all three; these two have variance 1 and a sum of 2, before scaling.
    """
    errors = np.array([1.0 + np.sqrt(0.5), 1.0 - np.sqrt(0.5)])
    y_insample = np.sqrt(variance)[:, None] * errors[None, :]
    return {"y_insample": y_insample, "y_hat_insample": np.zeros_like(y_insample)}


def mean_of(result: dict[str, Any]) -> Array:
    """Return the point forecasts of the library's answer."""
    mean: Array = np.asarray(result["mean"], dtype=np.float64)
    return mean
