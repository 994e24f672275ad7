"""The walk against a plain simulation of lots, and lead times that are dealt to paths."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from replenishment.lines.lead_times import (
    LeadTimes,
    fixed_lead_times,
    lead_times_from,
    lead_times_of,
)
from replenishment.lines.lines import Lines, make_lines
from replenishment.lines.new_products import paths_of_alike, whole_units
from replenishment.ordering.costs import line_needs

T = 9
units = st.integers(0, 6)
by_period = st.lists(units, min_size=T, max_size=T)


def simulate(
    line: Lines, demand: list[int], lead: int, order: float, until: int, *, backorders: bool
) -> tuple[float, float]:
    """Play one path with lots in hand. Returns what is missed from the arrival on, and before it."""
    lots = [[float(t), float(u)] for t, u in enumerate(line.expiring[0]) if u]
    lots.append([np.inf, float(line.on_hand[0] - line.expiring[0].sum())])
    owed = float(line.reserved[0])
    missed = {True: 0.0, False: 0.0}
    coming = line.arriving(until)[0]
    for t in range(until):
        lots.append([np.inf, coming[t] + (order if t == lead else 0.0)])
        owed = serve(lots, owed)
        left = serve(lots, float(demand[t]))
        missed[t >= lead] += left
        if backorders:
            owed += left
        lots = [lot for lot in lots if lot[0] > t]
    return missed[True], missed[False]


def serve(lots: list[list[float]], wanted: float) -> float:
    for lot in sorted(lots):
        taken = min(lot[1], wanted)
        lot[1] -= taken
        wanted -= taken
    return wanted


@st.composite
def situations(draw: st.DrawFn) -> tuple[Lines, NDArray[Any], int, int]:
    on_hand = draw(st.integers(0, 20))
    expiring = [0] * T
    if on_hand:
        at = draw(st.integers(0, T - 1))
        expiring[at] = draw(st.integers(0, on_hand))
    line = make_lines(
        [on_hand],
        reserved=[draw(st.integers(0, 5))],
        on_order=[draw(by_period)],
        in_transit=[draw(by_period)],
        expiring=[expiring],
    )
    lead = draw(st.integers(0, 4))
    paths = np.array([[draw(by_period) for _ in range(3)]])
    return line, paths, lead, draw(st.integers(1, T - lead))


def test_a_promised_unit_is_taken_out_of_the_lot_that_expires() -> None:
    line = make_lines([1], reserved=1, expiring=[[1]])
    needs = line_needs(line, np.zeros((1, 2, 3)), fixed_lead_times(2), 1)
    assert needs.need[0].tolist() == [0, 0]


@given(situation=situations(), order=st.integers(0, 30))
@settings(max_examples=150, deadline=None)
def test_what_an_order_misses_is_its_need_beyond_it(
    situation: tuple[Lines, NDArray[Any], int, int], order: int
) -> None:
    line, paths, lead, review = situation
    needs = line_needs(line, paths, fixed_lead_times(lead), review)
    for b, demand in enumerate(paths[0].tolist()):
        missed, before = simulate(line, demand, lead, 1e9, lead + review, backorders=False)
        assert missed == 0
        assert needs.lost[0, b] == before
        assert needs.demand[0, b] == sum(demand[: lead + review])
        need = float(needs.need[0, b])
        enough = max(need, 0.0)
        assert simulate(line, demand, lead, enough, lead + review, backorders=False)[0] == 0
        if need > 0 and not line.expiring.any() and not line.reserved.any():
            given_order, _ = simulate(line, demand, lead, order, lead + review, backorders=False)
            assert given_order == max(need - order, 0)
        if need >= 1:
            short, _ = simulate(line, demand, lead, need - 1, lead + review, backorders=False)
            assert short > 0 or line.reserved.any()


def test_customers_who_wait_are_needed_and_lost_ones_are_not() -> None:
    line = make_lines([2])
    paths = np.array([[[5, 1, 1]]])
    lost = line_needs(line, paths, fixed_lead_times(1), 2)
    waiting = line_needs(line, paths, fixed_lead_times(1), 2, backorders=True)
    assert (lost.need[0, 0], lost.lost[0, 0], lost.stock[0, 0]) == (2, 3, 0)
    assert (waiting.need[0, 0], waiting.lost[0, 0], waiting.stock[0, 0]) == (5, 3, -3)


def test_only_what_arrives_in_time_counts() -> None:
    paths = np.full((1, 1, 6), 1)
    for at, need in ((0, 0), (1, 0), (2, 1), (3, 2), (4, 3)):
        coming = np.zeros((1, 6))
        coming[0, at] = 9
        found = line_needs(make_lines([1], on_order=coming), paths, fixed_lead_times(1), 3)
        # one unit serves the first period; the order arrives in the second
        assert max(found.need[0, 0], 0) == need


def test_an_order_that_spoils_is_no_reason_to_order_it() -> None:
    paths = np.full((1, 1, 8), 2)
    found = line_needs(make_lines([2], shelf_life=3), paths, fixed_lead_times(1), 7)
    assert found.need[0, 0] == 6


def test_nothing_is_needed_after_the_end() -> None:
    paths = np.full((2, 4, 8), 2)
    ending = make_lines([0, 0], ends=[3, np.inf], presentation=5)
    found = line_needs(ending, paths, fixed_lead_times(1), 7)
    assert found.need[:, 0].tolist() == [4, 19]


def test_lead_times_are_dealt_in_their_shares_and_evenly() -> None:
    rng = np.random.default_rng(1)
    leads = lead_times_of([[0, 0.5, 0.25, 0.25], [0.1, 0.9, 0, 0]])
    totals = rng.gamma(2, 9, (2, 200)).astype(np.float32)
    dealt = leads.of_paths(totals)
    assert np.bincount(dealt[0]).tolist() == [0, 100, 50, 50]
    assert np.bincount(dealt[1]).tolist() == [20, 180]
    for row in (0, 1):
        apart = [totals[row][dealt[row] == one].mean() for one in np.unique(dealt[row])]
        assert np.ptp(apart) < 0.15 * totals[row].mean()


def test_random_lead_times_give_the_moments_of_a_random_sum() -> None:
    rng = np.random.default_rng(4)
    paths = rng.normal(50, 8, (40, 200, 8)).clip(0)
    leads = lead_times_from([[2, 4, 4, 5]] * 40)
    found = line_needs(make_lines(np.zeros(40)), paths, leads, 1)
    expected = np.sqrt(64 * 4.75 + 2500 * np.var([2, 4, 4, 5]))
    assert found.demand.mean() == pytest.approx(50 * 4.75, rel=0.01)
    assert found.demand.std(axis=1).mean() == pytest.approx(expected, rel=0.03)


def test_a_lead_time_that_is_dealt_and_certain_is_the_fixed_one() -> None:
    rng = np.random.default_rng(6)
    paths = rng.poisson(1.5, (5, 30, 9))
    lines = make_lines(
        rng.integers(0, 9, 5), reserved=[0, 2, 0, 9, 1], in_transit=rng.integers(0, 3, (5, 4))
    )
    fixed = line_needs(lines, paths, fixed_lead_times([1, 2, 3, 3, 0]), [3, 2, 1, 2, 4])
    almost = np.clip(fixed_lead_times([1, 2, 3, 3, 0]).shares, 1e-6, None)
    dealt = line_needs(
        lines, paths, LeadTimes(almost / almost.sum(axis=1, keepdims=True)), [3, 2, 1, 2, 4]
    )
    for name in ("need", "demand", "window", "stock", "lost"):
        assert getattr(fixed, name).tolist() == getattr(dealt, name).tolist(), name


def test_a_new_product_has_the_planned_mean_and_an_unknown_level() -> None:
    rng = np.random.default_rng(3)
    alike = rng.poisson(4.0, (3, 400, 20))
    found = paths_of_alike(alike, 0.7, rng=rng)
    assert found.mean() == pytest.approx(0.7, rel=0.1)
    assert (found == np.floor(found)).all()
    # the level is drawn once a path: sums vary far more than of independent periods
    assert found.sum(axis=1).std() > 1.5 * np.sqrt(0.7 * 20)
    assert whole_units(np.full(10_000, 0.1), rng).mean() == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: make_lines([1], colour=3), "colour"),
        (lambda: make_lines([1], pack=0), "pack"),
        (lambda: make_lines([1], holding=-1), "holding"),
        (lambda: make_lines([1, 2], price=[1, 2, 3]), "price"),
        (lambda: make_lines([1], expiring=[[2]]), "expiring"),
        (lambda: make_lines([np.nan]), "on_hand"),
        (lambda: fixed_lead_times(1.5), "whole"),
        (lambda: lead_times_of([0.5, 0.2]), "sum to 1"),
        (lambda: lead_times_from([[]]), "sample"),
        (lambda: lead_times_from([3, 4, 5]), "a list of each line"),
        (lambda: fixed_lead_times([]), "periods"),
        (lambda: make_lines([0], pack=1e13, multiple=4), "common step"),
        (lambda: line_needs(make_lines([1]), np.ones((2, 3, 4)), fixed_lead_times(1), 1), "paths"),
        (
            lambda: line_needs(make_lines([1]), np.ones((1, 3, 4)), fixed_lead_times(3), 2),
            "reach 4",
        ),
        (
            lambda: line_needs(make_lines([1]), -np.ones((1, 3, 4)), fixed_lead_times(1), 1),
            "at least 0",
        ),
        (
            lambda: line_needs(make_lines([1]), np.full((1, 3, 4), np.nan), fixed_lead_times(1), 1),
            "at least 0",
        ),
        (lambda: line_needs(make_lines([1]), np.ones((1, 3, 4)), fixed_lead_times(1), 0), "review"),
    ],
)
def test_nonsense_is_refused_by_name(call: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        call()
