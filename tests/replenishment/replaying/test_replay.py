"""A replay keeps every unit, and gives the service and the cost that theory says."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from replenishment import (
    Moment,
    Outlooks,
    Replay,
    ReplayTerms,
    draws,
    fixed_lead_times,
    lead_times_of,
    make_lines,
    min_max_cost,
    min_max_exact,
    poisson_loss,
    poisson_probabilities,
    replay,
    round_orders,
    up_to,
)

LINES, PERIODS = 400, 600


@st.composite
def replays(draw: st.DrawFn) -> tuple[Replay, NDArray[Any], NDArray[Any]]:
    n, T = 5, 30
    seed = draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    lines = make_lines(
        rng.integers(0, 30, n),
        on_order=rng.integers(0, 8, (n, 4)),
        shelf_life=rng.choice([1, 3, 7, np.inf], n),
        unit_cost=2,
        holding=0.1,
        shortage=1,
    )
    leads = fixed_lead_times(draw(st.integers(0, 4)))
    if draw(st.booleans()):
        leads = lead_times_of(rng.dirichlet(np.ones(6), n))
    terms = ReplayTerms(leads, review=rng.integers(1, 4, n), backorders=draw(st.booleans()))
    orders = rng.integers(0, 12, (T, n)) * (rng.random((T, n)) < 0.5)
    return Replay(lines, terms, draws(seed, n)), rng.poisson(4, (T, n)), orders


def _same(orders: NDArray[np.float64], _: Moment) -> NDArray[np.float64]:
    return orders


@settings(max_examples=60, deadline=None)
@given(replays())
def test_no_unit_is_lost_and_none_is_sold_that_was_not_there(
    case: tuple[Replay, NDArray[Any], NDArray[Any]],
) -> None:
    played, demand, orders = case
    ordered = played.shelves.open.sum(axis=1)
    for units, wanted in zip(demand, orders, strict=True):
        before, waited = played.shelves.on_hand, played.shelves.waiting
        placed_by = partial(_same, wanted.astype(float))
        day, placed = played.step(placed_by, units)
        assert (day.sold <= before + day.received).all()
        after = played.shelves.on_hand
        assert after == pytest.approx(before + day.received - day.sold - day.wasted)
        # whoever came was served, lost, or waits
        left = played.shelves.waiting if played.terms.backorders else day.missed
        assert units + waited == pytest.approx(day.sold + left)
        ordered = ordered + placed - day.received
    assert played.shelves.open.sum(axis=1) == pytest.approx(ordered)
    measures = played.measures()
    assert measures.demand == pytest.approx(measures.sold_at_once + measures.missed)
    assert (measures.cycles_short <= measures.cycles).all()


@pytest.mark.parametrize("lead", [0, 3])
def test_base_stock_has_the_fill_rate_of_theory(lead: int) -> None:
    mean, level = 2.0, int(2.0 * (lead + 1)) + 2
    lines = make_lines(np.full(LINES, float(level)))
    demand = np.random.default_rng(1).poisson(mean, (PERIODS, LINES))
    terms = ReplayTerms(fixed_lead_times(lead), backorders=True, warm_up=20)
    found = replay(lines, demand, up_to(lambda _: np.full(LINES, float(level))), terms).total()
    # units short at the end of a period less those that were short before it
    missed = poisson_loss(level, mean * (lead + 1)) - poisson_loss(level, mean * lead)
    assert found.fill_rate[0] == pytest.approx(1 - missed / mean, abs=0.002)
    stock = level - mean * (lead + 1) + poisson_loss(level, mean * (lead + 1))
    assert found.mean_stock[0] / LINES == pytest.approx(stock, rel=0.005)


def test_min_max_costs_what_zheng_and_federgruen_say() -> None:
    best = min_max_exact(1, 9, 64, poisson_probabilities(10))
    lines = make_lines(np.full(LINES, float(best.S)), holding=1, shortage=9, order_cost=64)

    def decide(moment: Moment) -> NDArray[np.float64]:
        return np.where(moment.position <= best.s, best.S - moment.position, 0.0)

    demand = np.random.default_rng(2).poisson(10, (PERIODS, LINES))
    terms = ReplayTerms(fixed_lead_times(0), backorders=True, warm_up=50)
    found = replay(lines, demand, decide, terms)
    a_period = found.cost / found.periods
    exact = min_max_cost(int(best.s), int(best.S), 1, 9, 64, poisson_probabilities(10))
    assert abs(a_period.mean() - exact) < 4 * a_period.std() / np.sqrt(LINES)


def test_what_is_first_to_expire_is_sold_first_and_the_rest_is_waste() -> None:
    lines = make_lines([5], expiring=[[2, 0, 3]], shelf_life=3, unit_cost=2)
    played = Replay(lines, ReplayTerms(fixed_lead_times(1)), draws(0, 1))
    orders = iter([4.0, 0, 0, 0])
    days = [
        played.step(lambda _: np.array([next(orders)]), np.array([d]))[0] for d in (1.0, 2, 1, 0)
    ]
    # one of two that end today is left over; the three of the third day serve it before the four that came
    assert [float(day.wasted[0]) for day in days] == [1, 0, 0, 4]
    assert float(played.measures().waste[0]) == 10


def test_lead_times_are_drawn_in_their_shares_and_orders_cross() -> None:
    leads = lead_times_of([0, 0.5, 0, 0.5])
    lines = make_lines(np.zeros(LINES))
    played = Replay(lines, ReplayTerms(leads), draws(3, LINES))
    received = [
        played.step(lambda m: np.full(LINES, m.period + 1.0) * (m.period < 2), np.zeros(LINES))[
            0
        ].received
        for _ in range(5)
    ]
    of_first = np.array(received)[1] == 1
    assert of_first.mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(LINES))
    # the second order comes on the third day, the first one on the fourth
    assert ((np.array(received)[2] == 2) & (np.array(received)[3] == 1)).any()


def test_a_buyer_expects_orders_when_their_kind_comes_and_sees_no_lead_time_ahead() -> None:
    leads = lead_times_of([0, 0.5, 0, 0.5])
    seen = []
    for seed in range(8):
        played = Replay(make_lines([0.0]), ReplayTerms(leads), draws(seed, 1))
        played.step(lambda _: np.array([6.0]), np.zeros(1))
        seen.append(played.moment().lines.on_order[0].tolist())
    assert all(one == seen[0] for one in seen)
    assert seen[0][1] == 6


def test_packs_and_reviews_hold() -> None:
    lines = make_lines([0.0, 0.0], pack=[6, 12])
    terms = ReplayTerms(fixed_lead_times(1), review=[1, 7])

    def decide(moment: Moment) -> NDArray[np.float64]:
        return round_orders(10 - moment.position, moment.lines).quantity

    found = replay(lines, np.full((14, 2), 3.0), decide, terms)
    assert (found.received % [6, 12] == 0).all()
    assert found.orders[1] == 2


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: played_on(np.ones((5, 3))), "demand must be of 1 lines"),
        (lambda: played_on(np.ones((5, 1)), review=1.5), "review"),
        (lambda: Outlooks([]), "at least one"),
    ],
)
def test_nonsense_is_refused_by_name(call: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        call()


def test_a_replay_of_warm_up_alone_has_no_average_stock() -> None:
    terms = ReplayTerms(fixed_lead_times(1), warm_up=9)
    found = replay(make_lines([1.0]), np.ones((5, 1)), lambda _: np.zeros(1), terms)
    assert np.isnan(found.total().mean_stock).all()


def played_on(demand: NDArray[np.float64], review: float = 1) -> None:
    terms = ReplayTerms(fixed_lead_times(1), review=review)
    replay(make_lines([1.0]), demand, lambda _: np.zeros(1), terms)
