"""Gamma-Gamma: what customers spend a purchase (Fader, Hardie 2013, "The Gamma-Gamma Model of Monetary Value").

What a customer spends at once is Gamma(p, nu) with nu ~ Gamma(q, gamma), and does not depend on how often the customer
buys. Symbols as in the note: x, repeat purchases; z, their mean value; arrays of shape (n,), float64, any one currency,
in which gamma then is, too.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

from forecasting.customers.likelihood import Likelihood, Status, maximise

Array = NDArray[np.float64]
# Logarithms of (p, q, gamma / mean z).
STARTS = tuple(np.log(one) for one in ([1, 2, 1], [6, 4, 0.5], [2, 10, 5]))


@dataclass(frozen=True)
class GammaGammaFit:
    """Parameters of Gamma-Gamma. covariance: of the logarithms of (p, q, gamma), (3, 3); None: not known."""

    p: float
    q: float
    gamma: float
    log_likelihood: float
    customers: int
    covariance: Array | None
    iterations: int
    status: Status

    @property
    def mean(self) -> float:
        """Return what a customer spends on average at once; infinite where q is at most 1."""
        return self.p * self.gamma / (self.q - 1) if self.q > 1 else float("inf")


def fit_gamma_gamma(x: Array, z: Array) -> GammaGammaFit:
    """Fit by maximum likelihood to customers who bought again and paid. All of x and z are above zero."""
    _check(x, z)
    assert (z > 0).all()  # noqa: S101 - the caller takes those who paid
    scale = float(z.mean())
    found = maximise(_likelihood(x, z / scale), STARTS, n=x.size)
    p, q, gamma = np.exp(found.log_parameters)
    return GammaGammaFit(
        float(p),
        float(q),
        float(gamma * scale),
        # a density of z has the unit of one over money
        found.log_likelihood - x.size * float(np.log(scale)),
        x.size,
        found.covariance,
        found.iterations,
        found.status,
    )


def _likelihood(x: Array, z: Array) -> Likelihood:
    """Return the mean log likelihood (equation 1a of the note) with its gradient."""
    log_x, log_z = np.log(x), np.log(z)

    def value(theta: Array) -> tuple[float, Array]:
        p, q, gamma = np.exp(theta)
        log_all = np.log(gamma + x * z)
        each = (
            gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(gamma)
            + (p * x - 1) * log_z + p * x * log_x - (p * x + q) * log_all
        )  # fmt: skip
        of_both = digamma(p * x + q)
        gradient = (
            x * (of_both - digamma(p * x) + log_z + log_x - log_all),
            of_both - digamma(q) + np.log(gamma) - log_all,
            q / gamma - (p * x + q) / (gamma + x * z),
        )
        return float(each.mean()), np.array([one.mean() for one in gradient]) * np.exp(theta)

    return value


def expected_average(fit: GammaGammaFit, x: Array, z: Array) -> Array:
    """Return what each customer is expected to spend a purchase: between the own mean and that of all.

    x is 0, and z is not used, where nothing is known of a customer: the mean of all then, NaN where that is infinite.
    """
    known = np.where(x > 0, z, 0.0)
    _check(x, known)
    denominator = fit.p * x + fit.q - 1
    expected = fit.p * (fit.gamma + x * known) / np.where(denominator > 0, denominator, np.nan)
    return np.asarray(expected, dtype=np.float64)


def _check(x: Array, z: Array) -> None:
    assert x.ndim == 1  # noqa: S101 - one number a customer
    assert x.shape == z.shape  # noqa: S101
    assert np.isfinite(x).all()  # noqa: S101
    assert np.isfinite(z).all()  # noqa: S101
    assert (x >= 0).all()  # noqa: S101
