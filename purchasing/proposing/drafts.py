"""Lines and paths of one location become drafts: what each line would order by itself, and around that."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from purchasing.proposing.arrays import Floats, Future, lead_shares, lines_of, reaching
from purchasing.proposing.facts import Facts
from purchasing.proposing.goal import TOTAL, shared_goal
from purchasing.proposing.levels import at_spread_of_now, spans_of
from purchasing.proposing.prepare import Prepared
from replenishment import (
    LeadTimes,
    Lines,
    Policy,
    lead_times_of,
    make_policy,
    order_costs,
    pack_grid,
    propose_orders,
)
from replenishment import Proposal as Orders

# The share of futures in which a shop does not sell more before the forecast ends.
SURELY = 0.9
POLICIES: Mapping[str, tuple[str, str | None]] = {
    "fill_rate": ("order_up_to", "fill_rate"),
    # of a single line, where the others are not known; `shared_goal` of them all
    TOTAL: ("order_up_to", "fill_rate"),
    "cycle_service": ("order_up_to", "cycle_service"),
    "least_cost": ("least_cost", None),
}


# Rows of one location, periods and lead times to the lines that they order by, as `lines_of` makes them.
Lined = Callable[[pd.DataFrame, int, LeadTimes], Lines]


@dataclass(frozen=True)
class Draft:
    """Lines of one location and measure with what each of them would order by itself.

    rows, lines, found, policy: n lines. joined: (n,) lines that share something. grid, costs: (n, P), what may be
    ordered instead, from none on, and what it costs, if there are such lines. arrives: (n,) period of an arrival now.
    at_risk: (n,) units missed without an order. left_over: (n,) units that will probably be there still when the
    forecast ends. expected: (days,) units that all lines sell by day, from today on. spans: (n,) of lines whose paths
    have the spread of now (`at_spread_of_now`), None: as they are.
    """

    rows: pd.DataFrame
    lines: Lines
    found: Orders
    policy: Policy
    arrives: NDArray[np.int64]
    at_risk: Floats
    left_over: Floats
    expected: Floats
    joined: NDArray[np.bool_]
    grid: Floats
    costs: Floats
    spans: NDArray[np.int64] | None = None


class Shared(NamedTuple):
    """What a line orders in its supplier's whole order, and why that is not what it would order by itself."""

    quantity: float
    why: str


def draft_location(
    future: Future,
    prepared: Prepared,
    facts: Facts,
    *,
    today: date,
    joined: Collection[str],
    lined: Lined | None = None,
) -> list[Draft]:
    """Return what each line of one location would order by itself. joined: suppliers whose lines share something.

    lined: of lines that order for other locations, with these in them; else those of the location alone.
    """

    def alone(rows: pd.DataFrame, periods: int, leads: LeadTimes) -> Lines:
        return lines_of(rows, future, facts, today, periods, leads)

    return [
        _draft(
            str(measure),
            rows,
            demand_of(future, rows),
            future,
            prepared,
            facts,
            joined,
            lined or alone,
        )
        for measure, rows in _groups(future, prepared)
    ]


def demand_of(future: Future, rows: pd.DataFrame) -> NDArray[np.float32]:
    """Return the paths of some lines of a location: (n, B, T) units."""
    return future.values[:, rows["product"].map(future.place).to_numpy(), :].transpose(1, 0, 2)


def _groups(future: Future, prepared: Prepared) -> Iterator[tuple[Any, pd.DataFrame]]:
    rows = prepared.rows
    here = rows[(rows["location"] == future.location) & rows["product"].isin(future.products)]
    together = here["target"].where(here["measure"] == TOTAL, 0.0)
    for (measure, _), group in here.groupby(["measure", together], sort=True):
        yield measure, group.reset_index(drop=True)


def at_spread(
    demand: NDArray[np.float32],
    future: Future,
    rows: pd.DataFrame,
    spans: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Return the paths of some lines with the spread that their sales have now. spans: (n,) of `Draft`."""
    at = rows["product"].map(future.place).to_numpy(np.int64)
    return at_spread_of_now(demand, future, at, spans)


def _draft(
    measure: str,
    rows: pd.DataFrame,
    demand: NDArray[np.float32],
    future: Future,
    prepared: Prepared,
    facts: Facts,
    joined: Collection[str],
    lined: Lined,
) -> Draft:
    review = np.maximum(1, np.ceil(rows["review"].to_numpy() / future.days)).astype(np.int64)
    shares = lead_shares(rows, prepared, future)
    leads, spans = lead_times_of(shares), None
    wanted = np.quantile(demand.sum(axis=2), SURELY, axis=1)
    demand = reaching(demand, int(shares.shape[1] - 1 + review.max()), future.days)
    if measure == TOTAL:
        spans = spans_of(leads, review)
        demand = at_spread(demand, future, rows, spans)
    lines = lined(rows, demand.shape[2], leads)
    kind, target = POLICIES[measure]
    aims = {} if target is None else {target: rows["target"].to_numpy(np.float64)}
    policy = make_policy(kind, len(rows), review=review, **aims)  # type: ignore[arg-type]  # a kind of POLICIES
    if measure == TOTAL:
        goal = float(rows["target"].iloc[0])
        policy = shared_goal(lines, demand, leads, review, goal)
        rows = rows.assign(
            target_from=f"{100 * goal:g} % of all that {future.location} sells, spread over its lines"
        )
    found = propose_orders(lines, demand, leads, policy)
    worth = np.where(lines.worth > 0, lines.worth, 1.0)
    without = found.missed + np.where(lines.worth > 0, found.saved[:, -1] / worth, 0.0)
    grid = np.zeros((len(rows), 1))
    costs = grid
    limited = future.location in set(facts.terms["receiving_limits"]["location"])
    shares_something = rows["supplier"].isin(joined).to_numpy() | limited
    if shares_something.any():
        grid = orders_around(lines, found)
        costs = order_costs(lines, demand, leads, review, grid)
    arrives = np.minimum(leads.middle, demand.shape[2] - 1)
    period = demand.mean(axis=1, dtype=np.float64).sum(axis=0) / future.days
    by_day = np.repeat(period, round(future.days))
    left_over = (
        lines.on_hand - lines.reserved + lines.arriving(demand.shape[2]).sum(axis=1) - wanted
    )
    return Draft(
        rows,
        lines,
        found,
        policy,
        arrives,
        without,
        left_over,
        by_day,
        shares_something,
        grid,
        costs,
        spans,
    )


def orders_around(lines: Lines, found: Orders) -> Floats:
    """Return what a line may order: none, parts of its own order, packs around it if there is room: (n, P)."""
    room = np.floor(found.room / lines.step + 1e-6) * lines.step
    most = np.maximum(found.quantity, room)[:, None]
    packs = np.minimum(pack_grid(lines, found.quantity), most)
    return np.sort(np.concatenate([np.zeros((len(lines), 1)), found.grid, packs], axis=1), axis=1)


def quantities_of(draft: Draft, shared: Mapping[tuple[str, str], Shared]) -> Floats:
    """Return what each line orders: (n,) units."""
    own = draft.found.quantity.tolist()
    pairs = zip(draft.rows["product"], draft.rows["location"], own, strict=True)
    return np.array(
        [
            shared[product, location].quantity if (product, location) in shared else units
            for product, location, units in pairs
        ]
    )
