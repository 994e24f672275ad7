"""Goals, budgets, suppliers, warehouses, transfers and goods-in doors that lines share."""

from dataclasses import replace
from itertools import product
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replenishment import (
    SupplierTerms,
    explain,
    fit_delivery,
    fixed_lead_times,
    in_series,
    join_order,
    lead_times_of,
    line_needs,
    make_lines,
    make_policy,
    needed_ahead,
    order_costs,
    pack_grid,
    plan_transfers,
    pool_lines,
    pool_paths,
    propose_orders,
    sentence,
    share_out,
    smooth_deliveries,
    spread_goal,
    within_budget,
)
from tests.replenishment.orders import Case, cases

RNG = np.random.default_rng(12)
MEAN = RNG.lognormal(0.5, 1, 60)
PATHS = RNG.poisson(MEAN[:, None, None] * np.ones((60, 100, 8)))
COST = RNG.uniform(1, 9, 60)
PRICE = COST * RNG.uniform(1.1, 3, 60)


def test_a_goal_is_met_with_less_money_than_the_same_target_for_all() -> None:
    lines, leads = make_lines(np.zeros(60), unit_cost=COST, price=PRICE), fixed_lead_times(3)
    needs = line_needs(lines, PATHS, leads, 4)
    window = PRICE @ needs.window.mean(axis=1)
    found = spread_goal(needs, 0.97, value=PRICE, cost=COST)
    assert 0.97 <= found.fill_rate < 0.972
    policy = make_policy("order_up_to", 60, review=4, cycle_service=found.cycle_service)
    ours = propose_orders(lines, PATHS, leads, policy)
    assert ours.quantity == pytest.approx(found.orders)
    assert 1 - PRICE @ ours.missed / window == pytest.approx(found.fill_rate)
    same = propose_orders(
        lines, PATHS, leads, make_policy("order_up_to", 60, review=4, fill_rate=0.97)
    )
    assert COST @ ours.quantity < 0.985 * (COST @ same.quantity)


def test_a_goal_that_stock_exceeds_asks_for_nothing_more() -> None:
    needs = line_needs(make_lines(np.full(60, 9e3)), PATHS, fixed_lead_times(3), 4)
    assert spread_goal(needs, 0.9).orders.sum() == 0


@given(case=cases(n=12), share=st.floats(0, 1), more=st.floats(1, 3))
@settings(max_examples=30, deadline=None)
def test_a_budget_is_never_exceeded_and_more_of_it_never_buys_less(
    case: Case, share: float, more: float
) -> None:
    lines = case.lines
    found = propose_orders(*case[:4], backorders=case.backorders, parts=40)
    buyer = np.arange(12) % 2
    wish = np.bincount(buyer, weights=found.quantity * lines.unit_cost)
    bought = within_budget(found, lines, wish * share, buyer=buyer)
    assert (bought.spent <= wish * share + 1e-6).all()
    assert np.bincount(buyer, weights=bought.quantity * lines.unit_cost) == pytest.approx(
        bought.spent
    )
    assert np.allclose(
        bought.quantity / lines.step, np.round(bought.quantity / lines.step), atol=1e-6
    )
    assert ((bought.quantity == 0) | (bought.quantity >= lines.minimum)).all()
    assert (bought.quantity <= found.quantity + 1e-9).all()
    assert (
        within_budget(found, lines, wish * share * more, buyer=buyer).quantity >= bought.quantity
    ).all()
    assert (
        within_budget(found, lines, wish, buyer=buyer).quantity.tolist() == found.quantity.tolist()
    )


def test_a_budget_buys_what_returns_most() -> None:
    # of the first line every unit is certain to be missed, of the second the third unit hardly
    paths = np.stack([np.full((10, 1), 3), np.array([[2]] * 9 + [[3]])])
    lines = make_lines([0, 0], unit_cost=[2, 1], shortage=[3, 1])
    policy = make_policy("order_up_to", 2, cycle_service=0.99)
    found = propose_orders(lines, paths, fixed_lead_times(0), policy, parts=3)
    assert found.quantity.tolist() == [3, 3]
    bought = within_budget(found, lines, 8.5)
    assert bought.quantity.tolist() == [3, 2]
    assert bought.returns.tolist() == pytest.approx([1.5, 1])
    line = explain(found, lines, policy, 1, quantity=2, changed="the budget buys what returns more")
    assert sentence(line).endswith("order 3; the budget buys what returns more: order 2")


def supplier(k: int = 5) -> tuple[Any, ...]:
    rng = np.random.default_rng(3)
    paths = rng.poisson(rng.lognormal(1, 0.6, (k, 1, 1)) * np.ones((k, 60, 10)))
    lines = make_lines(
        rng.integers(0, 12, k), pack=[1, 2, 3, 1, 6][:k], holding=0.05, shortage=2, unit_cost=3
    )
    found = propose_orders(
        lines, paths, fixed_lead_times(1), make_policy("least_cost", k, review=2)
    )
    grid = pack_grid(lines, found.quantity, fewer=30, more=6)
    return lines, found, grid, order_costs(lines, paths, fixed_lead_times(1), 2, grid)


def test_a_supplier_without_terms_changes_nothing() -> None:
    lines, found, grid, costs = supplier()
    joined = join_order(grid, costs, found.quantity, lines.unit_cost, SupplierTerms())
    assert joined.way == "as proposed"
    assert joined.quantity.tolist() == found.quantity.tolist()


def test_a_minimum_is_met_by_what_costs_least_or_the_order_waits() -> None:
    lines, found, grid, costs = supplier()
    money = float(lines.unit_cost @ found.quantity)
    joined = join_order(
        grid, costs, found.quantity, lines.unit_cost, SupplierTerms(minimum=money + 10)
    )
    assert joined.way == "minimum"
    assert money + 10 <= lines.unit_cost @ joined.quantity < money + 10 + 3 * 6
    # more than the grid holds cannot be met
    waits = join_order(grid, costs, found.quantity, lines.unit_cost, SupplierTerms(minimum=1e6))
    assert (waits.way, waits.quantity.sum()) == ("nothing", 0)


def test_trucks_are_full_where_freight_is_dear() -> None:
    lines, found, grid, costs = supplier()
    units = float(found.quantity.sum())
    terms = SupplierTerms(truck=units + 3, freight=50)
    joined = join_order(grid, costs, found.quantity, lines.unit_cost, terms, volume=np.ones(5))
    assert joined.quantity.sum() <= units + 3
    tight = SupplierTerms(truck=units - 1, freight=20)
    fewer = join_order(grid, costs, found.quantity, lines.unit_cost, tight, volume=np.ones(5))
    assert fewer.way == "fewer trucks"
    assert units - 1 - 6 < fewer.quantity.sum() <= units - 1
    # what has no volume fills no truck
    size = np.array([1, 1, 1, 1, 0])
    joined = join_order(grid, costs, found.quantity, lines.unit_cost, terms, volume=size)
    assert joined.quantity[4] == found.quantity[4]


def test_a_price_break_is_taken_where_it_pays() -> None:
    lines, found, grid, costs = supplier()
    money = float(lines.unit_cost @ found.quantity)
    for share, way in ((0.1, "price break"), (0.0001, "as proposed")):
        terms = SupplierTerms(breaks=((money + 12, share),))
        assert join_order(grid, costs, found.quantity, lines.unit_cost, terms).way == way


def test_joined_orders_are_near_the_best_of_all() -> None:
    lines, found, grid, costs = supplier(3)
    terms = SupplierTerms(
        minimum=float(lines.unit_cost @ found.quantity) + 9, breaks=((150, 0.02),)
    )
    joined = join_order(grid, costs, found.quantity, lines.unit_cost, terms)
    best = 0.0
    for at in product(range(grid.shape[1]), repeat=3):
        money = float(lines.unit_cost @ grid[range(3), at])
        if money >= terms.minimum:
            best = min(best, costs[range(3), at].sum() - (0.02 * money if money >= 150 else 0))
    assert joined.costs[joined.way] <= best + 0.05 * abs(best)


def test_a_warehouse_pools_the_risk_of_its_shops() -> None:
    rng = np.random.default_rng(1)
    shops = rng.poisson(4, (10, 400, 12))
    group = np.repeat([0, 1], 5)
    leads = in_series(fixed_lead_times(4), lead_times_of([0, 0.5, 0.5]))
    assert leads.shares.tolist() == [[0, 0, 0, 0, 0, 0.5, 0.5]]
    of_shops = make_lines(np.full(10, 7), in_transit=[[0, 2]] * 10, reserved=1, presentation=2)
    centre = make_lines([30, 0], on_order=[[0], [9]], pack=4)
    pooled = pool_lines(centre, of_shops, group)
    assert pooled.on_hand.tolist() == [65, 35]
    assert pooled.arriving(2).tolist() == [[0, 10], [9, 10]]
    assert (pooled.reserved.tolist(), pooled.presentation.tolist()) == ([5, 5], [10, 10])
    policy = make_policy("base_stock", 2, cycle_service=0.95)
    one = propose_orders(pooled, pool_paths(shops, group, 2), leads, policy, backorders=True)
    each = propose_orders(
        of_shops, shops, leads, make_policy("base_stock", 10, cycle_service=0.95), backorders=True
    )
    assert one.quantity.sum() + 30 + 9 < 0.95 * each.quantity.sum()


def test_pooled_safety_stock_grows_with_the_square_root_of_shops() -> None:
    """Eppen 1979, Management Science 25(5): n shops of independent normal demand need √n times the safety of one."""
    n, mean, sd, served = 16, 100.0, 20.0, 0.975
    paths = np.maximum(np.random.default_rng(5).normal(mean, sd, (n, 20_000, 1)), 0.0)
    lead, group = fixed_lead_times(0), np.zeros(n, dtype=np.int64)
    # any quantity: what packs add is no safety stock
    shops = make_lines(np.zeros(n), pack=0.001)
    centre = pool_lines(make_lines([0.0], pack=0.001), shops, group)
    each = propose_orders(shops, paths, lead, make_policy("base_stock", n, cycle_service=served))
    one = propose_orders(
        centre,
        pool_paths(paths, group, 1),
        lead,
        make_policy("base_stock", 1, cycle_service=served),
    )
    apart = float((each.quantity - each.demand_mean).sum())
    pooled = float((one.quantity - one.demand_mean).sum())
    z = NormalDist().inv_cdf(served)
    assert apart == pytest.approx(n * z * sd, rel=0.03)
    assert pooled == pytest.approx(np.sqrt(n) * z * sd, rel=0.03)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_shares_are_whole_packs_and_no_more_than_there_is(data: st.DataObject) -> None:
    n, groups = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 3))

    def each(of: st.SearchStrategy[int], many: int = n) -> Any:
        return np.array(data.draw(st.lists(of, min_size=many, max_size=many)))

    group, step = each(st.integers(0, groups - 1)), each(st.sampled_from([1, 6, 12]))
    have, most = each(st.integers(0, 90), groups), each(st.integers(0, 9)) * step
    need = each(st.integers(-20, 60), n * 20).reshape(n, 20).astype(np.float32)
    least = each(st.integers(0, 4)) * step
    got = share_out(
        need,
        have,
        group,
        value=each(st.integers(1, 9)),
        step=step,
        least=least,
        most=most.astype(float),
    )
    assert (np.bincount(group, weights=got, minlength=groups) <= have + 1e-9).all()
    assert (got % step == 0).all()
    assert (got >= 0).all()
    assert (got <= most).all()
    assert ((got == 0) | (got >= least)).all()
    # nothing stays in a warehouse that a shop asks for, needs and may be sent
    left = have - np.bincount(group, weights=got, minlength=groups)
    one = np.maximum(np.maximum(least, step), got + step) - got
    wants = (got + one <= most) & (
        np.maximum(need.max(axis=1), least * (need.max(axis=1) > 0)) >= got + one
    )
    assert not (wants & (one <= left[group])).any()


def test_a_warehouse_says_whom_it_orders_for() -> None:
    paths = np.random.default_rng(2).poisson(9, (1, 200, 6))
    lines, policy = make_lines([30]), make_policy("base_stock", 1, cycle_service=0.95)
    found = propose_orders(lines, paths, fixed_lead_times(5), policy)
    told = replace(explain(found, lines, policy, 0), shops=8, in_shops=21.0)
    assert "6 days' demand of 8 shops " in sentence(told)
    assert "; have 9 here, 21 in shops; order " in sentence(told)
    assert "of 1 shop and its own customers " in sentence(replace(told, shops=1, sells_itself=True))
    assert "of its own customers " in sentence(replace(told, shops=0, sells_itself=True))


def test_scarce_stock_is_worth_the_same_in_every_shop() -> None:
    rng = np.random.default_rng(2)
    paths = rng.poisson(np.array([2, 6, 6, 1, 1])[:, None, None] * np.ones((5, 300, 4)))
    needs = line_needs(make_lines([0, 0, 20, 0, 0]), paths, fixed_lead_times(1), 3)
    group, value = np.array([0, 0, 0, 1, 1]), np.array([1.0, 1.0, 1.0, 3.0, 1.0])
    got = share_out(needs.need, [15, 3], group, value=value)
    assert np.bincount(group, weights=got).tolist() == [15, 3]
    # the third has enough; of the last two the one whose customers cost more goes first
    assert got[2] <= 2
    assert got[3] > got[4]
    still = value * (needs.need > got[:, None]).mean(axis=1)
    assert still[0] == pytest.approx(still[1], abs=0.1)
    plenty = share_out(needs.need, [500, 500], group, step=[2, 6, 6, 1, 1], most=np.full(5, 12.0))
    assert plenty.max() <= 12
    assert (plenty % [2, 6, 6, 1, 1] == 0).all()


def test_transfers_come_before_purchases() -> None:
    paths = np.full((4, 10, 5), 2)
    lines = make_lines([30, 0, 2, 0], unit_cost=3, pack=[1, 4, 1, 1], presentation=[0, 0, 0, 1])
    policy = make_policy("order_up_to", 4, review=5, cycle_service=0.9)
    found = propose_orders(lines, paths, fixed_lead_times(0), policy)
    assert found.quantity.tolist() == [0, 12, 8, 11]
    moved = plan_transfers(found, lines, np.array([7, 7, 7, 8]), unit_cost=1)
    assert (moved.source.tolist(), moved.target.tolist(), moved.units.tolist()) == (
        [0, 0],
        [1, 2],
        [10, 8],
    )
    assert moved.quantity.tolist() == [0, 0, 0, 11]
    # the giver keeps its own level, and nothing moves that is cheaper to buy
    assert moved.units.sum() <= 30 - 10
    assert plan_transfers(found, lines, np.array([7, 7, 7, 8]), unit_cost=3).units.size == 0


def test_a_busy_day_is_spread_at_the_least_cost() -> None:
    units = np.array([40.0, 30, 30, 10, 0])
    day, earliest, latest = (
        np.array(x) for x in ([2, 2, 2, 1, 0], [0, 1, 2, 1, 0], [3, 2, 4, 1, 0])
    )
    found = smooth_deliveries(
        units,
        day,
        earliest,
        latest,
        60,
        days=5,
        early_cost=[4, 1, 1, 1, 1],
        late_cost=[9, 9, 6, 9, 9],
    )
    # first the one that costs 1 for 30 units, then of two at 6 and 8 for as much the smaller sum
    assert (found.day.tolist(), found.cost) == ([2, 1, 3, 1, 0], 7)
    assert found.units.tolist() == [0, 40, 40, 30, 0]
    # what may not move stays, and shows
    stuck = smooth_deliveries(units, day, day, day, 60, days=5)
    assert stuck.units.max() == 100


def test_a_quarter_less_on_peak_days_costs_little() -> None:
    rng = np.random.default_rng(5)
    n, days = 600, 28
    units, day = (
        rng.integers(1, 40, n).astype(float),
        rng.choice(days, n, p=np.array([5, 1, 1, 3, 1, 1, 2] * 4) / 56),
    )
    peak = np.bincount(day, weights=units, minlength=days).max()
    found = smooth_deliveries(
        units,
        day,
        np.maximum(day - 2, 0),
        np.minimum(day + 1, days - 1),
        0.75 * peak,
        days=days,
        early_cost=units * 0.002,
        late_cost=units * 0.05,
    )
    assert found.units.max() <= 0.75 * peak
    assert found.cost < 0.005 * units.sum()


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: within_budget(*bought(), -1), "budget"),
        (lambda: within_budget(*bought(), [1, 2], buyer=np.array([2])), "buyer"),
        (
            lambda: join_order(
                np.array([[1.0, 2]]), np.zeros((1, 2)), np.ones(1), np.ones(1), SupplierTerms()
            ),
            "from 0",
        ),
        (
            lambda: join_order(
                np.array([[0.0, 2]]), np.zeros((1, 2)), np.ones(1), np.ones(1), SupplierTerms()
            ),
            "possible",
        ),
        (
            lambda: smooth(1, 2, 3),
            "earliest",
        ),
        (
            lambda: smooth(1, 1, 9),
            "within 9",
        ),
        (
            lambda: spread_goal(
                line_needs(make_lines([1]), np.ones((1, 2, 3)), fixed_lead_times(0), 1), 1
            ),
            "goal",
        ),
    ],
)
def test_nonsense_is_refused_by_name(call: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        call()


def bought() -> tuple[Any, Any]:
    lines = make_lines([0], unit_cost=1)
    policy = make_policy("order_up_to", 1, cycle_service=0.9)
    return propose_orders(lines, np.ones((1, 2, 3)), fixed_lead_times(0), policy), lines


def smooth(day: int, earliest: int, latest: int) -> None:
    a, b, c = (np.array([x]) for x in (day, earliest, latest))
    smooth_deliveries(np.ones(1), a, b, c, 1, days=9)


amounts = st.lists(st.integers(0, 40), min_size=6, max_size=6)


@given(amounts, amounts, st.lists(st.booleans(), min_size=6, max_size=6), st.integers(0, 200))
def test_what_is_needed_ahead_is_just_enough(
    wanted: list[int], room: list[int], opens: list[bool], more: int
) -> None:
    ahead = needed_ahead(wanted, room, np.array(opens))

    def lacks(start: float) -> float:
        """Play the days: what is wanted waits for a delivery, and each brings what there is room for."""
        waiting, most = -start, 0.0
        for units, free, comes in zip(wanted, room, opens, strict=True):
            waiting += units
            if comes:
                waiting -= free
                most = max(most, waiting)
        return most

    assert lacks(ahead) == 0
    assert ahead == 0 or lacks(ahead - 1) == 1
    assert needed_ahead(wanted, np.array(room) + more, np.array(opens)) <= ahead


@settings(max_examples=60)
@given(cases(), st.floats(0, 3), st.floats(0, 1))
def test_a_delivery_never_exceeds_its_room_and_changes_only_what_it_must(
    case: Case, share: float, more: float
) -> None:
    lines, paths, leads, review = case.lines, case.paths, case.leads, case.policy.review
    proposed = propose_orders(lines, paths, leads, case.policy).quantity
    grid = np.concatenate([np.zeros((len(lines), 1)), pack_grid(lines, proposed)], axis=1)
    costs = order_costs(lines, paths, leads, review, grid)
    total = float(proposed.sum())
    room = share * total
    found = fit_delivery(grid, costs, proposed, room, ahead=more * total)
    assert found.quantity.sum() <= max(room, 0) + 1e-6
    assert (np.abs(grid - found.quantity[:, None]).min(axis=1) < 1e-6).all()
    if room >= total:
        assert not found.later.any()
        assert found.sooner.sum() <= more * total + 1e-6
    else:
        assert not found.sooner.any()
    as_it_is = fit_delivery(grid, costs, proposed, max(room, total)).quantity
    assert as_it_is == pytest.approx(proposed)
