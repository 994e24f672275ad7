"""Non-negative weighted least squares over the leaves of a hierarchy, for tens of thousands of nodes at a time.

Symbols: S (n, m) sums leaves, y (n, h) base forecasts, w (n,) weights, x (m, h) leaves >= 0. The accelerated projected
gradient (Beck & Teboulle 2009) with restarts (O'Donoghue & Candes 2015), in leaves scaled by the root of their weight:
there the curvature lies between 1 and about the number of levels, so that some dozen steps are enough.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[np.float64]

# A step that moves no leaf by more than this share of the largest: far below what sums must agree to.
STEP_MAX = 1e-10
# WLSS takes about 60 steps, WLSV 150. OLS, whose root weighs as much as a leaf, stops here when nodes are many: what it
# has by then is non-negative and coherent, and its squared error within 0.01 % of the least (M5, 42,840 nodes).
STEPS_MAX = 600
_POWER_STEPS = 30
# The power method comes from below: the step is taken this much shorter.
_SAFETY = 1.05


def nonnegative_leaves(S: sparse.csr_matrix, y: Array, w: Array) -> Array:
    """Find x >= 0 that minimises sum_n w_n (y_n - (S x)_n)^2 for each column of y. w > 0; the last m rows of S are I.

    Returns (m, h). Exact to STEP_MAX unless STEPS_MAX come first.
    """
    n, m = S.shape
    assert y.shape[0] == n
    assert w.shape == (n,)
    assert (w > 0).all()
    d = 1.0 / np.sqrt(w[-m:])[:, None]
    half = sparse.csr_matrix(sparse.diags(np.sqrt(w)) @ S @ sparse.diags(d[:, 0]))
    back = sparse.csr_matrix(half.T)
    b = back @ (np.sqrt(w)[:, None] * y)
    step = 1.0 / (_SAFETY * _curvature(half, back))
    z = np.maximum(y[-m:], 0.0) / d
    ahead, momentum = z.copy(), 1.0
    for _ in range(STEPS_MAX):
        # in place: arrays of all leaves are copied only where they stay
        reached = back @ (half @ ahead)
        reached -= b
        reached *= -step
        reached += ahead
        np.maximum(reached, 0.0, out=reached)
        moved = reached - z
        ahead -= reached
        # Where the momentum points uphill it is dropped.
        if float(np.vdot(ahead, moved)) > 0:
            momentum, ahead = 1.0, reached.copy()
        else:
            grown = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            np.multiply(moved, (momentum - 1) / grown, out=ahead)
            ahead += reached
            momentum = float(grown)
        z = reached
        if max(float(moved.max()), -float(moved.min())) <= STEP_MAX * float(z.max()):
            break
    leaves: Array = z * d
    return leaves


def _curvature(half: sparse.csr_matrix, back: sparse.csr_matrix) -> float:
    """Estimate the largest eigenvalue of half' half by the power method; terms are >= 0, so ones are a near start."""
    v = np.ones(half.shape[1])
    value = 1.0
    for _ in range(_POWER_STEPS):
        u = back @ (half @ v)
        value = float(np.linalg.norm(u) / np.linalg.norm(v))
        v = u / np.linalg.norm(u)
    return value
