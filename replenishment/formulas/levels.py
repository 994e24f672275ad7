"""Base stock, safety stock and service of one item: normal or Poisson demand over a lead time that may be random.

Type 1 service (cycle service): the probability that no demand waits between two deliveries. Type 2 (fill rate): the
share of demand that is met at once. Silver, Pyke & Thomas, Inventory and Production Management in Supply Chains (4th
ed., 2017), chapter 6; Axsäter, Inventory Control (3rd ed., 2015), section 5.3; Zipkin (2000), chapter 6. Arguments
broadcast unless said.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.stats import norm, poisson

from replenishment.formulas.conditions import inside, not_negative, positive, probabilities
from replenishment.formulas.loss import normal_loss, poisson_loss
from replenishment.formulas.newsvendor import Newsvendor, newsvendor_normal, newsvendor_poisson


class Demand(NamedTuple):
    """Mean and standard deviation of the demand over an interval, units."""

    mean: Any
    sd: Any


def lead_time_demand(
    mean: ArrayLike,
    sd: ArrayLike,
    lead_mean: ArrayLike,
    lead_sd: ArrayLike = 0.0,
    review: ArrayLike = 0.0,
) -> Demand:
    """Return the demand over a random lead time and a fixed review period: a random sum of independent periods.

    mean, sd: demand a period; lead_mean, lead_sd, review: periods.
    """
    not_negative(mean=mean, sd=sd, lead_mean=lead_mean, lead_sd=lead_sd, review=review)
    m, s, L, sL, R = (
        np.asarray(x, dtype=float)[()] for x in (mean, sd, lead_mean, lead_sd, review)
    )
    return Demand(m * (L + R), np.sqrt(np.square(s) * (L + R) + np.square(m * sL)))


def lead_time_probabilities(demand: ArrayLike, lead_times: ArrayLike) -> Any:
    """Return the probabilities of 0, 1, 2, … units over a random lead time.

    demand: probabilities of 0, 1, 2, … units a period, independent; lead_times: of 0, 1, 2, … periods, independent of
    demand.
    """
    p, leads = probabilities("demand", demand), probabilities("lead_times", lead_times)
    total, sums = np.zeros(1 + (p.size - 1) * (leads.size - 1)), np.ones(1)
    for share in leads:
        total[: sums.size] += share * sums
        sums = np.convolve(sums, p)
    return total


def safety_stock(
    service: ArrayLike,
    mean: ArrayLike,
    sd: ArrayLike,
    lead_mean: ArrayLike,
    lead_sd: ArrayLike = 0.0,
    review: ArrayLike = 0.0,
) -> Any:
    """Return the units above mean demand that give a type 1 service. Arguments of `lead_time_demand`."""
    inside(0, 1, service=service)
    return (
        norm.ppf(np.asarray(service, dtype=float))
        * lead_time_demand(mean, sd, lead_mean, lead_sd, review).sd
    )


def cycle_service(level: ArrayLike, mean: ArrayLike, sd: ArrayLike) -> Any:
    """Return the type 1 service of a level against normal demand over the interval that it must last."""
    not_negative(mean=mean, sd=sd)
    y, m, s = (np.asarray(x, dtype=float) for x in (level, mean, sd))
    known = np.where(y >= m, 1.0, 0.0)
    return np.where(s > 0, norm.cdf((y - m) / np.where(s > 0, s, 1.0)), known)[()]


def fill_rate(
    r: ArrayLike, Q: ArrayLike, mean: ArrayLike, sd: ArrayLike, *, exact: bool = True
) -> Any:
    """Return the type 2 service of (r, Q) under normal lead-time demand (mean, sd). 0 at the worst.

    exact=False leaves out that a shortage may outlast a cycle: 1 − E[(D − r)+] / Q, as most textbooks have it.
    """
    positive(Q=Q)
    missed = normal_loss(r, mean, sd)
    if exact:
        missed = missed - normal_loss(np.asarray(r, dtype=float) + np.asarray(Q), mean, sd)
    return np.clip(1 - missed / np.asarray(Q, dtype=float), 0.0, 1.0)


def fill_rate_poisson(r: ArrayLike, Q: ArrayLike, mean: ArrayLike) -> Any:
    """Return the exact type 2 service of whole (r, Q) under Poisson lead-time demand (Hopp & Spearman, section 2.4).

    Demand that comes when the position is y finds stock if less than y were sold in the lead time; y is evenly any of
    r + 1 to r + Q.
    """
    positive(Q=Q)
    low, high = np.asarray(r, dtype=float), np.asarray(r, dtype=float) + np.asarray(Q)
    return 1 - (poisson_loss(low, mean) - poisson_loss(high, mean)) / np.asarray(Q, dtype=float)


def reorder_point_for_fill_rate(
    target: float, Q: float, mean: float, sd: float, *, exact: bool = True
) -> float:
    """Return the least r that gives a type 2 service under normal lead-time demand, for numbers alone."""
    inside(0, 1, target=target)
    positive(Q=Q)
    not_negative(mean=mean, sd=sd)
    allowed = (1 - target) * Q
    if sd == 0:
        return mean - allowed

    def above(r: float) -> float:
        missed = float(normal_loss(r, mean, sd))
        if exact:
            missed -= float(normal_loss(r + Q, mean, sd))
        return missed - allowed

    return float(brentq(above, mean - Q - 40 * sd, mean + 40 * sd, xtol=1e-10))


def periodic_fill_rate(S: ArrayLike, review: Demand, lead: Demand) -> Any:
    """Return the type 2 service of (R, S): what is first missed between two arrivals, by the demand of a review period.

    review: demand of a review period; lead: demand of the lead time, independent of it; both normal.
    """
    positive(review_mean=review.mean)
    both = Demand(lead.mean + review.mean, np.sqrt(np.square(lead.sd) + np.square(review.sd)))
    missed = normal_loss(S, *both) - normal_loss(S, *lead)
    return np.clip(1 - missed / review.mean, 0.0, 1.0)


def base_stock_normal(
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    mean: ArrayLike,
    sd: ArrayLike,
    lead_time: ArrayLike = 0.0,
    review: ArrayLike = 0.0,
) -> Newsvendor:
    """Return the order-up-to level of least cost a period: the newsvendor's for the demand of lead time and review."""
    return newsvendor_normal(
        holding_cost, shortage_cost, *lead_time_demand(mean, sd, lead_time, 0.0, review)
    )


def base_stock_poisson(
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    mean: ArrayLike,
    lead_time: ArrayLike = 0.0,
    review: ArrayLike = 0.0,
) -> Newsvendor:
    """Return the whole order-up-to level of least cost a period under Poisson demand."""
    total = lead_time_demand(mean, 0.0, lead_time, 0.0, review).mean
    return newsvendor_poisson(holding_cost, shortage_cost, total)


def base_stock_fill_rate(level: ArrayLike, mean: ArrayLike) -> Any:
    """Return the type 2 service of a base stock reviewed at each sale: P(D < level), D Poisson lead-time demand."""
    not_negative(mean=mean)
    return poisson.cdf(np.asarray(level, dtype=float) - 1, np.asarray(mean, dtype=float))


def base_stock_for_fill_rate(target: ArrayLike, mean: ArrayLike) -> Any:
    """Return the least base stock whose type 2 service is at least a target, under Poisson demand."""
    inside(0, 1, target=target)
    not_negative(mean=mean)
    return poisson.ppf(np.asarray(target, dtype=float), np.asarray(mean, dtype=float)) + 1
