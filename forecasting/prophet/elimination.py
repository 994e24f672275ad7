"""Elimination of theta: for given s^2 its normal priors make it a ridge regression, and what is left is in delta alone.

B series, P = p + S columns, theta first. Q = G_dd - G_dt (G_tt + s^2 Lambda)^-1 G_td and q alike, for any s^2.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Q (b, S, S), q (b, S), and the theta (b, p) that belongs to a delta (b, S).
Eliminated = tuple[Array, Array, Callable[[Array], Array]]
# Called with s^2 (b,) of some series, and which they are.
Eliminator = Callable[[Array, NDArray[np.intp]], Eliminated]


def eliminate_shared(gram: Array, moment: Array, precision: Array) -> Eliminator:
    """Eliminate theta where all series share G: one eigen-decomposition serves every s^2."""
    p = precision.size
    root = 1.0 / np.sqrt(precision)
    values, U = np.linalg.eigh(gram[:p, :p] * root[:, None] * root[None, :])
    values = np.maximum(values, 0.0)
    V = U.T @ (gram[:p, p:] * root[:, None])
    S = V.shape[1]
    outer = (V[:, :, None] * V[:, None, :]).reshape(p, S * S)
    rho = (moment[:, :p] * root[None, :]) @ U

    def eliminate(s2: Array, rows: NDArray[np.intp]) -> Eliminated:
        inverse = 1.0 / (values[None, :] + s2[:, None])
        Q = gram[None, p:, p:] - (inverse @ outer).reshape(s2.size, S, S)
        q = moment[rows, p:] - (inverse * rho[rows]) @ V

        def recover(delta: Array) -> Array:
            return np.asarray(((inverse * (rho[rows] - delta @ V.T)) @ U.T) * root[None, :])

        return Q, q, recover

    return eliminate


def eliminate_own(gram: Array, moment: Array, precision: Array) -> Eliminator:
    """Eliminate theta where each series has its own G: one solve of p equations a series and s^2."""
    p = precision.size
    at = np.arange(p)

    def eliminate(s2: Array, rows: NDArray[np.intp]) -> Eliminated:
        ridge = gram[rows, :p, :p]
        ridge[:, at, at] += s2[:, None] * precision[None, :]
        cross = gram[rows, :p, p:]
        right = np.concatenate([cross, moment[rows, :p, None]], axis=2)
        solved = np.linalg.solve(ridge, right)
        Q = gram[rows, p:, p:] - cross.transpose(0, 2, 1) @ solved[:, :, :-1]
        q = moment[rows, p:] - (cross.transpose(0, 2, 1) @ solved[:, :, -1:])[:, :, 0]

        def recover(delta: Array) -> Array:
            return np.asarray(solved[:, :, -1] - (solved[:, :, :-1] @ delta[:, :, None])[:, :, 0])

        return Q, q, recover

    return eliminate
