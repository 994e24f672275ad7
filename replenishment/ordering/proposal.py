"""Proposals: what to order of each line, and the figures it follows from."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from replenishment.formulas.conditions import Array

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Proposal:
    """Orders of n lines; all arrays (n,), units float64 unless said.

    - quantity: what to order. wanted: what is needed before packs and limits, at most 0 where nothing is.
    - have: on hand − reserved + due, what is on its way and arrives before the next order could. trigger: the level
      below which the policy orders, need + have; level = wanted + have: what it brings stock to. lot: of (s, S) and
      (r, Q).
    - periods: mean lead time + review, over which demand_mean ± demand_sd is asked for; lost: mean demand lost, or
      waiting, before the order arrives.
    - target: the service or safety factor asked for, or the newsvendor's ratio; NaN where costs decide. served: share
      of paths on which the order suffices; missed: mean units missed with it until the next one.
    - rounding_units, rounding_cost (money): what packs, minimum and room added to what is wanted; room: the most
      units that fit.
    - Flags: bounded, by what was ever sold; raised_to_minimum; cut_by_room; too_dear, an order that does not earn
      its own cost; down, rounded down for less cost.
    - grid, saved: (n, P), parts of the order in whole steps, and the money that each saves in units missed: rising,
      ever less steeply.
    """

    quantity: Array
    wanted: Array
    level: Array
    trigger: Array
    have: Array
    due: Array
    periods: Array
    demand_mean: Array
    demand_sd: Array
    lost: Array
    target: Array
    served: Array
    missed: Array
    rounding_units: Array
    rounding_cost: Array
    lot: Array
    bounded: Flags
    raised_to_minimum: Flags
    cut_by_room: Flags
    too_dear: Flags
    down: Flags
    room: Array
    grid: Array
    saved: Array

    def __len__(self) -> int:
        return self.quantity.size


def joined(parts: list[tuple[NDArray[np.int64], Proposal]], n: int, *, grid_parts: int) -> Proposal:
    """Put proposals of some lines each into one of n lines, by their places. grid_parts: of a grid of no lines."""
    if not parts:
        return _of_no_lines(grid_parts)
    made = {}
    for field in fields(Proposal):
        first = getattr(parts[0][1], field.name)
        whole = np.empty((n, *first.shape[1:]), dtype=first.dtype)
        for rows, part in parts:
            whole[rows] = getattr(part, field.name)
        made[field.name] = whole
    return Proposal(**made)


def _of_no_lines(grid_parts: int) -> Proposal:
    shapes = {"grid": (0, grid_parts), "saved": (0, grid_parts)}
    return Proposal(
        **{
            field.name: np.empty(
                shapes.get(field.name, (0,)), bool if field.type is Flags else float
            )
            for field in fields(Proposal)
        }
    )
