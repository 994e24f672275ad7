"""Deliveries to one shop spread over the days of a week, and what that costs, played on Poisson demand for half a year.

Two suppliers take orders on Mondays and Thursdays and deliver three days later: two days of the week bring all there
is to put away. Spread, a line's deliveries come a day sooner or up to two days later, always: its orders know that
lead time. Which line comes when is chosen by `smooth_deliveries`, by what a day costs the line, so that no day brings
more than SHARE of what the two days did. Both are played on the same demand: peak-day units are the mean of each
week's largest day, cost is what is held and what is missed.

Then a shop that orders every day, and sells most before the weekend, with a limit of what it can put away on a day, as
the nightly run keeps it (`fit_delivery`): packs that later days have no room for come sooner, and the packs that are
missed least wait.
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

# Run as a script, this file's folder comes first on the path, and its files would stand for packages.
sys.path[0] = str(Path(__file__).parents[1])

import numpy as np
from numpy.typing import NDArray

from benchmarks._claims import at_least, at_most, figure
from replenishment import (
    Lines,
    Proposal,
    fit_delivery,
    fixed_lead_times,
    make_lines,
    make_policy,
    needed_ahead,
    order_costs,
    pack_grid,
    propose_orders,
    smooth_deliveries,
)

Floats = NDArray[np.float64]
LINES, WEEKS, PATHS, AHEAD = 400, 26, 100, 21
LEAD, LATER = 3, 2
WARM_UP_DAYS = 28
# weekday of an order, and the weekdays to the next one
ORDER_DAYS = {0: 3, 3: 4}
LOOK_AHEAD = 14
EVERY_DAY = dict.fromkeys(range(7), 1)
# Sales of a weekday as a share of the mean, Monday first.
ALIKE, BUSY = np.ones(7), np.array([0.8, 0.8, 0.85, 0.9, 1.2, 1.6, 0.85])
UNIT_COST, PRICE, HOLDING_A_YEAR, PACK = 2.0, 3.2, 0.25, 6
SHARE, FILL_RATE, LIMIT = 0.7, 0.97, 0.75
PEAK_LESS_MIN, COST_MORE_MAX = 0.25, 0.005


@dataclass
class Played:
    """What a way of delivering came to. brought: units of each day; cost: held and missed, money."""

    brought: Floats
    cost: float
    filled: float

    @property
    def peak(self) -> float:
        """Return the mean of each week's largest day."""
        weeks = self.brought[WARM_UP_DAYS : WARM_UP_DAYS + 7 * (WEEKS - WARM_UP_DAYS // 7)]
        return float(weeks.reshape(-1, 7).max(axis=1).mean())


def main() -> None:
    """Play both ways and print the claims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--sooner", type=int, default=1, help="days that a delivery may come sooner"
    )
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    mean = rng.lognormal(0.0, 0.8, LINES)
    demand = rng.poisson(mean[:, None], (LINES, 7 * WEEKS + AHEAD)).astype(np.float64)
    as_due = play(mean, demand, leads=np.full(LINES, LEAD))
    spread = play(mean, demand, leads=spread_leads(mean, given.sooner))
    for name, one in (("as due", as_due), ("spread", spread)):
        print(
            f"{name}: largest day of a week {one.peak:.0f} units, cost {one.cost:.1f}, fill rate {one.filled:.4f}"
        )
    at_least("peak_day_units_less", 1 - spread.peak / as_due.peak, PEAK_LESS_MIN)
    at_most("workload_cost_more", spread.cost / as_due.cost - 1, COST_MORE_MAX)
    figure("workload_fill_rate", spread.filled)
    busy = mean[:, None] * BUSY[np.arange(demand.shape[1]) % 7]
    within_limit(mean, rng.poisson(busy).astype(np.float64))


def within_limit(mean: Floats, demand: Floats) -> None:
    """Play the shop that orders every day, with a limit and without."""
    leads = np.full(LINES, LEAD)
    shop = partial(play, mean, demand, leads=leads, order_days=EVERY_DAY, busy=BUSY)
    free = shop()
    limit = LIMIT * free.peak
    kept = shop(limit=limit)
    for name, one in (("no limit", free), (f"at most {limit:.0f} units a day", kept)):
        print(
            f"{name}: largest day of a week {one.peak:.0f} units, cost {one.cost:.1f}, fill rate {one.filled:.4f}"
        )
    figure("limit_peak_day_units_less", 1 - kept.peak / free.peak)
    figure("limit_cost_more", kept.cost / free.cost - 1)


def play(
    mean: Floats,
    demand: Floats,
    *,
    leads: NDArray[np.int64],
    order_days: Mapping[int, int] = ORDER_DAYS,
    busy: Floats = ALIKE,
    limit: float = np.inf,
) -> Played:
    """Play half a year.

    leads: (n,) days from an order to its delivery. busy: (7,) sales of a weekday. limit: units put away on a day.
    """
    rng = np.random.default_rng(7)
    days = 7 * WEEKS
    stock, coming = np.ceil(7 * mean / PACK) * PACK, np.zeros((LINES, days + AHEAD))
    held = missed = asked = 0.0
    for day in range(days):
        review = order_days.get(day % 7)
        if review is not None:
            lines = lines_of(stock, coming[:, day : day + AHEAD])
            policy = make_policy("order_up_to", LINES, review=review, fill_rate=FILL_RATE)
            paths = draw(rng, mean, np.roll(busy, -day))
            orders = propose_orders(lines, paths, fixed_lead_times(leads), policy)
            quantity = orders.quantity
            if limit < np.inf:
                quantity = fitted(lines, paths, orders, leads, review, limit)
            coming[np.arange(LINES), day + leads] += quantity
        stock = stock + coming[:, day]
        sold = np.minimum(stock, demand[:, day])
        if day >= WARM_UP_DAYS:
            missed += float((demand[:, day] - sold).sum())
            asked += float(demand[:, day].sum())
            held += float((stock - sold).sum())
        stock = stock - sold
    cost = held * UNIT_COST * HOLDING_A_YEAR / 365 + missed * (PRICE - UNIT_COST)
    return Played(coming[:, :days].sum(axis=0), cost, 1 - missed / asked)


def fitted(
    lines: Lines,
    paths: NDArray[np.float32],
    orders: Proposal,
    leads: NDArray[np.int64],
    review: int,
    limit: float,
) -> Floats:
    """Return orders of a shop that orders every day, as its limit has it: (n,)."""
    packs = pack_grid(lines, orders.quantity)
    grid = np.sort(np.concatenate([np.zeros((LINES, 1)), orders.grid, packs], axis=1), axis=1)
    costs = order_costs(lines, paths, fixed_lead_times(leads), review, grid)
    expected = paths.mean(axis=1).sum(axis=0)[:LOOK_AHEAD]
    every_day = np.ones(LOOK_AHEAD, dtype=np.bool_)
    ahead = needed_ahead(expected, np.full(LOOK_AHEAD, limit), every_day)
    return fit_delivery(grid, costs, orders.quantity, limit, ahead=ahead).quantity


def spread_leads(mean: Floats, sooner: int) -> NDArray[np.int64]:
    """Choose each line's delivery day by what a day later costs it; always a day sooner costs nothing."""
    rng = np.random.default_rng(3)
    week, first = mean * 7 / len(ORDER_DAYS), LEAD - sooner
    lines = lines_of(np.ceil(week / PACK) * PACK, np.zeros((LINES, AHEAD)))
    paths, usual = draw(rng, mean, ALIKE), np.ceil(week / PACK) * PACK
    by_lead = [
        order_costs(lines, paths, fixed_lead_times(lead), 3, usual) for lead in (LEAD, LEAD + 1)
    ]
    chosen = smooth_deliveries(
        week,
        np.full(LINES, sooner),
        np.zeros(LINES, dtype=np.int64),
        np.full(LINES, sooner + LATER),
        SHARE * float(week.sum()),
        days=sooner + LATER + 1,
        late_cost=np.maximum(0.0, by_lead[1] - by_lead[0]),
    )
    return chosen.day + first


def lines_of(stock: Floats, coming: Floats) -> Lines:
    """Return the lines of the shop with this stock. coming: (n, AHEAD)."""
    holding = UNIT_COST * HOLDING_A_YEAR / 365
    return make_lines(
        stock, on_order=coming, pack=PACK, unit_cost=UNIT_COST, price=PRICE, holding=holding
    )


def draw(rng: np.random.Generator, mean: Floats, busy: Floats) -> NDArray[np.float32]:
    """Draw joint paths of the days ahead: (n, PATHS, AHEAD). busy: (7,) sales of a weekday, today's first."""
    by_day = mean[:, None, None] * np.resize(busy, AHEAD)
    return rng.poisson(by_day, (LINES, PATHS, AHEAD)).astype(np.float32)


if __name__ == "__main__":
    main()
