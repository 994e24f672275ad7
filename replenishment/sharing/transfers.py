"""Transfers between shops before buying: what one shop has too much of serves another's need."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from replenishment.formulas.conditions import Array, not_negative
from replenishment.lines.lines import Lines
from replenishment.ordering.proposal import Proposal
from replenishment.ordering.rounding import round_orders

Ints = NDArray[np.int64]


class Transfers(NamedTuple):
    """Moves: source and target (m,) lines, units (m,); quantity (n,): what is still to be bought."""

    source: Ints
    target: Ints
    units: Array
    quantity: Array


def plan_transfers(
    proposal: Proposal,
    lines: Lines,
    product: Ints,
    *,
    unit_cost: ArrayLike = 0.0,
    least: float = 1.0,
) -> Transfers:
    """Return moves of whole units from shops with more than their own level to shops that would buy.

    product: (n,), lines of the same may serve each other. unit_cost: of moving a unit, (n,) by target; a unit moves
    where that is less than what buying it costs and binds. least: units below which a move is not worth a trip. A
    shop gives away only what stands on its shelves beyond its level and its presentation stock, the greatest excess
    first to the greatest need.
    """
    not_negative(unit_cost=unit_cost, least=least)
    moving = np.broadcast_to(np.asarray(unit_cost, dtype=np.float64), (len(lines),))
    standing = lines.on_hand - lines.reserved - lines.presentation
    spare = np.floor(np.clip(np.minimum(-proposal.wanted, standing), 0.0, None) + 1e-6)
    wanted = np.where(proposal.quantity > 0, np.maximum(proposal.wanted, 0.0), 0.0)
    lack = np.where(moving < lines.unit_cost, np.ceil(wanted - 1e-6), 0.0)
    moves: list[tuple[int, int, float]] = []
    for one in np.intersect1d(product[spare > 0], product[lack > 0]):
        rows = np.flatnonzero(product == one)
        moves += _matched(rows, spare, lack, least)
    source, target = (np.array([m[i] for m in moves], dtype=np.int64) for i in (0, 1))
    units = np.array([m[2] for m in moves], dtype=np.float64)
    got = np.bincount(target, weights=units, minlength=len(lines))
    rest = round_orders(wanted - got, lines, room=proposal.room - got)
    quantity = np.where(got > 0, np.minimum(rest.quantity, proposal.quantity), proposal.quantity)
    return Transfers(source, target, units, quantity)


def _matched(rows: Ints, spare: Array, lack: Array, least: float) -> list[tuple[int, int, float]]:
    givers = [int(row) for row in rows[np.argsort(-spare[rows], kind="stable")] if spare[row] > 0]
    takers = [int(row) for row in rows[np.argsort(-lack[rows], kind="stable")] if lack[row] > 0]
    has, needs = {row: spare[row] for row in givers}, {row: lack[row] for row in takers}
    moves = []
    for taker in takers:
        for giver in givers:
            units = float(min(has[giver], needs[taker]))
            if units >= max(least, 1e-9):
                moves.append((giver, taker, units))
                has[giver] -= units
                needs[taker] -= units
    return moves
