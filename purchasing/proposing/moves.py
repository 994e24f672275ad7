"""Moves between shops before anything is bought: what one shop will not sell soon serves another's need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from purchasing.proposing.drafts import Draft, Shared, quantities_of
from purchasing.proposing.facts import Facts
from replenishment import Lines, Proposal, make_lines, plan_transfers


@dataclass(frozen=True)
class Move:
    """Units of a product from one location to another. worth: what they cost, in the product's currency.

    wanted: units that the target would buy without it.
    """

    product: str
    source: str
    target: str
    units: float
    worth: float
    currency: str | None
    wanted: float


def plan_moves(
    drafts: Sequence[Draft],
    facts: Facts,
    *,
    least_worth: float,
    orders: Mapping[tuple[str, str], Shared] = MappingProxyType({}),
) -> list[Move]:
    """Return the moves that are worth a trip, those of most worth first.

    Goods move within a region, out of what a location will probably not sell before the forecast ends, to where they
    would be ordered today: as many as are wanted, and missed until an order could come. Stock that is in doubt stays
    where it is said to be. A shop that has a warehouse takes from another shop what the warehouse cannot send.
    least_worth: of one move. orders: what lines order where it is not their own order.
    """
    drafts = [draft for draft in drafts if len(draft.rows)]
    if not drafts:
        return []
    rows = pd.concat([draft.rows for draft in drafts], ignore_index=True)
    lines, proposal = _together(drafts)
    left = np.concatenate([draft.left_over for draft in drafts])
    doubted = [pair in facts.doubts for pair in zip(rows["product"], rows["location"], strict=True)]
    gives = np.where(
        (proposal.wanted < 0) & ~np.array(doubted), np.minimum(-proposal.wanted, left), 0.0
    )
    # a move comes before an order could, and serves what would be missed until then, too
    lacks = proposal.wanted + proposal.lost
    sent = np.concatenate([quantities_of(draft, orders) for draft in drafts])
    lacks = np.where(rows["source"].notna(), np.maximum(proposal.wanted - sent, 0.0), lacks)
    wanted = np.where(proposal.wanted < 0, -np.maximum(gives, 0.0), lacks)
    groups = pd.MultiIndex.from_frame(rows[["product", "region"]].fillna(""))
    found = plan_transfers(
        Proposal(**{**_fields(proposal), "wanted": wanted}), lines, pd.factorize(groups)[0]
    )
    of = rows[["product", "location", "currency"]].astype(object).to_numpy()
    moves = [
        Move(
            product=of[source, 0],
            source=of[source, 1],
            target=of[target, 1],
            units=float(units),
            worth=float(units * lines.unit_cost[source]),
            currency=of[source, 2] if isinstance(of[source, 2], str) else None,
            wanted=float(proposal.quantity[target]),
        )
        for source, target, units in zip(found.source, found.target, found.units, strict=True)
    ]
    worth_it = [move for move in moves if move.worth >= least_worth]
    return sorted(worth_it, key=lambda move: -move.worth)


def _together(drafts: Sequence[Draft]) -> tuple[Lines, Proposal]:
    """Return the lines of all locations, without what comes by period, and their proposals."""
    names = ("pack", "multiple", "minimum", "capacity", "presentation", "unit_cost", "reserved")
    facts = {
        name: np.concatenate([getattr(draft.lines, name) for draft in drafts]) for name in names
    }
    lines = make_lines(np.concatenate([draft.lines.on_hand for draft in drafts]), **facts)
    proposals = [_fields(draft.found) for draft in drafts]
    found = {name: np.concatenate([one[name] for one in proposals]) for name in proposals[0]}
    return lines, Proposal(**found)


def _fields(proposal: Proposal) -> dict[str, Any]:
    return {field.name: getattr(proposal, field.name) for field in fields(Proposal)}
