"""Published lots.

Snyder & Shen (2019), chapter 3; Wagner & Whitin (1958); Hopp & Spearman (2008), chapter 2; Silver, Pyke & Thomas (4th
ed. 2017), chapter 4; Nahmias, Production and Operations Analysis (6th ed. 2009), chapter 4; Chopra & Meindl, chapter on
cycle inventory.
"""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replenishment.formulas.discounts import eoq_all_units, eoq_incremental
from replenishment.formulas.dynamic_lots import wagner_whitin
from replenishment.formulas.joint_lots import joint_cost, joint_lots
from replenishment.formulas.lot_sizes import eoq, eoq_with_backorders, epq


def test_eoq_is_example_3_1_and_problem_3_1() -> None:
    assert eoq(8, 0.225, 1300) == pytest.approx((304.0467800264368, 68.41052550594829))
    found = eoq([8, 2250], [0.225, 275], [1300, 182_500])
    assert found.quantity == pytest.approx([304.0467800264368, 1728.109844993551])
    assert found.cost == pytest.approx([68.41052550594829, 475_230.2073732266])


def test_lots_are_those_of_other_textbooks() -> None:
    """Silver, Pyke & Thomas: the resistor; Hopp & Spearman: MedEquip; Nahmias: pencils, and the EPROMs he makes."""
    assert eoq(3.20, 0.24 * 0.40, 2400) == pytest.approx((400, 38.40))
    assert round(float(eoq(500, 35, 1000).quantity)) == 169
    assert round(float(eoq(12, 0.25 * 0.02, 3120).quantity)) == 3870
    assert round(float(epq(50, 0.3 * 2, 2500, 10_000).quantity)) == 745


def test_eoq_with_backorders_is_example_3_8_and_problem_3_2b() -> None:
    assert eoq_with_backorders(8, 0.225, 5, 1300) == pytest.approx(
        (310.8125551589646, 0.0430622009569378, 66.92136355097325)
    )
    assert eoq_with_backorders(40, 165 * 0.17 + 12, 60, 2080) == pytest.approx(
        (83.235448128898042, 0.400299850074962, 1999.148244415212)
    )


def test_epq_is_problem_3_22() -> None:
    assert epq(4, 0.08, 80, 110) == pytest.approx((171.2697677155351, 3.736794931975310))
    assert epq(8, 0.225, 1300, 1700) == pytest.approx((626.8084945889684, 33.183979125298336))


def test_discounts_for_all_units_are_the_published_ones() -> None:
    assert eoq_all_units(200, 0.20, 1000, [0, 200, 500], [500, 475, 450]) == (500, 2, 472_900)
    # Nahmias, trash bags; Chopra & Meindl, Drugs Online
    assert eoq_all_units(8, 0.2, 600, [0, 500, 1000], [0.30, 0.29, 0.28]) == pytest.approx(
        (500, 1, 198.10)
    )
    assert eoq_all_units(100, 0.2, 120_000, [0, 5000, 10_000], [3, 2.96, 2.92]) == pytest.approx(
        (10_000, 2, 354_520)
    )
    # example 3.5: the second break is better than any lot below it
    assert eoq_all_units(8, 0.3, 1300, [0, 400, 800], [0.75, 0.72, 0.68]) == pytest.approx(
        (800, 2, 978.6)
    )


def test_incremental_discounts_are_the_published_ones() -> None:
    assert eoq_incremental(150, 0.25, 2400, [0, 300, 600], [100, 90, 80]) == pytest.approx(
        (1481.8906842274164, 2, 222_762.8136845483)
    )
    # Nahmias, trash bags
    assert eoq_incremental(8, 0.2, 600, [0, 500, 1000], [0.30, 0.29, 0.28]) == pytest.approx(
        (400, 0, 204)
    )


def test_one_price_is_the_eoq() -> None:
    plain = eoq(8, 0.3 * 0.75, 1300)
    for rule in (eoq_all_units, eoq_incremental):
        found = rule(8, 0.3, 1300, [0], [0.75])
        assert (found.quantity, found.cost - 0.75 * 1300) == pytest.approx(plain)


@pytest.mark.parametrize(
    ("demand", "fixed", "holding", "quantities", "cost"),
    [
        # Snyder & Shen, example 3.9 and problems 3.27 and 3.29
        ([90, 120, 80, 70], 500, 2, [210, 0, 150, 0], 1380),
        ([150, 100, 80, 200], 120, 0.8, [150, 180, 0, 200], 424),
        ([730, 580, 445, 650, 880], 100, 0.1, [1310, 0, 1095, 0, 880], 423),
        # Hopp & Spearman, section 2.3
        (
            [20, 50, 10, 50, 50, 10, 20, 40, 20, 30],
            100,
            1,
            [80, 0, 0, 130, 0, 0, 0, 90, 0, 0],
            580,
        ),
        # Wagner & Whitin, table 1
        (
            [69, 29, 36, 61, 61, 26, 34, 67, 45, 67, 79, 56],
            [85, 102, 102, 101, 98, 114, 105, 86, 119, 110, 98, 114],
            1,
            [98, 0, 97, 0, 121, 0, 0, 112, 0, 67, 135, 0],
            864,
        ),
    ],
)
def test_wagner_whitin_is_the_published_plan(
    demand: list[float],
    fixed: float | list[float],
    holding: float,
    quantities: list[float],
    cost: float,
) -> None:
    found = wagner_whitin(demand, fixed, holding)
    assert found.quantities.tolist() == quantities
    assert found.cost == pytest.approx(cost)


def test_wagner_whitin_uses_the_stock_that_is_there() -> None:
    found = wagner_whitin([5, 5, 0, 7], 3, [1, 1, 1, 1], on_hand=8)
    # 8 serve the first day and 3 of the second; 3 are kept once
    assert found.quantities.tolist() == [0, 2, 0, 7]
    assert found.cost == 3 + 3 + 3
    assert wagner_whitin([0, 0], 3, 1).cost == 0


@given(st.lists(st.integers(0, 99), min_size=1, max_size=12), st.integers(0, 12))
def test_wagner_whitin_orders_nothing_for_digits(tenths: list[int], covered: int) -> None:
    demand = [one / 10 for one in tenths]
    # the stock of the first periods, summed as floats are: its last digit is nobody's demand
    stock = sum(demand[:covered])
    found = wagner_whitin(demand, 100, 0, on_hand=stock)
    assert found.cost == 100 * any(tenths[covered:])
    assert all(one == 0 or one > 0.05 for one in found.quantities)


def test_wagner_whitin_buys_early_when_prices_rise() -> None:
    assert wagner_whitin([1, 1], 0, 1, [1, 5]).quantities.tolist() == [2, 0]


def test_joint_lots_by_silver_are_the_published_ones() -> None:
    found = joint_lots(600, [120, 840, 300], [160, 20, 50], [1, 1, 1], method="silver")
    assert found.multiples.tolist() == [1, 3, 1]
    assert (found.cycle, found.cost) == pytest.approx((3.103164454170876, 837.8544026261366))
    assert found.quantities == pytest.approx(
        [3.103164454170876, 9.309493362512628, 3.103164454170876]
    )


def test_joint_lots_by_rand_are_the_best_of_all_multiples() -> None:
    rng = np.random.default_rng(5)
    for _ in range(10):
        a, h, d = rng.uniform(5, 200, 4), rng.uniform(0.2, 4, 4), rng.lognormal(5, 2, 4)
        tried = (joint_cost(80, a, h, d, np.array(m)) for m in product(range(1, 9), repeat=4))
        least = min(found.cost for found in tried)
        assert joint_lots(80, a, h, d).cost <= least * (1 + 1e-9)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: eoq(-1, 1, 1), "fixed_cost"),
        (lambda: eoq(1, 0, 1), "holding_cost"),
        (lambda: eoq(1, float("nan"), 1), "holding_cost"),
        (lambda: eoq("banana", 1, 1), "fixed_cost"),
        (lambda: eoq(1, 1, [1, -2]), "demand_rate"),
        (lambda: epq(1, 1, 5, 5), "production_rate"),
        (lambda: eoq_all_units(1, 0.1, 5, [0, 3], [2, 3]), "unit_costs"),
        (lambda: eoq_all_units(1, 0.1, 5, [1, 3], [3, 2]), "breaks"),
        (lambda: eoq_incremental(1, 0.1, 5, [0, 3], [3]), "unit cost"),
        (lambda: wagner_whitin([1, -1], 1, 1), "demand"),
        (lambda: wagner_whitin([1, 1], [1, 1, 1], 1), "fixed_cost"),
        (lambda: joint_lots(1, [1, 1], [1, 0], [1, 1]), "holding_costs"),
        (lambda: joint_lots(1, [1, 1], [1], [1, 1]), "equally many"),
        (lambda: joint_lots(1, [1], [1], [1], method="x"), "method"),  # type: ignore[arg-type]
    ],
)
def test_nonsense_is_refused_by_name(call: object, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        call()  # type: ignore[operator]


def test_nothing_sold_needs_no_lot() -> None:
    assert eoq(8, 0.2, 0) == (0, 0)
    assert eoq_all_units(8, 0.2, 0, [0, 10], [2, 1]) == (0, 0, 0)
    assert eoq_incremental(8, 0.2, 0, [0, 10], [2, 1]) == (0, 0, 0)
