"""Needs and costs of orders that somebody else chose: for budgets, suppliers, what-if and tests."""

import os

import numpy as np
from numpy.typing import ArrayLike

from replenishment.formulas.conditions import Array, not_negative, whole
from replenishment.lines.blocks import Paths, check_paths, in_blocks, walked
from replenishment.lines.lead_times import LeadTimes, Periods
from replenishment.lines.lines import Lines
from replenishment.lines.walk import Needs
from replenishment.ordering.least_cost import expected_cost, unit_costs
from replenishment.ordering.propose import WINDOWS_MAX
from replenishment.ordering.wanted import until_wanted


def line_needs(
    lines: Lines,
    paths: Paths,
    leads: LeadTimes,
    review: ArrayLike,
    *,
    backorders: bool = False,
) -> Needs:
    """Return what n lines need on each path until the next order can arrive. Arguments of `propose_orders`.

    All lines stand in memory, five arrays of (n, B) in single precision. What belongs to
    later orders is empty.
    """
    n, every = len(lines), _periods(review, len(lines))
    check_paths(lines, paths, leads, every)
    shape = (n, paths.shape[1])
    none = (0, *shape)
    needs = Needs(*(np.empty(s, np.float32) for s in (shape, none, *[shape] * 4, none, none)))

    def block(rows: slice) -> None:
        for group in walked(
            lines.take(rows),
            paths[rows],
            leads.take(rows, n),
            every[rows],
            backorders=backorders,
            windows_max=1,
        ):
            for name in ("need", "demand", "window", "stock", "lost"):
                getattr(needs, name)[rows.start + group.rows] = getattr(group.needs, name)

    in_blocks(n, paths.shape[1], block, os.cpu_count() or 1)
    return needs


def order_costs(
    lines: Lines,
    paths: Paths,
    leads: LeadTimes,
    review: ArrayLike,
    orders: ArrayLike,
    *,
    backorders: bool = False,
) -> Array:
    """Return the expected cost of orders (n,) or (n, P) of each line against ordering none; below 0: they save.

    Holding until each unit is sold or wanted, shortages saved, what spoils or outlives its line; the cost of an order
    is not in it.
    """
    n, every = len(lines), _periods(review, len(lines))
    check_paths(lines, paths, leads, every)
    units = np.asarray(orders, dtype=np.float64)
    if units.ndim not in (1, 2) or units.shape[0] != n:
        raise ValueError(f"orders must be one row of each of {n} lines")
    not_negative(orders=units)
    costs = np.empty(units.shape)

    def block(rows: slice) -> None:
        for g in walked(
            lines.take(rows),
            paths[rows],
            leads.take(rows, n),
            every[rows],
            backorders=backorders,
            windows_max=WINDOWS_MAX,
        ):
            unit = unit_costs(g.lines, g.lead, g.review, g.needs, backorders=backorders)
            at = rows.start + g.rows
            costs[at] = expected_cost(until_wanted(g.needs, unit, g.lines), unit, units[at])

    in_blocks(n, paths.shape[1], block, os.cpu_count() or 1)
    return costs


def pack_grid(lines: Lines, quantity: Array, *, fewer: int = 8, more: int = 8) -> Array:
    """Return orders around the proposed ones, a step apart, least first: (n, fewer + 1 + more).

    What would be below 0 is 0; what would be below the minimum is the next that may be ordered, or 0 below the
    proposed one.
    """
    step, least = (
        lines.step[:, None],
        (np.ceil(lines.minimum / lines.step - 1e-6) * lines.step)[:, None],
    )
    grid = np.maximum(quantity[:, None] + np.arange(-fewer, more + 1) * step, 0.0)
    short = (grid > 0) & (grid < least)
    above = grid > quantity[:, None]
    return np.where(short, np.where(above, least, 0.0), grid)


def _periods(review: ArrayLike, n: int) -> Periods:
    whole(review=review)
    every = np.broadcast_to(np.asarray(review, dtype=np.int64), (n,))
    if (every < 1).any():
        raise ValueError("review must be at least one period")
    return every
