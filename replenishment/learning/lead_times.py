"""Lead times from deliveries: a distribution for each supplier and product, few orders leaning on many.

In discrete time (days) the chance that goods come on a day, given that they have not come before, is a hazard: what
came on that day over what was still awaited (Kaplan and Meier 1958). What is open today was awaited until today and
says no more than that. A product's hazards lean on its supplier's, a supplier's on the chain's: h = (came + k·h of
above) / (awaited + k), the posterior mean under a beta prior worth k order lines. k is what makes the data most
probable: the product of the beta-binomial chances of what came on each day (Griffiths 1973).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Order lines that the level above is worth; each level takes what its data say.
WEIGHTS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
# A hazard of exactly 0 or 1 would make what a level below has seen impossible.
HAZARD_MIN = 1e-6
DAYS_MAX = 365


@dataclass(frozen=True)
class Deliveries:
    """Parts of order lines: what came, and what is awaited. All arrays have shape (n,).

    supplier, product: codes from 0. days: whole days from the order to the receipt, or until now. share: of the line's
    quantity, above 0 and at most 1. came: False for what is still open.
    """

    supplier: Ints
    product: Ints
    days: Ints
    share: Floats
    came: NDArray[np.bool_]


@dataclass(frozen=True)
class LearntLeadTimes:
    """Lead times of m pairs of supplier and product, those that were ordered at least once.

    supplier, product: (m,) codes. shares: (m, L + 1) chances of 0, 1, … L days, of what comes within L days at all.
    lines: (m,) order lines, whole or in parts. open: (m,) of them, as shares, still awaited. unfulfilled: (m,) chance
    that what is ordered has not come after L days. weights: order lines that the chain is worth to a supplier, and a
    supplier to a product.
    """

    supplier: Ints
    product: Ints
    shares: Floats
    lines: Floats
    open: Floats
    unfulfilled: Floats
    weights: tuple[float, float]
    supplier_shares: Floats
    supplier_lines: Floats


def learn_lead_times(deliveries: Deliveries, *, days_max: int = DAYS_MAX) -> LearntLeadTimes:
    """Learn the distribution of lead times of each supplier and product; L is the longest that was seen.

    days_max: L is no longer; what came later counts as not come. Suppliers' own are in `supplier_shares`, by code.
    Raises ValueError for shares outside (0, 1], negative days, or if nothing ever came.
    """
    _check(deliveries)
    arrived = deliveries.came & (deliveries.days <= days_max)
    if not arrived.any():
        raise ValueError("nothing came yet: there is no lead time to learn from")
    longest = int(deliveries.days[arrived].max())
    pair, pairs = _pairs(deliveries)
    came, awaited = _life_table(deliveries, pair, len(pairs), longest, arrived)
    supplier = pairs[:, 0]
    suppliers = int(deliveries.supplier.max()) + 1
    came_of, awaited_of = (_summed(table, supplier, suppliers) for table in (came, awaited))
    chain = _ratio(came_of.sum(axis=0), awaited_of.sum(axis=0))
    above, of_supplier = _shrunk(came_of, awaited_of, np.broadcast_to(chain, came_of.shape))
    weight, hazards = _shrunk(came, awaited, of_supplier[supplier])
    shares, unfulfilled = _chances(hazards)
    lines = _counted(pair, deliveries.share, len(pairs))
    return LearntLeadTimes(
        supplier=supplier,
        product=pairs[:, 1],
        shares=shares,
        lines=lines,
        open=_counted(pair, deliveries.share * ~deliveries.came, len(pairs)),
        unfulfilled=unfulfilled,
        weights=(above, weight),
        supplier_shares=_chances(of_supplier)[0],
        supplier_lines=_counted(supplier, lines, suppliers),
    )


def _check(deliveries: Deliveries) -> None:
    if not ((deliveries.share > 0) & (deliveries.share <= 1)).all():
        raise ValueError("share: a part of an order line is above 0 and at most 1")
    if (deliveries.days < 0).any():
        raise ValueError("days: goods cannot come before they were ordered")


def _pairs(deliveries: Deliveries) -> tuple[Ints, Ints]:
    """Return the number of each row's pair, and the pairs: (m, 2)."""
    both = np.stack([deliveries.supplier, deliveries.product], axis=1)
    pairs, number = np.unique(both, axis=0, return_inverse=True)
    return number.reshape(-1), pairs


def _life_table(
    deliveries: Deliveries,
    pair: Ints,
    pairs: int,
    longest: int,
    arrived: NDArray[np.bool_],
) -> tuple[Floats, Floats]:
    """Return what came on each day and what was awaited at its beginning: (m, L + 1) order lines."""
    width = longest + 2
    cell = pair * width + np.minimum(deliveries.days, longest + 1)
    size = pairs * width
    came = _counted(cell, deliveries.share * arrived, size).reshape(pairs, width)
    left = _counted(cell, deliveries.share, size).reshape(pairs, width)
    # what is open since d days was awaited through the days before d, and d itself is not over
    awaited = left[:, ::-1].cumsum(axis=1)[:, ::-1]
    open_now = _counted(cell, deliveries.share * ~deliveries.came, size).reshape(pairs, width)
    return came[:, : longest + 1], (awaited - open_now)[:, : longest + 1]


def _counted(cell: Ints, weight: Floats, size: int) -> Floats:
    return np.bincount(cell, weight, size).astype(np.float64)


def _summed(table: Floats, group: Ints, groups: int) -> Floats:
    summed = np.zeros((groups, table.shape[1]))
    np.add.at(summed, group, table)
    return summed


def _ratio(came: Floats, awaited: Floats) -> Floats:
    return np.divide(came, awaited, out=np.zeros_like(came), where=awaited > 0)


def _shrunk(came: Floats, awaited: Floats, above: Floats) -> tuple[float, Floats]:
    """Return the weight of the level above that makes the data most probable, and the hazards that follow."""
    prior = np.clip(above, HAZARD_MIN, 1 - HAZARD_MIN)
    weight = max(WEIGHTS, key=lambda k: _log_chance(came, awaited, prior, k))
    return weight, (came + weight * above) / (awaited + weight)


def _log_chance(came: Floats, awaited: Floats, prior: Floats, weight: float) -> float:
    """Return the beta-binomial log chance of what came, but for a constant; all arrays (m, L + 1)."""
    a, b = weight * prior, weight * (1 - prior)
    late = np.maximum(awaited - came, 0)
    terms = gammaln(a + came) - gammaln(a) + gammaln(b + late) - gammaln(b)
    terms -= gammaln(weight + came + late) - gammaln(weight)
    return float(terms.sum())


def _chances(hazards: Floats) -> tuple[Floats, Floats]:
    """Return the chance of each day, of what comes at all, and the chance that nothing comes."""
    survive = np.cumprod(1 - hazards, axis=1)
    before = np.concatenate([np.ones((len(hazards), 1)), survive[:, :-1]], axis=1)
    chances = hazards * before
    total = chances.sum(axis=1, keepdims=True)
    # a supplier of whom nothing ever came has the chain's hazards, which are not all zero
    return np.asarray(chances / total), np.asarray(survive[:, -1])
