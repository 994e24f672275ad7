"""The chain's buyers: what they expect to sell, and what they order on which day."""

from dataclasses import dataclass

import numpy as np

from data.arrays import MILLI, BoolArray, FloatArray, IntArray
from data.calendar import Calendar
from data.chain import Chain
from data.demand import DISPLAY_UPLIFT, season
from data.pricing import Prices
from data.purchases import Placed, promised_lead_days

# Weight of a new day in the running mean of sales: about two months of memory.
LEARNING_RATE = 0.03
FIRST_GUESS_SIGMA = 0.15
# Buyers know the leaflet, and trust it only so far.
PROMOTION_TRUST = 0.8
SAFETY_FACTOR = (-0.2, 1.2)
# Variance of demand over its mean, in units, as the buyers assume it.
VARIANCE_RATIO = 2.4
TARGET_EXTRA_DAYS = 3.0
LEAD_DAYS_MAX = 9
COVER_DAYS_MAX = LEAD_DAYS_MAX + 8
INCIDENTS_PER_YEAR = 4.0
INCIDENT_DAYS = (6, 12)


@dataclass
class Buyers:
    """The buyers' view of N pairs; they see the book stock and the sales, never the demand.

    level_milli: (N,), expected sales of an ordinary day, learnt from sales. plan: (N, D), what
    they know beforehand of each day (season, holidays, leaflet, assortment), 1 on an ordinary
    day. cover: (N, D), sum of the plan over the days that an order of that day must last. reviews: (N, D), days on
    which the supplier's orders are placed; may_order: those on which the pair is sold, too.
    """

    level_milli: FloatArray
    plan: FloatArray
    cover: FloatArray
    safety: FloatArray
    case_milli: IntArray
    reviews: BoolArray
    may_order: BoolArray

    def observe(self, day: int, sold_milli: IntArray, in_stock: BoolArray) -> None:
        """Learn from a day's sales; days that ran out of stock say too little and are left out."""
        plan = self.plan[:, day]
        learns = in_stock & (plan > 0)
        seen = sold_milli / np.where(learns, plan, 1.0)
        self.level_milli += np.where(learns, LEARNING_RATE * (seen - self.level_milli), 0.0)

    def reorder_point(self, day: int) -> FloatArray:
        """Compute the stock that must last until the order after this one arrives, shape (N,)."""
        expected = self.level_milli * self.cover[:, day]
        return expected + self.safety * np.sqrt(expected * VARIANCE_RATIO * MILLI)

    def order(self, day: int, position_milli: IntArray) -> IntArray:
        """Compute the quantity to order of each pair, whole cases, shape (N,).

        position_milli: (N,), book stock plus what is on order.
        """
        point = self.reorder_point(day)
        wanted = point + TARGET_EXTRA_DAYS * self.level_milli - position_milli
        due = self.may_order[:, day] & (position_milli < point)
        return np.where(due, np.ceil(wanted / self.case_milli) * self.case_milli, 0).astype(
            np.int64
        )


def make_buyers(
    chain: Chain,
    calendar: Calendar,
    prices: Prices,
    *,
    sold: BoolArray,
    demand_milli: IntArray,
    rng: np.random.Generator,
) -> Buyers:
    """Start the buyers with a rough first guess of each pair's sales."""
    plan = _plan(chain, calendar, prices) * sold
    reviews = _review_days(chain, calendar)
    ordinary = demand_milli.sum(axis=1) / np.maximum(plan.sum(axis=1), 1.0)
    guess = ordinary * np.exp(rng.normal(0.0, FIRST_GUESS_SIGMA, chain.n_pairs))
    return Buyers(
        level_milli=guess,
        plan=plan,
        cover=_cover(chain, plan),
        safety=rng.uniform(*SAFETY_FACTOR, chain.n_pairs),
        case_milli=chain.case_milli,
        reviews=reviews,
        may_order=reviews & sold,
    )


def first_deliveries(chain: Chain, buyers: Buyers, first: IntArray) -> Placed:
    """Order what comes later for its first day, on the last review day that leaves the supplier its time."""
    pair = np.flatnonzero(first > 0)
    point = np.array([buyers.reorder_point(int(first[p]))[p] for p in pair])
    cases = np.maximum(np.ceil(point / chain.case_milli[pair]), 1)
    latest = np.maximum(first[pair] - promised_lead_days(chain)[pair], 0)
    before = buyers.reviews[pair] & (np.arange(buyers.reviews.shape[1]) <= latest[:, None])
    day = buyers.reviews.shape[1] - 1 - before[:, ::-1].argmax(axis=1)
    quantity = (cases * chain.case_milli[pair]).astype(np.int64)
    none = np.full(pair.size, -1)
    return Placed(
        pair=pair,
        day=np.where(before.any(axis=1), day, latest),
        expected=first[pair],
        due=first[pair],
        quantity_milli=quantity,
        first_milli=quantity,
        rest_due=none,
        cancelled=none,
    )


def make_lead_days(chain: Chain, n_days: int, rng: np.random.Generator) -> IntArray:
    """Draw the lead time of an order by pair and day, (N, D), days; suppliers fail at times."""
    low = chain.per_department(lambda d: d.lead_time_days[0]).astype(np.int64)[:, None]
    high = chain.per_department(lambda d: d.lead_time_days[1]).astype(np.int64)[:, None]
    lead = rng.integers(low, high + 1, (chain.n_pairs, n_days))
    for _ in range(rng.poisson(INCIDENTS_PER_YEAR * n_days / 365.25)):
        department = int(rng.integers(len(chain.departments)))
        start, length = int(rng.integers(n_days)), int(rng.integers(*INCIDENT_DAYS))
        days = np.arange(start, min(start + length, n_days))
        hit = np.flatnonzero(chain.department_of == department)
        lead[np.ix_(hit, days)] = np.maximum(lead[np.ix_(hit, days)], start + length - days)
    return lead.astype(np.int64)


def _plan(chain: Chain, calendar: Calendar, prices: Prices) -> FloatArray:
    elasticity = chain.per_department(lambda d: d.elasticity)[:, None]
    uplift = (1 - prices.discount) ** -elasticity * np.where(prices.promotion, DISPLAY_UPLIFT, 1.0)
    trusted = 1 + PROMOTION_TRUST * (uplift - 1)
    return season(chain, calendar) * calendar.holiday_factor[chain.shop_of] * trusted


def _cover(chain: Chain, plan: FloatArray) -> FloatArray:
    """Sum of the plan over the days after each day until the next order's arrival, (N, D)."""
    n_days = plan.shape[1]
    lead = chain.per_department(lambda d: d.lead_time_days[1])
    review = chain.per_department(lambda d: np.ceil(7 / len(d.review)))
    days = (lead + review).astype(np.int64)[:, None]
    padded = np.concatenate([plan, np.repeat(plan[:, -1:], COVER_DAYS_MAX + 1, axis=1)], axis=1)
    total = np.concatenate([np.zeros((len(plan), 1)), np.cumsum(padded, axis=1)], axis=1)
    first = np.arange(1, n_days + 1)
    rows = np.arange(len(plan))[:, None]
    return np.asarray(total[rows, first + days] - total[:, first], np.float64)


def _review_days(chain: Chain, calendar: Calendar) -> BoolArray:
    reviewed = np.array([[day in d.review for day in range(7)] for d in chain.departments])
    shop_open = calendar.is_open[chain.shop_of]
    return reviewed[chain.department_of][:, calendar.weekday] & shop_open
