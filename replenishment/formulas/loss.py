"""Loss functions: how many units of demand a stock misses on average, E[(D − y)+], and its inverse.

Zipkin, Foundations of Inventory Management (2000), appendix C. Arguments broadcast; sd = 0 is demand known for sure.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.stats import norm, poisson

from replenishment.formulas.conditions import not_negative, positive

# Beyond it the two terms of the loss cancel in all digits; the first term of their series is right to 1 %.
Z_MAX = 12.0


def standard_loss(z: ArrayLike) -> Any:
    """Return the loss of the standard normal distribution, E[(Z − z)+]."""
    z = np.asarray(z, dtype=np.float64)
    near = norm.pdf(z) - z * norm.sf(z)
    with np.errstate(divide="ignore"):
        far = norm.pdf(z) / np.square(z)
    return np.where(z > Z_MAX, far, near)[()]


def standard_second_loss(z: ArrayLike) -> Any:
    """Return the second-order loss of the standard normal distribution, the integral of the loss from z on."""
    z = np.asarray(z, dtype=np.float64)
    near = ((np.square(z) + 1) * norm.sf(z) - z * norm.pdf(z)) / 2
    return np.where(z > Z_MAX, 0.0, np.maximum(near, 0.0))[()]


def inverse_standard_loss(loss: float) -> float:
    """Return z whose loss is given. Raises ValueError unless it is above 0."""
    positive(loss=loss)
    if loss > Z_MAX:
        # below −z nothing but the mean is missed
        return -float(loss)
    return float(brentq(lambda z: standard_loss(z) - loss, -Z_MAX - 1, 38.0, xtol=1e-13))


def normal_loss(y: ArrayLike, mean: ArrayLike, sd: ArrayLike) -> Any:
    """Return what a stock of y misses of normal demand, units."""
    not_negative(sd=sd)
    y, mean, sd = (np.asarray(one, dtype=np.float64) for one in (y, mean, sd))
    some = np.where(sd > 0, sd, 1.0)
    return np.where(sd > 0, some * standard_loss((y - mean) / some), np.maximum(mean - y, 0.0))[()]


def normal_second_loss(y: ArrayLike, mean: ArrayLike, sd: ArrayLike) -> Any:
    """Return the integral of the loss of normal demand from y on, units²."""
    not_negative(sd=sd)
    y, mean, sd = (np.asarray(one, dtype=np.float64) for one in (y, mean, sd))
    some = np.where(sd > 0, sd, 1.0)
    known = np.square(np.maximum(mean - y, 0.0)) / 2
    return np.where(sd > 0, np.square(some) * standard_second_loss((y - mean) / some), known)[()]


def poisson_loss(y: ArrayLike, mean: ArrayLike) -> Any:
    """Return what a stock of y, whole or not, misses of Poisson demand, units."""
    not_negative(mean=mean)
    y, mean = (np.asarray(one, dtype=np.float64) for one in (y, mean))
    k = np.floor(y)
    inside = mean * poisson.sf(k - 1, mean) - y * poisson.sf(k, mean)
    # a stock below 0 misses all demand, and what it owes
    return np.where(y < 0, mean - y, np.maximum(inside, 0.0))[()]
