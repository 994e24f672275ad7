"""Orders for a fill rate of all lines together, at the service that the chain's own past says it takes.

One share of futures is met in every line: the last unit of each is then as likely to be wanted as that of any other
(`spread_goal`). It is ordered for as the safety factor of that share, the normal quantile: the mean and the spread of
the paths are surer than the last of them. Which share gives a fill rate of 97 %, paths alone do not say well: packs
round up, products begin and end, levels drift. So the policy is played beside the chain at several shares, on the
demand that came; what they reached so far says which share to take next. Nothing later than the present period is
looked at.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from replenishment.formulas.conditions import Array, inside
from replenishment.lines.blocks import Paths
from replenishment.lines.lines import Lines
from replenishment.ordering.costs import line_needs
from replenishment.ordering.policy import make_policy
from replenishment.ordering.propose import propose_orders
from replenishment.replaying.replay import Decide, Moment, Replay, ReplayTerms, draws
from replenishment.sharing.goals import spread_goal

Sold = Callable[[int], NDArray[Any]]

SHARES = (0.4, 0.65, 0.8, 0.88, 0.94, 0.97, 0.985, 0.993, 0.998)
SHARE_MIN, SHARE_MAX = 0.05, 0.9999
# Until so much is known, reviews and seasons after the first order's arrival, shares follow from the paths alone.
REVIEWS_MIN = 3
SEASONS_MIN = 2


class Beside:
    """The same policy played at several shares beside the chain, for any number of targets.

    paths, sold: as for `Outlooks`: joint paths from a period on, and the units (T, n) before it. lines: at
    the start. season: periods in which demand repeats itself, as for `Outlooks`.
    """

    def __init__(
        self,
        lines: Lines,
        terms: ReplayTerms,
        paths: Callable[[int], Paths],
        sold: Sold,
        *,
        season: int = 7,
        shares: tuple[float, ...] = SHARES,
        seed: int = 1,
    ) -> None:
        settled = int(terms.leads.longest.max()) + int(np.max(terms.review))
        played = ReplayTerms(terms.leads, terms.review, terms.backorders, warm_up=settled)
        self.terms, self.paths, self.sold, self.shares = terms, paths, sold, shares
        self.played = [Replay(lines, played, draws(seed, len(lines))) for _ in shares]
        self.enough = settled + max(SEASONS_MIN * season, REVIEWS_MIN * int(np.max(terms.review)))
        self.ordered: list[Array] = []
        self.at_period = -1

    def share_for(self, target: float, moment: Moment) -> float:
        """Return the share of futures to meet now for a fill rate of all lines."""
        self._advance(moment)
        if moment.period < self.enough:
            needs = line_needs(
                moment.lines,
                self.paths(moment.period),
                self.terms.leads,
                self.terms.review,
                backorders=self.terms.backorders,
            )
            return float(spread_goal(needs, target).cycle_service.mean())
        reached = [one.measures().total().fill_rate[0] for one in self.played]
        return share_between(self.shares, np.array(reached), target)

    def decide(self, target: float) -> Decide:
        """Return the policy that orders for a fill rate of all lines together."""
        inside(0, 1, target=target)
        return lambda moment: self.orders(moment, self.share_for(target, moment))

    def orders(self, moment: Moment, share: float) -> Array:
        """Return what meets a share of the futures of every line that is due: (n,) units."""
        policy = make_policy(
            "order_up_to",
            len(moment.lines),
            review=self.terms.review,
            safety_factor=float(ndtri(share)),
        )
        return propose_orders(
            moment.lines,
            self.paths(moment.period),
            self.terms.leads,
            policy,
            backorders=self.terms.backorders,
            parts=1,
        ).quantity

    def _advance(self, moment: Moment) -> None:
        """Play the periods that are over, and place the orders of this one."""
        if self.at_period == moment.period:
            return
        if self.at_period >= 0:
            came = self.sold(moment.period)[-(moment.period - self.at_period) :]
            for number, one in enumerate(self.played):
                for passed, units in enumerate(np.asarray(came, dtype=np.float64)):
                    orders = self.ordered[number] if passed == 0 else np.zeros(units.size)
                    one.step(lambda _, orders=orders: orders, units)  # type: ignore[misc]  # bound at once
        self.at_period = moment.period
        self.ordered = [
            self.orders(one.moment(), share)
            for one, share in zip(self.played, self.shares, strict=True)
        ]


def share_between(shares: tuple[float, ...], reached: Array, target: float) -> float:
    """Return the share that reaches a fill rate: a line of log(share missed) between two shares, and beyond them."""
    x = np.log(np.maximum(1 - np.asarray(reached), 1e-9))[::-1]
    y = np.log(1 - np.asarray(shares))[::-1]
    # more is never reached by less: chance may have it so
    x = np.maximum.accumulate(x) + np.arange(x.size) * 1e-9
    wanted = float(np.log(1 - target))
    if wanted < x[0]:
        found = y[0] + (wanted - x[0])
    elif wanted > x[-1]:
        found = y[-1] + (wanted - x[-1])
    else:
        found = float(np.interp(wanted, x, y))
    return float(np.clip(1 - np.exp(found), SHARE_MIN, SHARE_MAX))
