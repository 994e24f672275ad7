"""Policies to compare in a replay: the engine on joint paths, and what buyers do without a forecast of it.

Demand that is known is (T, n), oldest first; a function gives it for a moment, so that nothing later can be read.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from replenishment.formulas.conditions import Array
from replenishment.lines.blocks import Paths
from replenishment.lines.lead_times import LeadTimes
from replenishment.ordering.policy import Policy
from replenishment.ordering.propose import propose_orders
from replenishment.ordering.rounding import round_orders
from replenishment.replaying.replay import Decide, Moment

# Returns the demand before a period, (T, n) units.
Known = Callable[[int], NDArray[Any]]


def on_paths(
    paths: Callable[[int], Paths],
    leads: LeadTimes,
    policy: Policy,
    *,
    backorders: bool = False,
    most_sold: Callable[[int], Array] | None = None,
) -> Decide:
    """Order as `propose_orders` does. paths: returns (n, B, T) joint futures from a period on."""

    def decide(moment: Moment) -> Array:
        lines = moment.lines
        if most_sold is not None:
            lines = lines.replace(most_sold=most_sold(moment.period))
        ahead = paths(moment.period)
        return propose_orders(lines, ahead, leads, policy, backorders=backorders, parts=1).quantity

    return decide


def up_to(level: Callable[[int], Array]) -> Decide:
    """Order at each review what lacks from a level of the inventory position, (n,) units, in whole packs."""

    def decide(moment: Moment) -> Array:
        lacks = level(moment.period) - moment.position
        return round_orders(lacks, moment.lines).quantity

    return decide


def weeks_of_mean(known: Known, weeks: float, window: int) -> Decide:
    """Order up to so many periods of the mean of the last `window` periods."""
    return up_to(lambda period: weeks * known(period)[-window:].mean(axis=0))


def normal_min_max(
    known: Known,
    leads: LeadTimes,
    review: int,
    factor: float,
    *,
    window: int = 28,
    lot: float = 0.0,
) -> Decide:
    """Order by (s, S) from a moving average with normal safety stock.

    s = mean · (lead time + review) + factor · sd of the demand over it, from the last `window` periods, with the lead
    time's own variance (Chopra & Meindl); S = s + `lot` periods of the mean.
    """
    length = float(leads.mean.max())
    spread = float((leads.shares @ np.arange(leads.shares.shape[1]) ** 2 - leads.mean**2).max())

    def decide(moment: Moment) -> Array:
        last = np.asarray(known(moment.period)[-window:], dtype=np.float64)
        mean, var = last.mean(axis=0), last.var(axis=0, ddof=1)
        sd = np.sqrt((length + review) * var + mean**2 * spread)
        s = mean * (length + review) + factor * sd
        position = moment.position
        wanted = np.where(position < s, s + lot * mean - position, 0.0)
        return round_orders(wanted, moment.lines).quantity

    return decide


def seasonal_naive(
    known: Known,
    leads: LeadTimes,
    review: int,
    target: float,
    *,
    season: int = 7,
    origins: int = 52,
) -> Decide:
    """Order up to what the last season repeated, and the `target` quantile of its own past errors, say.

    The errors are those of the same forecast of the demand over lead time + review from `origins` earlier periods.
    """
    span = int(np.ceil(leads.mean.max())) + review

    def decide(moment: Moment) -> Array:
        past = np.asarray(known(moment.period), dtype=np.float64)
        total = np.vstack([np.zeros(past.shape[1]), np.cumsum(past, axis=0)])
        at = past.shape[0] - span - np.arange(origins)
        at = at[at >= season]
        naive = _repeated(total, at, span, season)
        errors = total[at + span] - total[at] - naive
        now = _repeated(total, np.array([past.shape[0]]), span, season)[0]
        level = np.maximum(now + np.quantile(errors, target, axis=0), 0.0)
        return round_orders(level - moment.position, moment.lines).quantity

    return decide


def _repeated(total: Array, at: NDArray[np.int64], span: int, season: int) -> Array:
    """Return the sum over `span` periods of the season before each origin, repeated: (origins, n)."""
    whole, rest = divmod(span, season)
    full = total[at] - total[at - season]
    part = total[at - season + rest] - total[at - season]
    return np.asarray(whole * full + part)
