"""What is ordered today under a scenario: by the steps of the nightly run, so that what is equals what it proposes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

import numpy as np

from purchasing.proposing.arrays import Future, lead_shares, reaching
from purchasing.proposing.drafts import Draft, draft_location
from purchasing.proposing.prepare import Prepared
from purchasing.proposing.rationing import find_short, ration, share_within_stock
from purchasing.proposing.shared_lines import joined_suppliers
from purchasing.proposing.sharing import SharedOrders
from purchasing.proposing.warehouses import Warehouses
from purchasing.whatif.assumed import Assumed

Pair = tuple[str, str]


class OrderedToday(NamedTuple):
    """units: of each line that can be ordered today, by product and location. waiting: what waits, and why.

    not_counted: amounts that no known rate turns into the currency of a term.
    """

    units: Mapping[Pair, float]
    waiting: list[str]
    not_counted: list[str]


def order_today(
    assumed: Assumed,
    futures: Sequence[Future],
    known: Mapping[str, Collection[str]],
    today: date,
) -> OrderedToday:
    """Return today's orders. futures: of the lines needed; known: all products with a forecast, by location."""
    joined: set[str] = set() if assumed.alone else joined_suppliers(assumed.facts)
    drafts: list[Draft] = []
    for future in futures:
        drafts += _drafts(assumed, future, known[future.location], today, joined)
    units = {
        (product, location): quantity
        for draft in drafts
        for product, location, quantity in zip(
            draft.rows["product"],
            draft.rows["location"],
            draft.found.quantity.tolist(),
            strict=True,
        )
    }
    if assumed.alone:
        return OrderedToday(units, [], [])
    warehouses = _warehouses(assumed, futures, today)
    have = warehouses.available()

    def cut(orders: SharedOrders) -> None:
        if short := find_short(drafts, orders, have, assumed.facts.decided):
            ration(short, orders, futures, assumed.lines)

    theirs = [
        draft
        for pool in warehouses.pools.values()
        for draft in warehouses.drafts(pool, joined=joined)
    ]
    shared = share_within_stock(drafts, theirs, assumed.facts, cut, today=today)
    units |= {pair: one.quantity for pair, one in shared.lines.items()}
    # what is snoozed, or was rejected today, is not ordered, and what a buyer set as it was set
    decided = assumed.facts.decided
    units |= {pair: decided[pair] or 0.0 for pair in decided.keys() & units.keys()}
    return OrderedToday(units, list(shared.waiting.values()), list(shared.not_counted.values()))


def _warehouses(assumed: Assumed, futures: Sequence[Future], today: date) -> Warehouses:
    """Return the warehouses, with the shops that they supply."""
    warehouses = Warehouses(assumed.lines, assumed.facts, today=today)
    for future in futures:
        warehouses.add(future)
    return warehouses


def _drafts(
    assumed: Assumed, future: Future, known: Collection[str], today: date, joined: Collection[str]
) -> list[Draft]:
    """Draft one location's lines, on paths that reach as far as they do where all lines of the location are drafted."""
    rows = assumed.lines.rows
    here = assumed.open & (rows["location"] == future.location).to_numpy(bool)
    found: list[Draft] = []
    for _, group in rows[here & rows["product"].isin(known)].groupby("measure", sort=True):
        some = group[group.index.isin(np.flatnonzero(assumed.together))]
        if some.empty:
            continue
        periods = lead_shares(group, assumed.lines, future).shape[1] - 1
        periods += int(np.maximum(1, np.ceil(group["review"] / future.days)).max())
        long = replace(future, values=reaching(future.values, periods, future.days))
        lines = Prepared(some, assumed.lines.leads)
        found += draft_location(long, lines, assumed.facts, today=today, joined=joined)
    return found
