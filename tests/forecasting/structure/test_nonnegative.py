import importlib
import warnings

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from forecasting.structure.hierarchy import Hierarchy, build_hierarchy
from forecasting.structure.nonnegative import nonnegative_leaves
from tests.forecasting.demands import LEAVES
from tests.forecasting.hierarchies import CROSSED, hierarchies


@settings(max_examples=50)
@given(hierarchies(levels=CROSSED), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.5, 1.0]))
def test_leaves_fulfil_the_conditions_of_the_least_squares(
    hierarchy: Hierarchy, seed: int, spread: float
) -> None:
    rng = np.random.default_rng(seed)
    S = hierarchy.S.toarray()
    y = S @ rng.gamma(0.5, size=(hierarchy.n_leaves, 3)) + rng.normal(size=(len(S), 3))
    w = np.exp(spread * rng.normal(size=len(S)))
    x = nonnegative_leaves(hierarchy.S, y, w)
    gradient = S.T @ (w[:, None] * (S @ x - y))
    size = float(np.abs(S.T @ (w[:, None] * y)).max()) + 1e-12
    assert (x >= 0).all()
    assert gradient.min() >= -1e-5 * size
    assert np.abs(gradient * (x > 0)).max() <= 1e-5 * size
    for column in range(3):
        exact, _ = nnls(np.sqrt(w)[:, None] * S, np.sqrt(w) * y[:, column])
        np.testing.assert_allclose(x[:, column], exact, atol=1e-5 * (1 + exact.max()))


def test_leaves_equal_those_of_the_library_where_the_sign_binds() -> None:
    hierarchy = build_hierarchy([[], ["location"], ["location", "product"]], LEAVES)
    rng = np.random.default_rng(4)
    y = hierarchy.sum_leaves(rng.gamma(0.5, size=(12, 2))) + rng.normal(size=(16, 2))
    y = np.maximum(y, 0)
    y[0] = 0.2 * y[0]
    library = importlib.import_module("hierarchicalforecast.methods")
    with warnings.catch_warnings():
        # scipy >= 1.14 on csr_matrix.A1 inside hierarchicalforecast.
        warnings.simplefilter("ignore", DeprecationWarning)
        solver = library.MinTraceSparse("wls_struct", nonnegative=True)
        theirs = solver.fit_predict(S=hierarchy.S, y_hat=y)["mean"]
    w = 1.0 / np.asarray(hierarchy.S.sum(axis=1)).ravel()
    ours = hierarchy.sum_leaves(nonnegative_leaves(hierarchy.S, y, w))
    assert (ours[-12:] == 0).any()
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
