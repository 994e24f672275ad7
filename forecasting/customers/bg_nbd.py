"""BG/NBD: how often customers buy, and whether they still do (Fader, Hardie, Lee 2005, Marketing Science 24(2)).

While alive a customer buys at random at a rate lambda ~ Gamma(r, alpha); after each purchase the customer leaves for
good with probability p ~ Beta(a, b). Symbols as in the paper: x, repeat purchases; t_x, when the last one was; T, for
how long the customer has been known, both since the first purchase; all arrays of shape (n,), float64, any one unit of
time, in which alpha then is, too.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, digamma, expit, gammaln, hyp2f1

from forecasting.customers.likelihood import Likelihood, Maximum, Status, maximise

Array = NDArray[np.float64]
# Logarithms of (r, alpha / mean T, a, b): few and many buyers, who leave soon or hardly ever.
STARTS = tuple(np.log(one) for one in ([1, 1, 1, 1], [0.25, 0.1, 0.8, 2.5], [2, 0.5, 0.1, 5]))
# The formula divides by a - 1; so near to it the mean of both sides is right to ten digits.
NEAR_ONE = 1e-5
# Points of the quadrature where the hypergeometric function does not come out finite.
QUADRATURE = 96


@dataclass(frozen=True)
class BgNbdFit:
    """Parameters of BG/NBD. covariance: of the logarithms of (r, alpha, a, b), (4, 4); None: not known."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    customers: int
    covariance: Array | None
    iterations: int
    status: Status


def fit_bg_nbd(x: Array, t_x: Array, T: Array) -> BgNbdFit:
    """Fit by maximum likelihood. At least one customer must have bought again."""
    _check(x, t_x, T)
    assert (x > 0).any()  # noqa: S101 - the caller asks
    # many customers of a long list are alike: each kind is computed once
    kinds, weights = np.unique(np.column_stack([x, t_x, T]), axis=0, return_counts=True)
    scale = float(T.mean())
    likelihood = _likelihood(kinds[:, 0], kinds[:, 1] / scale, kinds[:, 2] / scale, weights)
    found = maximise(likelihood, STARTS, n=x.size)
    return _fit_of(found, x, scale)


def _fit_of(found: Maximum, x: Array, scale: float) -> BgNbdFit:
    r, alpha, a, b = np.exp(found.log_parameters)
    # the density of x purchases in time has the unit of time to the power of -x
    log_likelihood = found.log_likelihood - float(x.sum()) * np.log(scale)
    return BgNbdFit(
        float(r),
        float(alpha * scale),
        float(a),
        float(b),
        float(log_likelihood),
        x.size,
        found.covariance,
        found.iterations,
        found.status,
    )


def _likelihood(x: Array, t_x: Array, T: Array, weights: NDArray[np.int64]) -> Likelihood:
    """Return the mean log likelihood (equation 6 of the paper, in logarithms) with its gradient."""
    again = x > 0
    share = weights / weights.sum()
    # (b + x - 1) of who never came back is not used
    x_before = np.where(again, x - 1, 0.0)

    def value(theta: Array) -> tuple[float, Array]:
        r, alpha, a, b = np.exp(theta)
        log_stays = -(r + x) * np.log(alpha + T)
        log_left = np.log(a) - np.log(b + x_before) - (r + x) * np.log(alpha + t_x)
        log_left = np.where(again, log_left, -np.inf)
        log_sum = np.logaddexp(log_stays, log_left)
        stays, left = np.exp(log_stays - log_sum), np.exp(log_left - log_sum)
        each = (
            gammaln(r + x) - gammaln(r) + r * np.log(alpha)
            + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x) + log_sum
        )  # fmt: skip
        of_sum = digamma(a + b) - digamma(a + b + x)
        gradient = (
            digamma(r + x) - digamma(r) + np.log(alpha) - stays * np.log(alpha + T) - left * np.log(alpha + t_x),
            r / alpha - (r + x) * (stays / (alpha + T) + left / (alpha + t_x)),
            of_sum + left / a,
            of_sum + digamma(b + x) - digamma(b) - left / (b + x_before),
        )  # fmt: skip
        return float(share @ each), np.array([share @ one for one in gradient]) * np.exp(theta)

    return value


def p_alive(fit: BgNbdFit, x: Array, t_x: Array, T: Array) -> Array:
    """Return the probability that each customer still buys. Who never came back cannot have left, in this model."""
    _check(x, t_x, T)
    log_odds = (
        np.log(fit.a)
        - np.log(fit.b + np.maximum(x - 1, 0.0))
        + (fit.r + x) * (np.log(fit.alpha + T) - np.log(fit.alpha + t_x))
    )
    return np.where(x > 0, expit(-log_odds), 1.0)


def expected_purchases(fit: BgNbdFit, x: Array, t_x: Array, T: Array, t: float) -> Array:
    """Return how often each customer is expected to buy in the time t from now (equation 10 of the paper).

    Euler's transformation takes the numbers of purchases out of the arguments of the hypergeometric function that
    overflow: ((alpha+T)/(alpha+T+t))^(r+x) F(r+x, b+x; c; z) = (1-z)^(a-1) F(a+b-1-r, a-1; c; z).
    """
    assert t >= 0  # noqa: S101 - a time
    if abs(fit.a - 1) < NEAR_ONE:
        sides = (_expected_if_alive(fit, x, T, t, a=1 + side * NEAR_ONE) for side in (-1, 1))
        if_alive = np.mean([*sides], axis=0)
    else:
        if_alive = _expected_if_alive(fit, x, T, t, a=fit.a)
    return np.asarray(p_alive(fit, x, t_x, T) * if_alive, dtype=np.float64)


def _expected_if_alive(fit: BgNbdFit, x: Array, T: Array, t: float, *, a: float) -> Array:
    z = t / (fit.alpha + T + t)
    c = a + fit.b + x - 1
    with np.errstate(all="ignore"):
        rest = np.exp((a - 1) * np.log1p(-z)) * hyp2f1(a + fit.b - 1 - fit.r, a - 1, c, z)
        expected = np.asarray(c / (a - 1) * (1 - rest), dtype=np.float64)
    # of what is nearly certain the difference from 1 has no digits left
    limit = (fit.r + x) * t / (fit.alpha + T)
    wrong = ~np.isfinite(expected) | (expected < 0) | (expected > limit * (1 + 1e-9))
    if wrong.any():
        expected[wrong] = _by_quadrature(fit, x[wrong], T[wrong], t, a)
    return expected


def _by_quadrature(fit: BgNbdFit, x: Array, T: Array, t: float, a: float) -> Array:
    """Integrate what is expected of one who leaves with probability p over the p that customers have."""
    nodes, weights = np.polynomial.legendre.leggauss(QUADRATURE)
    p = betaincinv(a, (fit.b + x)[:, None], (nodes + 1) / 2)
    per_p = -np.expm1(-(fit.r + x)[:, None] * np.log1p(p * (t / (fit.alpha + T))[:, None]))
    limit = ((fit.r + x) * t / (fit.alpha + T))[:, None]
    tiny = p < np.finfo(np.float64).tiny
    each = np.where(tiny, limit, per_p / np.where(tiny, 1.0, p))
    return np.asarray(each @ (weights / 2), dtype=np.float64)


def _check(x: Array, t_x: Array, T: Array) -> None:
    assert x.ndim == 1  # noqa: S101 - one number a customer
    assert x.shape == t_x.shape == T.shape  # noqa: S101
    assert all(np.isfinite(one).all() for one in (x, t_x, T))  # noqa: S101
    assert ((x >= 0) & (t_x >= 0) & (t_x <= T)).all()  # noqa: S101 - nobody buys after now
    assert (t_x[x == 0] == 0).all()  # noqa: S101 - without a repeat purchase there is no time of one
