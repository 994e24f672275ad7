"""Orders: the rules that all of them keep, known answers, and the figures that recompute them."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm, poisson

from replenishment import (
    KINDS,
    explain,
    fixed_lead_times,
    lead_times_of,
    line_needs,
    make_lines,
    make_policy,
    moved_paths,
    newsvendor_poisson,
    order_costs,
    poisson_cost,
    propose_orders,
    recompute,
    round_orders,
    safety_stock,
    sentence,
)
from replenishment.formulas.lot_sizes import eoq
from replenishment.lines import blocks
from tests.replenishment.orders import TARGETS, Case, cases

BASE_STOCK = make_policy("base_stock", 1, cycle_service=0.9)
FEW = settings(max_examples=40, deadline=None)


def proposed(case: Case, **changed: Any) -> NDArray[np.float64]:
    return propose_orders(*case._replace(**changed)[:4], backorders=case.backorders).quantity


@given(case=cases())
@FEW
def test_orders_keep_packs_minimum_multiple_room_and_add_up(case: Case) -> None:
    lines = case.lines
    found = propose_orders(*case[:4], backorders=case.backorders)
    q = found.quantity
    for whole in (lines.pack, lines.multiple):
        assert np.allclose(q / whole, np.round(q / whole), atol=1e-6)
    assert ((q == 0) | (q >= lines.minimum)).all()
    stock = line_needs(
        lines, case.paths, case.leads, case.policy.review, backorders=case.backorders
    ).stock
    assert ((q == 0) | (stock.max(axis=1) + q <= lines.capacity + 1e-3)).all()
    assert (found.grid[:, -1] == q).all()
    assert (np.diff(found.saved, axis=1, prepend=0) >= -1e-4).all()
    for row in range(len(lines)):
        line = explain(found, lines, case.policy, row)
        assert recompute(line) == q[row]
        assert line.needs - line.have == pytest.approx(float(found.trigger[row] - found.have[row]))


@given(case=cases(), more=st.integers(1, 20), where=st.sampled_from(["on_hand", "on_order"]))
@FEW
def test_more_stock_never_orders_more(case: Case, more: int, where: str) -> None:
    richer = replace(case.lines, **{where: getattr(case.lines, where) + more})
    assert (proposed(case, lines=richer) <= proposed(case) + 1e-9).all()


@given(case=cases())
@FEW
def test_what_was_just_ordered_is_not_proposed_again(case: Case) -> None:
    """Nor is it where its lead time is random and it would come sooner on some paths: orders do not overtake."""
    lines, first = case.lines, propose_orders(*case[:4], backorders=case.backorders)
    usual = np.broadcast_to(case.leads.middle, (len(lines),))
    coming = np.zeros((len(lines), max(int(usual.max()) + 1, lines.on_order.shape[1])))
    coming[:, : lines.on_order.shape[1]] = lines.on_order
    coming[np.arange(len(lines)), usual] += first.quantity
    again = proposed(case, lines=replace(lines, on_order=coming))
    assert (again[first.quantity > 0] == 0).all()


@given(case=cases(), share=st.floats(0.1, 0.9))
@FEW
def test_a_higher_target_never_orders_less(case: Case, share: float) -> None:
    def higher(target: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
        return None if target is None else target + (1 - target) * share

    policy = case.policy
    targets: dict[str, Any] = {name: higher(getattr(policy, name)) for name in TARGETS}
    keener = replace(policy, **targets)
    assert (proposed(case, policy=keener) >= proposed(case) - 1e-9).all()


@given(case=cases())
@settings(max_examples=15, deadline=None)
def test_lines_are_ordered_as_if_alone_and_layout_does_not_matter(case: Case) -> None:
    together = proposed(case)
    major = np.ascontiguousarray(case.paths.transpose(2, 0, 1)).transpose(1, 2, 0)
    assert (proposed(case, paths=major.astype(np.uint8)) == together).all()
    for row in range(len(case.lines)):
        one = slice(row, row + 1)
        alone = Case(
            case.lines.take(one),
            case.paths[one],
            case.leads.take(one, len(case.lines)),
            case.policy.take(one),
            case.backorders,
        )
        assert proposed(alone)[0] == together[row]


def test_blocks_threads_and_readers_of_slices_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(7)
    n = 90
    paths = rng.poisson(2, (n, 25, 16))
    lines = make_lines(rng.integers(0, 20, n), pack=rng.choice([1, 6], n))
    leads, policy = (
        fixed_lead_times(rng.integers(1, 6, n)),
        make_policy("order_up_to", n, review=5, fill_rate=0.9),
    )
    whole = propose_orders(lines, paths, leads, policy, workers=1).quantity
    monkeypatch.setattr(blocks, "WALK_NUMBERS", 100)
    monkeypatch.setattr(blocks, "BLOCK_NUMBERS", 400)
    assert (
        propose_orders(lines, Reader(paths), leads, policy, workers=3).quantity.tolist()
        == whole.tolist()
    )


class Reader:
    """Gives slices of lines, and nothing else."""

    def __init__(self, paths: NDArray[Any]) -> None:
        self.paths, self.shape = paths, paths.shape

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        return self.paths[rows]


def test_what_the_documents_show_runs_and_fills_what_it_asks_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (Path(__file__).parents[3] / "docs" / "replenishment.md").read_text("utf-8")
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(code, names)  # noqa: S102 - our own document
    said = capsys.readouterr().out
    assert "days' demand" in said
    assert float(said.rsplit(" ", 1)[1]) >= 0.97


def test_the_sentence_is_the_data_in_words() -> None:
    rng = np.random.default_rng(0)
    paths = rng.poisson(13, (1, 200, 14))
    total = np.sort(paths[0].sum(axis=1))
    lines = make_lines([96], on_order=[[0, 0, 60]], pack=10, holding=0.01, shortage=1)
    policy = make_policy("order_up_to", 1, review=7, cycle_service=0.95)
    found = propose_orders(lines, paths, fixed_lead_times(7), policy)
    line = explain(found, lines, policy, 0)
    wanted = total[189] - 156
    packs = int(np.ceil(wanted / 10))
    assert sentence(line, when=["Sunday", "Monday", "Tuesday"].__getitem__) == (
        f"14 days' demand {total.mean():.0f} ± {total.std():.0f}; 95 % needs {total[189]}; "
        "have 96 on hand + 60 due Tuesday; "
        f"order {wanted} = {packs} packs of 10 = {packs * 10}"
        f"; rounding adds {packs * 10 - wanted} and costs {line.rounding_cost:.2f}"
    )
    assert line.data()["due"] == ((2, 60.0),)


def test_the_sentence_says_a_mean_lead_time_to_one_decimal() -> None:
    lines, policy = make_lines([5]), make_policy("order_up_to", 1, review=3, cycle_service=0.9)
    leads = lead_times_of([0, 0, 0.231, 0.237, 0.257, 0.275])
    found = propose_orders(lines, np.ones((1, 40, 12)), leads, policy)
    line = explain(found, lines, policy, 0)
    assert line.periods == pytest.approx(2 * 0.231 + 3 * 0.237 + 4 * 0.257 + 5 * 0.275 + 3, abs=0.2)
    assert sentence(line).startswith(f"{line.periods:.1f} days' demand ")
    assert sentence(replace(line, periods=1.04)).startswith("1 day's demand ")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, "order 6"),
        ({"reserved": 1}, "have 4 on hand − 1 promised; order 7"),
        ({"on_order": [[20]]}, "+ 20 due today; order nothing"),
        ({"minimum": 8}, "order 6, at least 8 = 8"),
        ({"capacity": 7}, "order 6, room for 3 = 3"),
        ({"capacity": 7, "pack": 5}, "order 6: no room for it"),
        ({"capacity": 14, "minimum": 20}, "order 6, at least 20, room for 10: order nothing"),
        (
            {"capacity": 14, "pack": 12, "multiple": 8},
            "order 6, at least 24, room for 10: order nothing",
        ),
        ({"pack": 6}, "order 6 = 1 pack of 6 = 6"),
        ({"most_sold": 8}, "needs 8, no more than the 8 ever sold; have 4 on hand; order 4"),
    ],
)
def test_a_sentence_names_what_bound_the_order(facts: dict[str, Any], words: str) -> None:
    lines = make_lines([4], **facts)
    policy = make_policy("order_up_to", 1, review=5, cycle_service=0.9)
    found = propose_orders(lines, np.full((1, 10, 5), 2), fixed_lead_times(0), policy)
    assert words in sentence(explain(found, lines, policy, 0))


def test_room_is_shared_with_what_arrives_on_the_same_day() -> None:
    lines = make_lines([0, 0], on_order=[[0, 0, 0], [0, 0, 9]], capacity=10)
    policy = make_policy("order_up_to", 2, review=8, cycle_service=0.9)
    found = propose_orders(lines, np.full((2, 5, 12), 3), fixed_lead_times(2), policy)
    assert found.quantity.tolist() == [10, 1]


def test_lots_of_min_max_and_reorder_quantity_are_named() -> None:
    paths, leads = np.full((2, 10, 5), 2), fixed_lead_times(4)
    lines = make_lines([4, 40], holding=0.1, order_cost=5)
    lot = float(eoq(5, 0.1, 2).quantity)
    up_to = propose_orders(lines, paths, leads, make_policy("min_max", 2, cycle_service=0.9))
    # the stock of four days is gone before the order arrives, which meets one day's demand
    assert up_to.quantity.tolist() == [np.ceil(2 + lot), 0]
    policy = make_policy("reorder_quantity", 2, cycle_service=0.9, lot=25)
    assert propose_orders(lines, paths, leads, policy, backorders=True).quantity.tolist() == [25, 0]
    line = explain(up_to, lines, make_policy("min_max", 2, cycle_service=0.9), 0)
    assert "order 16.142 with a lot of 14.142 = 17" in sentence(line)


def test_cycle_service_is_the_quantile_of_the_whole_interval() -> None:
    """Never the sum of daily quantiles, which would order half as much again."""
    rng = np.random.default_rng(8)
    paths = rng.poisson(3, (1, 2000, 12))
    policy = make_policy("base_stock", 1, cycle_service=0.95)
    found = propose_orders(make_lines([0]), paths, fixed_lead_times(11), policy, backorders=True)
    assert found.quantity[0] == pytest.approx(poisson.ppf(0.95, 36), abs=1)
    assert found.quantity[0] < 0.8 * 12 * poisson.ppf(0.95, 3)


@pytest.mark.parametrize("target", [0.9, 0.97])
def test_fill_rate_is_met_exactly_where_units_are_divisible(target: float) -> None:
    rng = np.random.default_rng(9)
    paths = rng.gamma(2, 3, (4, 300, 9))
    lines = make_lines([0, 10, 20, 30], pack=0.001)
    policy = make_policy("order_up_to", 4, review=4, fill_rate=target)
    found = propose_orders(lines, paths, fixed_lead_times(5), policy)
    window = paths[:, :, 5:9].sum(axis=(1, 2)) / 300
    assert 1 - found.missed / window == pytest.approx(target, abs=2e-4)


def test_a_safety_factor_is_the_textbook_s_safety_stock_with_a_random_lead_time() -> None:
    """Chopra & Meindl's sum of a random number of periods, between two lead times and with none."""
    paths = np.random.default_rng(11).normal(50, 8, (3, 4000, 12))
    lengths = np.array([[0, 0, 0, 0, 1.0], [0, 0, 0.5, 0, 0.5], [0.2, 0.2, 0.2, 0.2, 0.2]])
    policy = make_policy("order_up_to", 3, review=7, safety_factor=norm.ppf(0.95))
    lines, leads = make_lines(np.zeros(3), pack=0.001), lead_times_of(lengths)
    found = propose_orders(lines, paths, leads, policy, backorders=True)
    spread = np.sqrt([0, 1, 2])
    stock = safety_stock(0.95, 50, 8, leads.mean, spread, 7)
    assert found.wanted == pytest.approx(50 * (leads.mean + 7) + stock, rel=0.005)
    line = explain(found, lines, policy, 1)
    assert "a safety factor of 1.645 needs" in sentence(line)


def test_a_safety_factor_orders_nothing_that_would_not_live_to_be_sold() -> None:
    paths = np.random.default_rng(12).poisson(5, (1, 200, 10))
    lines = make_lines([0], shelf_life=2)
    policy = make_policy("order_up_to", 1, review=7, safety_factor=3)
    found = propose_orders(lines, paths, fixed_lead_times(3), policy)
    assert found.quantity[0] == paths[0, :, 3:5].sum(axis=1).max()


def test_least_cost_is_the_newsvendor_where_demand_is_steady() -> None:
    rng = np.random.default_rng(10)
    paths = rng.poisson(20, (1, 4000, 12))
    lines = make_lines([0], holding=0.2, shortage=1)
    found = propose_orders(lines, paths, fixed_lead_times(0), make_policy("least_cost", 1))
    assert found.quantity[0] == pytest.approx(newsvendor_poisson(0.2, 1, 20).quantity, abs=1)


def test_least_cost_orders_less_of_what_may_die() -> None:
    """Half of the futures sell nothing after a week: what is left then is held for all that follow."""
    rng = np.random.default_rng(10)
    paths = rng.poisson(20, (2, 4000, 12))
    paths[1, ::2, 1:] = 0
    lines = make_lines([0, 0], holding=0.2, shortage=1)
    found = propose_orders(lines, paths, fixed_lead_times(0), make_policy("least_cost", 2))
    assert found.quantity[1] < found.quantity[0] - 2


def test_trusted_paths_tell_by_their_first_sales_what_is_not_wanted_any_more() -> None:
    """Half of the futures sell little in the first week. In one line they end with it: nothing is wanted then."""
    rng = np.random.default_rng(10)
    paths = np.repeat(rng.poisson(20, (1, 4000, 12)), 2, axis=0)
    paths[:, ::2, 0] = rng.poisson(5, 2000)
    paths[1, ::2, 1:] = 0
    lines = make_lines([0, 0], holding=0.2, shortage=1)
    policy = make_policy("least_cost", 2, trust_paths=True)
    found = propose_orders(lines, paths, fixed_lead_times(0), policy)
    assert found.quantity[1] < found.quantity[0] - 2


@pytest.mark.parametrize(("mean", "lead", "shortage"), [(0.5, 5, 19), (5, 3, 4), (20, 0, 9)])
def test_least_cost_is_the_best_base_stock_of_steady_demand(
    mean: float, lead: int, shortage: float
) -> None:
    """Customers wait, demand is Poisson: up to the newsvendor's quantile of lead time + review (Zipkin 2000, 6.2)."""
    paths = np.random.default_rng(15).poisson(mean, (1, 4000, lead + 7))
    lines = make_lines([0], holding=1, shortage=shortage)
    policy = make_policy("least_cost", 1, trust_paths=True)
    found = propose_orders(lines, paths, fixed_lead_times(lead), policy, backorders=True)
    total = mean * (lead + 1)
    best = newsvendor_poisson(1, shortage, total)
    assert poisson_cost(found.quantity[0], 1, shortage, total) <= 1.01 * best.cost


@pytest.mark.parametrize(
    ("mean", "lead", "review", "shortage"), [(0.5, 2, 4, 4), (5, 0, 7, 9), (20, 2, 4, 9)]
)
def test_least_cost_is_the_best_level_of_a_longer_review(
    mean: float, lead: int, review: int, shortage: float
) -> None:
    """Who waits does so for some of the periods between two orders; to charge half of them all cost up to a tenth."""
    paths = np.random.default_rng(16).poisson(mean, (1, 4000, lead + 4 * review))
    lines = make_lines([0], holding=1, shortage=shortage)
    policy = make_policy("least_cost", 1, review=review, trust_paths=True)
    found = propose_orders(lines, paths, fixed_lead_times(lead), policy, backorders=True)
    totals = mean * (lead + 1 + np.arange(review))

    def cost(level: float) -> float:
        return float(poisson_cost(level, 1, shortage, totals).mean())

    best = min(cost(level) for level in range(int(totals[-1] * 2 + 10)))
    assert cost(found.quantity[0]) <= 1.01 * best


def test_least_cost_counts_what_is_thrown_away() -> None:
    """The last order of a line that ends, and bread: a unit too many loses what it cost, less its salvage."""
    rng = np.random.default_rng(11)
    paths = np.repeat(rng.poisson(20, (1, 4000, 6)), 4, axis=0)
    lines = make_lines(
        np.zeros(4),
        holding=0.01,
        unit_cost=4,
        salvage=[0, 0, 0, 3],
        price=8,
        ends=[np.inf, 1, np.inf, np.inf],
        shelf_life=[np.inf, np.inf, 1, 1],
    )
    found = propose_orders(lines, paths, fixed_lead_times(0), make_policy("least_cost", 4))
    season = newsvendor_poisson([4, 1], 4, 20).quantity
    assert found.quantity[1:] == pytest.approx([season[0], season[0], season[1]], abs=1)
    assert found.quantity[0] > season[1] + 2


@given(case=cases(n=3))
@settings(max_examples=25, deadline=None)
def test_least_cost_costs_least_of_all_orders(case: Case) -> None:
    policy = make_policy("least_cost", 3, review=case.policy.review)
    lines = replace(case.lines, order_cost=np.zeros(3), most_sold=np.full(3, np.inf))
    found = propose_orders(lines, case.paths, case.leads, policy, backorders=case.backorders)
    room = np.where(np.isfinite(found.room), found.room, 400.0)
    steps = np.arange(0, 60) * lines.step[:, None]
    allowed = (steps <= room[:, None] + 1e-6) & ((steps == 0) | (steps >= lines.minimum[:, None]))
    costs = order_costs(
        lines, case.paths, case.leads, policy.review, steps, backorders=case.backorders
    )
    own = order_costs(
        lines, case.paths, case.leads, policy.review, found.quantity, backorders=case.backorders
    )
    least = np.where(allowed, costs, np.inf).min(axis=1)
    assert (own <= least + 1e-4 * (1 + np.abs(least))).all()


def test_an_order_that_does_not_earn_its_cost_is_not_made() -> None:
    paths = np.full((2, 10, 6), 1)
    lines = make_lines([1, 1], holding=0.1, shortage=3, order_cost=[2, 10])
    policy = make_policy("least_cost", 2, review=2)
    found = propose_orders(lines, paths, fixed_lead_times(1), policy)
    assert (found.quantity > 0).tolist() == [True, False]
    assert "would cost more than it saves" in sentence(explain(found, lines, policy, 1))


def test_rounding_goes_up_to_steps_that_packs_and_multiples_share() -> None:
    lines = make_lines(
        np.zeros(4), pack=[6, 6, 0.5, 1], multiple=[1, 4, 1, 1], minimum=[0, 30, 0, 5]
    )
    found = round_orders(
        np.array([7, 7, 1.2, 0]), lines, room=np.array([np.inf, 40, np.inf, np.inf])
    )
    assert found.quantity.tolist() == [12, 36, 2, 0]
    assert found.raised_to_minimum.tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (
            lambda: make_policy("order_up_to", 1),
            "one of cycle_service, fill_rate and safety_factor",
        ),
        (lambda: make_policy("least_cost", 1, fill_rate=0.9), "no target"),
        (lambda: make_policy("order_up_to", 1, cycle_service=1.0), "cycle_service"),
        (lambda: make_policy("order_up_to", 1, cycle_service=0.9, review=0), "review"),
        (lambda: make_policy("order_up_to", 1, cycle_service=0.9, lot=5), "lot"),
        (lambda: make_policy("order_up_to", 1, safety_factor="a"), "safety_factor"),
        (lambda: moved_paths(np.ones((1, 2, 3)), np.array([-1.0])), "factor"),
        (lambda: make_policy("guess", 1), "kind"),  # type: ignore[arg-type]
        (lambda: ordered("newsvendor"), "unit_cost"),
        (lambda: ordered("min_max", cycle_service=0.9), "holding"),
        (lambda: make_policy("base_stock", 1, fill_rate=0.9, trust_paths=True), "trust_paths"),
        (lambda: on([[[1, 2, 3]]]), "paths must be an array"),
        (lambda: on(np.array([[["1", "2", "3"]]])), "paths must be numbers"),
        (lambda: on(np.array([[[1, np.inf, 3]]])), "paths must be finite"),
        (lambda: on(np.ones((2, 2, 3)), lines=2), "the policy is of 1 lines, and there are 2"),
        (lambda: on(np.ones((1, 2, 3)), parts=0), "parts"),
        (lambda: costs_of(-5), "orders"),
        (lambda: costs_of(5, review=1.5), "review"),
        (lambda: explain(on(np.ones((1, 2, 3))), make_lines([0]), BASE_STOCK, -1), "row"),
    ],
)
def test_nonsense_is_refused_by_name(call: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        call()


def test_no_lines_have_no_orders() -> None:
    """The supplier of whom nothing is bought, on the way of everybody else."""
    for kind in KINDS:
        target = {} if kind in ("newsvendor", "least_cost") else {"fill_rate": 0.9}
        policy = make_policy(kind, 0, **target)
        found = propose_orders(make_lines([]), np.ones((0, 3, 4)), fixed_lead_times(2), policy)
        assert (len(found), found.grid.shape) == (0, (0, 8))
        assert found.down.dtype.kind == "b"


@pytest.mark.parametrize("price", [0, 1, 2])
def test_a_season_buys_nothing_that_earns_nothing(price: float) -> None:
    lines, policy = (
        make_lines([3], unit_cost=2, price=price),
        make_policy("newsvendor", 1, review=7),
    )
    paths = np.random.default_rng(3).poisson(4, (1, 20, 7))
    found = propose_orders(lines, paths, fixed_lead_times(0), policy)
    assert found.quantity[0] == 0
    said = sentence(explain(found, lines, policy, 0))
    assert said.endswith("0 % of seasons need 0; have 3 on hand; order nothing")


def test_nothing_to_order_is_0_for_those_who_print_it() -> None:
    found = on(np.ones((1, 2, 3)), stock=9)
    assert str(found.quantity[0]) == "0.0"


def on(paths: Any, *, lines: int = 1, stock: float = 0, **more: Any) -> Any:
    return propose_orders(
        make_lines(np.full(lines, stock)), paths, fixed_lead_times(1), BASE_STOCK, **more
    )


def costs_of(order: float, review: float = 1) -> None:
    order_costs(make_lines([0]), np.ones((1, 2, 3)), fixed_lead_times(0), review, [order])


def ordered(kind: Any, **target: float) -> None:
    propose_orders(
        make_lines([0]), np.ones((1, 2, 3)), lead_times_of([1]), make_policy(kind, 1, **target)
    )
