"""The newsvendor: one order for one season, too much or too little.

overage: cost of a unit left over; underage: cost of a unit missed. The best quantity is the quantile underage /
(underage + overage) of demand; where units are whole the least that reaches it (Porteus 2002; Snyder & Shen 2019,
section 4.3).
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import quad
from scipy.stats import norm, poisson

from replenishment.formulas.conditions import finite, not_negative, positive
from replenishment.formulas.loss import normal_loss, poisson_loss


class Newsvendor(NamedTuple):
    """The best quantity in units, the expected cost of what is left over and missed, and the ratio that it reaches."""

    quantity: Any
    cost: Any
    ratio: Any


class Distribution(Protocol):
    """A frozen distribution of SciPy, or what has the same three functions."""

    def ppf(self, q: Any) -> Any: ...  # noqa: D102
    def cdf(self, x: Any) -> Any: ...  # noqa: D102
    def mean(self) -> Any: ...  # noqa: D102


class Margins(NamedTuple):
    """What a unit left over and a unit missed cost."""

    overage: Any
    underage: Any


def margins(
    price: ArrayLike, unit_cost: ArrayLike, salvage: ArrayLike = 0.0, goodwill: ArrayLike = 0.0
) -> Margins:
    """Return the costs of a season's goods: left over at unit_cost − salvage, missed at price − unit_cost + goodwill.

    Raises ValueError unless salvage < unit_cost < price + goodwill: else nothing, or everything, should be ordered.
    """
    not_negative(price=price, unit_cost=unit_cost, goodwill=goodwill)
    p, c, s, g = (
        finite(name, one)
        for name, one in (
            ("price", price),
            ("unit_cost", unit_cost),
            ("salvage", salvage),
            ("goodwill", goodwill),
        )
    )
    if np.any(s >= c) or np.any(c >= p + g):
        raise ValueError("it must hold that salvage < unit_cost < price + goodwill")
    return Margins((c - s)[()], (p - c + g)[()])


def expected_profit(
    found: Newsvendor, price: ArrayLike, unit_cost: ArrayLike, mean: ArrayLike
) -> Any:
    """Return the expected profit of a season: that of certain demand, less the cost of not knowing it."""
    return (finite("price", price) - finite("unit_cost", unit_cost)) * finite(
        "mean", mean
    ) - found.cost


def critical_ratio(overage: ArrayLike, underage: ArrayLike) -> Any:
    """Return underage / (underage + overage)."""
    not_negative(underage=underage)
    positive(overage=overage)
    h, p = np.asarray(overage, dtype=float), np.asarray(underage, dtype=float)
    return (p / (p + h))[()]


def newsvendor_normal(
    overage: ArrayLike, underage: ArrayLike, mean: ArrayLike, sd: ArrayLike
) -> Newsvendor:
    """Return the best quantity for normal demand; arguments broadcast. Demand without variance is ordered as it is."""
    not_negative(mean=mean, sd=sd)
    positive(underage=underage)
    ratio = critical_ratio(overage, underage)
    mean, sd = np.asarray(mean, dtype=float), np.asarray(sd, dtype=float)
    quantity = (mean + np.where(sd > 0, sd, 0.0) * norm.ppf(ratio))[()]
    cost = normal_cost(quantity, overage, underage, mean, sd)
    return Newsvendor(quantity, cost, ratio)


def normal_cost(
    quantity: ArrayLike, overage: ArrayLike, underage: ArrayLike, mean: ArrayLike, sd: ArrayLike
) -> Any:
    """Return the expected cost of a quantity under normal demand."""
    missed = normal_loss(quantity, mean, sd)
    left = finite("quantity", quantity) - finite("mean", mean) + missed
    return (finite("overage", overage) * left + finite("underage", underage) * missed)[()]


def newsvendor_poisson(overage: ArrayLike, underage: ArrayLike, mean: ArrayLike) -> Newsvendor:
    """Return the best whole quantity for Poisson demand; arguments broadcast."""
    not_negative(mean=mean)
    mean = np.asarray(mean, dtype=float)
    ratio = critical_ratio(overage, underage)
    # a ratio of 0 has the quantile −1
    quantity = np.maximum(poisson.ppf(ratio, mean), 0.0)
    return Newsvendor(quantity, poisson_cost(quantity, overage, underage, mean), ratio)


def poisson_cost(
    quantity: ArrayLike, overage: ArrayLike, underage: ArrayLike, mean: ArrayLike
) -> Any:
    """Return the expected cost of a quantity under Poisson demand."""
    missed = poisson_loss(quantity, mean)
    left = finite("quantity", quantity) - finite("mean", mean) + missed
    return (finite("overage", overage) * left + finite("underage", underage) * missed)[()]


def newsvendor_discrete(
    overage: float, underage: float, values: ArrayLike, weights: ArrayLike
) -> Newsvendor:
    """Return the best of the values that demand takes. values: (n,) units; weights: (n,), probabilities or counts."""
    ratio = float(critical_ratio(overage, underage))
    x, w = np.atleast_1d(finite("values", values)), np.atleast_1d(finite("weights", weights))
    not_negative(weights=w)
    if x.shape != w.shape or x.ndim != 1 or w.sum() <= 0:
        raise ValueError("each value needs one weight, and one of them must be above 0")
    order = np.argsort(x)
    reached = np.cumsum(w[order]) / w.sum()
    # what is summed to the ratio in other digits has reached it
    at = int(np.searchsorted(reached, ratio * (1 - 1e-12)))
    quantity = float(x[order][min(at, x.size - 1)])
    cost = overage * np.maximum(quantity - x, 0) + underage * np.maximum(x - quantity, 0)
    return Newsvendor(quantity, float(cost @ w / w.sum()), ratio)


def newsvendor_empirical(overage: float, underage: float, samples: ArrayLike) -> Newsvendor:
    """Return the best of the quantities that were sold, each as likely as the others. samples: (n,) units."""
    x = np.atleast_1d(finite("samples", samples))
    return newsvendor_discrete(overage, underage, x, np.ones(x.shape))


def newsvendor_continuous(overage: float, underage: float, demand: Distribution) -> Newsvendor:
    """Return the best quantity for a continuous distribution, such as one of scipy.stats. Demand is at least 0."""
    positive(underage=underage)
    ratio = float(critical_ratio(overage, underage))
    quantity = float(demand.ppf(ratio))
    low = float(min(demand.ppf(1e-15), quantity))
    left, _ = quad(demand.cdf, low, quantity, limit=200)
    missed = float(demand.mean()) - quantity + left
    return Newsvendor(quantity, overage * left + underage * missed, ratio)
