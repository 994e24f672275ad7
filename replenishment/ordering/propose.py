"""Orders of many lines: paths and stock in, packs out."""

import os

import numpy as np
from numpy.typing import NDArray

from replenishment.formulas.conditions import Array, whole
from replenishment.formulas.lot_sizes import eoq
from replenishment.lines.blocks import Group, Paths, check_paths, in_blocks, walked
from replenishment.lines.lead_times import LeadTimes
from replenishment.lines.lines import Lines
from replenishment.lines.walk import Needs
from replenishment.ordering.least_cost import (
    UnitCosts,
    expected_cost,
    order_of_least_cost,
    unit_costs,
)
from replenishment.ordering.policy import Kind, Policy
from replenishment.ordering.proposal import Proposal, joined
from replenishment.ordering.rounding import Rounded, round_orders
from replenishment.ordering.targets import (
    missed,
    order_for_cycle_service,
    order_for_fill_rate,
    order_for_safety_factor,
    share_met,
)
from replenishment.ordering.wanted import until_wanted

# Review periods after an order's arrival that its units are followed for, as far as the paths reach.
WINDOWS_MAX = 28
# Parts of an order that a budget chooses among.
PARTS = 8


def propose_orders(
    lines: Lines,
    paths: Paths,
    leads: LeadTimes,
    policy: Policy,
    *,
    backorders: bool = False,
    parts: int = PARTS,
    workers: int | None = None,
) -> Proposal:
    """Return what to order now of n lines.

    paths: (n, B, T), demand in units of B joint futures in periods 0 to T − 1 (days, weeks, months), numbers of any
    type,
    in any order in memory: (T, n, B) viewed as (n, B, T) is read without a copy. A memory map, or any object that has a
    shape and gives the lines of a slice, is read block by block. The paths must reach until the next order's arrival,
    lead time + review; least_cost looks on from there as far as they go. With a lead time of 0 an order arrives before
    the demand of period 0.
    backorders: what is missed waits, else it is lost. parts: of each order, for `within_budget`.
    workers: threads, as many as cores unless said.
    Raises ValueError for other shapes, a policy of other lines, negative or infinite demand, and paths that end too
    soon. Paths are walked in single precision: whole units are exact up to 16 million.
    """
    check_paths(lines, paths, leads, policy.review)
    whole(parts=parts - 1)
    n = len(lines)
    longest = WINDOWS_MAX if policy.kind == "least_cost" else 1

    def block(rows: slice) -> list[tuple[NDArray[np.int64], Proposal]]:
        some, rule = lines.take(rows), policy.take(rows)
        groups = walked(
            some,
            paths[rows],
            leads.take(rows, n),
            rule.review,
            backorders=backorders,
            windows_max=longest,
        )
        return [
            (rows.start + g.rows, _propose(g, rule.take(g.rows), parts, backorders=backorders))
            for g in groups
        ]

    threads = (os.cpu_count() or 1) if workers is None else workers
    found = in_blocks(n, paths.shape[1], block, threads)
    return joined([part for one in found for part in one], n, grid_parts=parts)


def _propose(group: Group, policy: Policy, parts: int, *, backorders: bool) -> Proposal:
    lines, needs = group.lines, group.needs
    costs = unit_costs(lines, group.lead, group.review, needs, backorders=backorders)
    if policy.trust_paths:
        needs = until_wanted(needs, costs, lines)
    due = lines.arriving(group.longest + group.review).sum(axis=1)
    have = lines.on_hand - lines.reserved + due
    need, target = _needed(policy, lines, needs, costs)
    if policy.kind == "newsvendor":
        # a share of 0 is reached without a unit
        need = np.where(target > 0, need, -have)
    # exact to thousandths, as all quantities are, and whole where nothing else can be ordered: what a sentence says
    # then adds up. The packs are the same; least cost may round down, so its need stays as it is
    need = np.ceil(need * 1000 - 0.01) / 1000
    if policy.kind != "least_cost":
        need = np.where(lines.step % 1 == 0, np.ceil(need), need)
    # what is there counts: else as much would be ordered again each time
    bounded = need + have > lines.most_sold
    need = np.minimum(need, lines.most_sold - have)
    lot = _lot(policy, lines, group)
    wanted = with_lot(policy.kind, need, lot)
    room = np.floor(lines.capacity - needs.stock.max(axis=1))
    rounded, down = _rounded(policy, lines, needs, costs, wanted, room)
    quantity, too_dear = _worth_ordering(policy, lines, needs, costs, rounded.quantity)
    at_most = np.maximum(wanted, 0.0)
    extra = np.where(quantity > 0, quantity - at_most, 0.0)
    cost = expected_cost(needs, costs, np.column_stack([quantity, at_most]))
    grid = _parts(lines, quantity, parts)
    nothing = missed(needs.need, np.zeros(len(lines)))
    left = np.column_stack([missed(needs.need, g) for g in grid.T])
    return Proposal(
        quantity=quantity,
        wanted=wanted,
        level=wanted + have,
        trigger=need + have,
        have=have,
        due=due,
        periods=group.lead + group.review,
        demand_mean=needs.demand.mean(axis=1, dtype=np.float64),
        demand_sd=needs.demand.std(axis=1, dtype=np.float64),
        lost=needs.lost.mean(axis=1, dtype=np.float64),
        target=target,
        served=share_met(needs.need, quantity),
        missed=missed(needs.need, quantity),
        rounding_units=extra,
        rounding_cost=np.where(quantity > 0, cost[:, 0] - cost[:, 1], 0.0),
        lot=lot,
        bounded=bounded,
        raised_to_minimum=rounded.raised_to_minimum,
        cut_by_room=rounded.cut_by_room,
        too_dear=too_dear,
        down=down,
        room=room,
        grid=grid,
        saved=(nothing[:, None] - left) * lines.worth[:, None],
    )


def _needed(policy: Policy, lines: Lines, needs: Needs, costs: UnitCosts) -> tuple[Array, Array]:
    """Return the order that the policy needs, units, and the target that it meets; both (n,)."""
    n = len(lines)
    if policy.kind == "least_cost":
        return order_of_least_cost(needs, costs), np.full(n, np.nan)
    if policy.kind == "newsvendor":
        ratio = _ratio(lines, policy)
        return order_for_cycle_service(needs.need, ratio), ratio
    if policy.cycle_service is not None:
        return order_for_cycle_service(needs.need, policy.cycle_service), policy.cycle_service
    if policy.safety_factor is not None:
        found = order_for_safety_factor(needs.need, needs.demand, policy.safety_factor)
        # the spread of the whole interval is not that of the periods which a short life reaches
        short = lines.shelf_life < policy.review
        return np.where(
            short, np.minimum(found, needs.need.max(axis=1)), found
        ), policy.safety_factor
    assert policy.fill_rate is not None  # noqa: S101 - make_policy saw to it
    return order_for_fill_rate(needs.need, needs.window, policy.fill_rate), policy.fill_rate


def _ratio(lines: Lines, policy: Policy) -> Array:
    overage = lines.unit_cost - lines.salvage + lines.holding * policy.review
    if (overage <= 0).any():
        raise ValueError("newsvendor needs unit_cost − salvage + holding above 0 in every line")
    return np.asarray(lines.worth / (lines.worth + overage))


def _lot(policy: Policy, lines: Lines, group: Group) -> Array:
    if policy.kind not in ("min_max", "reorder_quantity"):
        return np.zeros(len(lines))
    if policy.lot is not None:
        return policy.lot
    if (lines.holding <= 0).any():
        raise ValueError(f"{policy.kind} without a lot needs a holding cost in every line")
    periods = group.lead + group.review
    rate = group.needs.demand.mean(axis=1, dtype=np.float64) / periods
    return np.asarray(eoq(lines.order_cost, lines.holding, rate).quantity)


def with_lot(kind: Kind, need: Array, lot: Array) -> Array:
    """Return what is wanted: (s, S) adds the lot to what lacks from s, (r, Q) takes whole lots."""
    if kind == "min_max":
        return np.where(need > 0, need + lot, need)
    if kind == "reorder_quantity":
        some = np.where(lot > 0, lot, 1.0)
        return np.where((need > 0) & (lot > 0), np.ceil(need / some - 1e-9) * some, need)
    return need


def _rounded(
    policy: Policy, lines: Lines, needs: Needs, costs: UnitCosts, wanted: Array, room: Array
) -> tuple[Rounded, NDArray[np.bool_]]:
    up = round_orders(wanted, lines, room=room)
    none = np.zeros(len(lines), dtype=bool)
    if policy.kind != "least_cost":
        return up, none
    # the cost is convex: the best number of packs is one of the two around the optimum
    lower = round_orders(wanted, lines, room=room, down=~none)
    both = expected_cost(needs, costs, np.column_stack([up.quantity, lower.quantity]))
    down = (both[:, 1] < both[:, 0]) & (lower.quantity < up.quantity)
    chosen = (np.where(down, below, above) for below, above in zip(lower, up, strict=True))
    return Rounded(*chosen), down


def _worth_ordering(
    policy: Policy, lines: Lines, needs: Needs, costs: UnitCosts, quantity: Array
) -> tuple[Array, NDArray[np.bool_]]:
    if policy.kind != "least_cost":
        return quantity, np.zeros(len(lines), dtype=bool)
    saves = -expected_cost(needs, costs, quantity)
    too_dear = (quantity > 0) & (saves <= lines.order_cost)
    return np.where(too_dear, 0.0, quantity), too_dear


def _parts(lines: Lines, quantity: Array, parts: int) -> Array:
    """Return parts of each order in whole steps, the first at least the minimum, the last the order: (n, P)."""
    step = lines.step[:, None]
    grid = np.ceil(quantity[:, None] / step * np.arange(1, parts + 1) / parts - 1e-6) * step
    least = np.ceil(lines.minimum / lines.step - 1e-6) * lines.step
    return np.minimum(np.maximum(grid, least[:, None]), quantity[:, None])
