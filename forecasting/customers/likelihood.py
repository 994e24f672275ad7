"""Maximum likelihood of a few positive parameters: several starts, analytic gradients, and how sure one can be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Array = NDArray[np.float64]
# Of the logarithms of the parameters: the mean log likelihood of an observation, and its gradient.
Likelihood = Callable[[Array], tuple[float, Array]]
Status = Literal["converged", "at_bound", "not_converged"]

# Logarithms beyond which a parameter says that its distribution is a point, or lies at zero.
LOG_MIN, LOG_MAX = -9.0, 12.0
ITERATIONS_MAX = 500
# Of the gradient of the mean log likelihood; the fourth decimal of CDNOW's parameters needs 1e-8.
GRADIENT_MAX = 1e-9
# Step of the numeric derivative of the gradient: the cube root of a float's precision.
STEP = 6e-6
# Directions in which the likelihood is flatter than that, compared with the steepest, are not known at all.
FLAT = 1e-10


@dataclass(frozen=True)
class Maximum:
    """Where a likelihood is largest. log_parameters: shape (k,). covariance: of those, (k, k), None: not known.

    log_likelihood: of all n observations. iterations: of the start that won.
    """

    log_parameters: Array
    log_likelihood: float
    covariance: Array | None
    iterations: int
    status: Status


def maximise(likelihood: Likelihood, starts: Sequence[Array], *, n: float) -> Maximum:
    """Maximise a likelihood of n observations from several starts, and take the best."""
    bounds = [(LOG_MIN, LOG_MAX)] * starts[0].size

    def negative(theta: Array, *_more: object) -> tuple[float, Array]:
        value, gradient = likelihood(theta)
        return -value, -gradient

    options = {"maxiter": ITERATIONS_MAX, "ftol": 1e-15, "gtol": GRADIENT_MAX}
    found = [
        minimize(negative, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)  # type: ignore[call-overload]  # the stubs know no options
        for start in starts
    ]
    best = min(found, key=lambda one: one.fun)
    theta = np.asarray(best.x, dtype=np.float64)
    at_bound = bool(np.any((theta <= LOG_MIN) | (theta >= LOG_MAX)))
    is_done = best.success or float(np.abs(best.jac).max()) < np.sqrt(GRADIENT_MAX)
    status: Status = "at_bound" if at_bound else "converged" if is_done else "not_converged"
    covariance = None if at_bound else _covariance(likelihood, theta, n)
    return Maximum(theta, float(-best.fun * n), covariance, int(best.nit), status)


def _covariance(likelihood: Likelihood, theta: Array, n: float) -> Array | None:
    """Invert the information matrix; None where the likelihood is flat in a direction."""
    columns = []
    for number in range(theta.size):
        step = np.zeros_like(theta)
        step[number] = STEP * max(1.0, abs(theta[number]))
        ahead, behind = likelihood(theta + step)[1], likelihood(theta - step)[1]
        columns.append(-n * (ahead - behind) / (2 * step[number]))
    information = np.array(columns)
    information = (information + information.T) / 2
    values, vectors = np.linalg.eigh(information)
    if not np.all(np.isfinite(values)) or values.min() <= FLAT * values.max():
        return None
    return np.asarray((vectors / values) @ vectors.T, dtype=np.float64)
