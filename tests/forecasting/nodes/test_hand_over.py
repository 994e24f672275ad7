from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from forecasting.frames.frequency import Grid
from forecasting.nodes.demand import Demand
from forecasting.nodes.hand_over import blend
from forecasting.nodes.succession_table import product_lines, succession_table
from forecasting.nodes.successions import link_rows, period_share
from forecasting.nodes.with_successions import (
    blended,
    replaced_leaves,
    waiting_leaves,
    with_successions,
)
from stocktide.foundation.errors import Invalid
from stocktide.foundation.successions import Succession, check_successions, depths

Array = NDArray[np.float64]

FIRST, DAYS = date(2025, 1, 6), 40
PRODUCTS, SHOPS = ("A", "B", "C", "D", "E"), ("S1", "S2")
LEAVES = pd.DataFrame(
    [(product, shop) for shop in SHOPS for product in PRODUCTS], columns=["product", "location"]
)


def on(day: int) -> date:
    return FIRST + timedelta(days=day)


def demand_of_units(units: Array, empty: NDArray[np.bool_] | None = None) -> Demand:
    return Demand(
        leaves=LEAVES,
        names={},
        days=pd.date_range(FIRST, periods=units.shape[1]),
        units=units,
        empty=np.zeros(units.shape, np.bool_) if empty is None else empty,
        started=np.argmax(units > 0, axis=1),
        lake_version=0,
    )


def slowly(units: Array, rows: list[Succession]) -> Array:
    """Move histories one product, location and day at a time."""
    names = zip(LEAVES["product"], LEAVES["location"], strict=True)
    left = {leaf: units[row].copy() for row, leaf in enumerate(names)}
    depth = depths(rows)
    whole: dict[tuple[str, date], float] = {}
    for one in rows:
        key = (one.predecessor, one.first_day)
        whole[key] = whole.get(key, 0.0) + one.share
    for day, at in sorted({(one.first_day, depth[one.predecessor]) for one in rows}):
        if day > on(DAYS - 1):
            continue
        before = {leaf: values.copy() for leaf, values in left.items()}
        for one in rows:
            if (one.first_day, depth[one.predecessor]) != (day, at):
                continue
            total = whole[one.predecessor, day]
            share = one.share / total if total >= 0.999 else one.share
            for leaf in left:
                if leaf[0] != one.predecessor:
                    continue
                for t in range((day - FIRST).days):
                    moved = share * before[leaf][t]
                    left[leaf][t] -= moved
                    left[one.successor, leaf[1]][t] += moved
    return np.array(list(left.values()))


@st.composite
def successions(draw: st.DrawFn) -> list[Succession]:
    """Draw successions along an order of the products, so that there is no circle; those that contradict go."""
    rows: list[Succession] = []
    pairs = [(p, s) for i, p in enumerate(PRODUCTS) for s in PRODUCTS[i + 1 :]]
    for before, after in draw(st.lists(st.sampled_from(pairs), unique=True, max_size=6)):
        share = draw(st.sampled_from([0.2, 0.3333, 0.5, 1.0]))
        one = Succession(before, after, on(draw(st.sampled_from([-3, 5, 12, 25, 45]))), share)
        try:
            check_successions([*rows, one])
        except Invalid:
            continue
        rows.append(one)
    return rows


@given(successions(), st.integers(0, 2**32), st.randoms())
def test_history_is_moved_and_not_doubled(rows: list[Succession], seed: int, order: object) -> None:
    units = np.random.default_rng(seed).poisson(3.0, (len(LEAVES), DAYS)).astype(np.float64)
    moved = with_successions(demand_of_units(units), succession_table(rows))
    assert moved.units.min() >= 0
    np.testing.assert_allclose(moved.units, slowly(units, rows), atol=1e-9)
    for shop in SHOPS:
        of = (LEAVES["location"] == shop).to_numpy()
        np.testing.assert_allclose(moved.units[of].sum(axis=0), units[of].sum(axis=0), atol=1e-9)
    shuffled = list(rows)
    order.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis's random numbers
    again = with_successions(demand_of_units(units), succession_table(shuffled))
    np.testing.assert_array_equal(again.units, moved.units)
    np.testing.assert_array_equal(units, np.rint(units))


def test_a_swap_moves_all_before_the_day_and_leaves_what_comes_after() -> None:
    units = np.arange(400, dtype=np.float64).reshape(10, DAYS)
    table = succession_table([Succession("A", "B", on(30))])
    moved = with_successions(demand_of_units(units), table)
    np.testing.assert_array_equal(moved.units[0, :30], 0.0)
    np.testing.assert_array_equal(moved.units[0, 30:], units[0, 30:])
    np.testing.assert_array_equal(moved.units[1, :30], units[0, :30] + units[1, :30])
    assert replaced_leaves(moved).tolist() == [True, False, False, False, False] * 2
    assert not waiting_leaves(moved).any()


def test_a_chain_brings_the_oldest_history_to_the_newest_product() -> None:
    units = np.zeros((10, DAYS))
    units[0, :10], units[1, 10:20], units[2, 20:] = 5.0, 6.0, 7.0
    for rows in (
        [Succession("A", "B", on(10)), Succession("B", "C", on(20))],
        [Succession("B", "C", on(20)), Succession("A", "B", on(20))],
    ):
        moved = with_successions(demand_of_units(units), succession_table(rows))
        assert moved.units[2].tolist() == [5.0] * 10 + [6.0] * 10 + [7.0] * 20
        assert not moved.units[[0, 1]].any()
        assert moved.started[2] == 0


def test_thirds_of_three_digits_hand_over_everything() -> None:
    units = np.full((10, DAYS), 3.0)
    rows = [Succession("A", product, on(40), 0.333) for product in ("B", "C", "D")]
    assert not replaced_leaves(with_successions(demand_of_units(units), succession_table(rows)))[0]
    begun = [Succession("A", product, on(39), 0.333) for product in ("B", "C", "D")]
    moved = with_successions(demand_of_units(units), succession_table(begun))
    assert replaced_leaves(moved)[0]
    assert moved.units[1, 0] == pytest.approx(4.0)
    assert moved.units[0, 38] == 0.0


def test_days_that_say_nothing_of_the_predecessor_say_nothing_of_its_successor() -> None:
    units, empty = np.zeros((10, DAYS)), np.zeros((10, DAYS), np.bool_)
    units[0], units[1, 30:], units[2] = 5.0, 5.0, 5.0
    units[0, 7], empty[0, 7] = 0.0, True
    # the successor's shelf was empty before it began; C's was when B already sold
    empty[1, :30], empty[2, 35] = True, True
    rows = [Succession("A", "B", on(30)), Succession("C", "B", on(38), 0.5)]
    moved = with_successions(demand_of_units(units, empty), succession_table(rows))
    assert np.flatnonzero(moved.empty[1]).tolist() == [7, 35]
    assert not moved.empty[0].any()
    assert np.flatnonzero(moved.empty[2]).tolist() == [35]


def test_a_product_that_never_sold_waits_for_its_day() -> None:
    units = np.full((10, DAYS), 3.0)
    units[[1, 6]] = 0.0
    moved = with_successions(
        demand_of_units(units), succession_table([Succession("A", "B", on(DAYS))])
    )
    np.testing.assert_array_equal(moved.units, units)
    assert waiting_leaves(moved).tolist() == [False, True, False, False, False] * 2
    assert not replaced_leaves(moved).any()


def test_leaves_without_products_or_with_unknown_ones_stay_as_they_are() -> None:
    demand = demand_of_units(np.ones((10, DAYS)))
    unknown = succession_table([Succession("X", "A", on(5))])
    assert with_successions(demand, unknown) is demand
    assert link_rows(LEAVES[["location"]], unknown).share.size == 0


def test_other_keys_of_the_product_may_change_and_those_of_the_place_may_not() -> None:
    leaves = pd.DataFrame(
        {
            "product": ["A", "A", "B", "B"],
            "category": ["old", "old", "new", "new"],
            "location": ["S1", "S2", "S2", "S3"],
        }
    )
    links = link_rows(leaves, succession_table([Succession("A", "B", on(5))]))
    assert list(zip(links.predecessor, links.successor, strict=True)) == [(1, 2)]


def test_a_week_in_which_a_successor_begins_is_shared_by_its_days() -> None:
    links = link_rows(LEAVES, succession_table([Succession("A", "B", on(9))]))
    weeks = Grid("W", pd.Timestamp(FIRST))
    part = period_share(links, weeks.dates(np.arange(3)), weeks)
    np.testing.assert_allclose(part[0], [0.0, 5 / 7, 1.0])


def test_prices_and_promotions_go_with_the_history() -> None:
    units = np.zeros((10, DAYS))
    units[0, :30], units[1, 30:], units[2] = 6.0, 6.0, 2.0
    rows = [
        Succession("A", "B", on(30)),
        Succession("C", "B", on(30), 0.5),
        Succession("B", "D", on(DAYS + 2)),
    ]
    demand = with_successions(demand_of_units(units), succession_table(rows))
    X = np.zeros((10, DAYS + 5))
    X[0, 5], X[2, 6], X[1, 20], X[1, 35], X[3, DAYS + 3] = 1.0, 1.0, 1.0, 1.0, 1.0
    found = blended(demand, X)
    # A brings six of seven units of B's history, C one; B itself has none before it sells
    assert found[1, 5] == pytest.approx(6 / 7)
    assert found[1, 6] == pytest.approx(1 / 7)
    assert found[1, 20] == 0.0
    assert found[1, 35] == 1.0
    # from its day on what is planned for D moves the forecast of B, which then goes to D
    assert found[1, DAYS + 3] == 1.0
    np.testing.assert_array_equal(found[2], X[2])
    assert (
        blend(X, link_rows(LEAVES, succession_table([])), np.zeros((0, 45)), np.datetime64("NaT"))
        is not X
    )


def test_products_that_hang_together_are_one_line() -> None:
    rows = [
        Succession("A", "B", on(1)),
        Succession("C", "B", on(1)),
        Succession("D", "E", on(1)),
    ]
    line = product_lines(succession_table(rows))
    assert line["A"] == line["B"] == line["C"] != line["D"] == line["E"]
