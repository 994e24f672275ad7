"""Lines walked ahead: by hand, against a slow walk, and in the directions that terms must move them."""

from typing import Any

import numpy as np
import pytest

from purchasing.whatif.simulate import BLOCK, Ahead, Rule, reviews, simulate
from replenishment import fixed_lead_times, make_lines

H, T, B = 14, 40, 100


def rule(n: int, *, target: float = 0.95, every: int = 1) -> Rule:
    orders = np.zeros((n, H), dtype=bool)
    orders[:, ::every] = True
    return Rule("order_up_to", {"fill_rate": np.full(n, target)}, orders)


def demand(n: int, rate: float = 5.0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(4).poisson(rate, (n, B, T)).astype(np.float32)


def walked(n: int = 3, *, lead: int = 2, rate: float = 5.0, **more: Any) -> Ahead:
    lines = make_lines(np.full(n, 12.0), unit_cost=2, price=3, holding=0.01)
    return simulate(lines, demand(n, rate), fixed_lead_times(lead), rule(n, **more))


def test_steady_demand_is_met_by_hand() -> None:
    lines = make_lines([4.0], on_order=[[0, 0, 3.0]], pack=2, unit_cost=2, price=5, holding=0.5)
    steady = np.full((1, 1, 8), 2.0, dtype=np.float32)
    orders = np.array([[True, False, True, False]])
    found = simulate(
        lines,
        steady,
        fixed_lead_times(1),
        Rule("order_up_to", {"fill_rate": np.array([0.99])}, orders),
    )
    # 4 are there and 3 come in period 2; the first order must last until period 3 begins: nothing is missing
    assert found.today.tolist() == [0.0]
    assert found.demand.tolist() == [8.0]
    assert found.stock[0, :2].tolist() == [2.0, 0.0]
    # in period 2: 3 come, 2 are sold; level 3 periods of 2 = 6 less 3 makes 4 in packs of 2, there in period 3
    assert found.stock[0, 2:].tolist() == [1.0, 3.0]
    assert (found.ordered.tolist(), found.lines.tolist(), found.spent.tolist()) == (
        [4.0],
        [1.0],
        [8.0],
    )
    assert found.missed.tolist() == [0.0]
    assert found.holding.tolist() == [0.5 * (2 + 0 + 1 + 3)]
    assert found.stock_value.tolist() == [2 * (2 + 0 + 1 + 3) / 4]


def test_what_has_ended_is_thrown_away_by_hand() -> None:
    lines = make_lines([6.0], expiring=[[2.0]], shelf_life=2, unit_cost=2, price=5)
    one_a_day = np.ones((1, 1, 8), dtype=np.float32)
    first_day = np.array([[True, False, False, False]])
    found = simulate(
        lines,
        one_a_day,
        fixed_lead_times(1),
        Rule("order_up_to", {"fill_rate": np.array([0.9])}, first_day),
        today=np.array([3.0]),
    )
    # 6 are there, of which 2 end today and 4 tomorrow; the 3 that come tomorrow end the day after
    assert found.stock[0].tolist() == [6 - 1 - 1, 4 + 3 - 1 - 3, 3 - 1 - 2, 0]
    assert (found.spoiled_units.tolist(), found.spoiled.tolist()) == ([6.0], [12.0])
    assert (found.sold.tolist(), found.ordered.tolist(), found.today.tolist()) == (
        [3.0],
        [3.0],
        [3.0],
    )


def test_orders_that_follow_leave_room_on_the_shelf() -> None:
    full = make_lines(np.full(3, 4.0), unit_cost=2, price=3, holding=0.01, capacity=6, pack=2)
    found = simulate(full, demand(3), fixed_lead_times(2), rule(3), today=np.zeros(3))
    assert found.stock.max() <= 3 * 6


def test_units_are_kept_whatever_happens() -> None:
    found = walked()
    end = found.stock[:, -1]
    assert (found.sold <= found.demand).all()
    # what was there and ordered is sold, there, or on its way: at most two orders
    assert (36 + found.ordered - found.sold - end >= 0).all()
    assert (found.missed >= 0).all()


def test_terms_move_figures_the_way_they_must() -> None:
    now = walked()
    better = walked(target=0.995)
    assert better.sold.sum() > now.sold.sum()
    assert better.stock.mean() > now.stock.mean()
    slower = walked(lead=9)
    assert slower.sold.sum() < now.sold.sum()
    assert walked(every=7).lines.sum() < now.lines.sum()
    assert walked(rate=8.0).ordered.sum() > now.ordered.sum()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = walked(5)
    monkeypatch.setattr("purchasing.whatif.simulate.BLOCK", 2)
    parts = walked(5)
    assert BLOCK > 5
    for name in ("stock", "sold", "spent", "today"):
        assert getattr(whole, name) == pytest.approx(getattr(parts, name))


def test_review_is_the_way_to_the_next_order() -> None:
    orders = np.zeros((2, 9), dtype=bool)
    orders[0, [1, 4, 8]] = True
    orders[1, 3] = True
    found = reviews(orders)
    assert found[0, [1, 4, 8]].tolist() == [3, 4, 4]
    assert found[1, 3] == 9
