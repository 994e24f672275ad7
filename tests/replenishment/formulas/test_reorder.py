"""Published reorder points and levels.

Snyder & Shen (2019), chapters 4 and 5; Zheng & Federgruen (1991), table 1; Nahmias, Production and Operations
Analysis (6th ed., 2009), chapter 5; Chopra & Meindl, Supply Chain Management (2nd ed. and later), chapter on safety
inventory; Hopp & Spearman (2008), section 2.4.
"""

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import lognorm, norm, poisson, uniform

from replenishment.formulas.levels import (
    Demand,
    base_stock_fill_rate,
    base_stock_for_fill_rate,
    base_stock_normal,
    base_stock_poisson,
    cycle_service,
    fill_rate,
    fill_rate_poisson,
    lead_time_demand,
    lead_time_probabilities,
    periodic_fill_rate,
    reorder_point_for_fill_rate,
    safety_stock,
)
from replenishment.formulas.loss import (
    inverse_standard_loss,
    normal_loss,
    poisson_loss,
    standard_loss,
)
from replenishment.formulas.min_max import (
    min_max_cost,
    min_max_exact,
    min_max_power,
    poisson_probabilities,
)
from replenishment.formulas.newsvendor import (
    expected_profit,
    margins,
    newsvendor_continuous,
    newsvendor_discrete,
    newsvendor_empirical,
    newsvendor_normal,
    newsvendor_poisson,
    normal_cost,
)
from replenishment.formulas.reorder_normal import (
    NormalItem,
    rq_by_eoq,
    rq_by_eoq_with_backorders,
    rq_by_loss,
    rq_by_lost_units,
    rq_cost,
    rq_exact,
    rq_point_for,
)
from replenishment.formulas.reorder_poisson import rq_cost_poisson, rq_exact_poisson
from replenishment.formulas.safety_factors import (
    factor_for_occasion_cost,
    factor_for_time_between,
    factor_for_unit_cost,
)

EXAMPLE_5_1 = NormalItem(0.225, 7.5, 8, 1300, 150, 1 / 12)
PROBLEM_5_1 = NormalItem(3.1, 45, 50, 800, 40, 4 / 365)
PROBLEM_5_3 = NormalItem(0.15 / 0.7, 40, 85, 192, 17.4, 3)


def test_newsvendor_normal_is_example_4_3_and_problem_4_1() -> None:
    found = newsvendor_normal(0.18, 0.7, 50, 8)
    assert found[:2] == pytest.approx((56.60395592743389, 1.9976051931766445))
    assert normal_cost(40, 0.18, 0.7, 50, 8) == pytest.approx(7.356131552870388)
    assert newsvendor_normal(65 - 22, 129 - 65 + 15, 900, 60)[:2] == pytest.approx(
        (922.7214038234755, 2718.196781782411)
    )


def test_newsvendor_with_prices_is_example_4_2() -> None:
    found = newsvendor_normal(*margins(1, 0.3, 0.12), 50, 8)
    assert expected_profit(found, 1, 0.3, 50) == pytest.approx(33.002394806823354)


def test_newsvendor_with_prices_is_the_ski_shop_of_chopra_and_meindl() -> None:
    """Bought at 100, sold at 250, cleared at 80: 468 skis, a profit of 49,146."""
    found = newsvendor_normal(*margins(250, 100, 80), 350, 100)
    assert found.quantity == pytest.approx(468, abs=1)
    assert int(expected_profit(found, 250, 100, 350)) == 49_146


def test_newsvendor_poisson_is_the_published_one() -> None:
    assert newsvendor_poisson(1, 4, 6)[:2] == pytest.approx((8, 3.570106945770946))
    assert newsvendor_poisson(200, 270, 18)[:2] == pytest.approx((19, 786.0884409351115))
    assert newsvendor_poisson(0.18, 0.7, 50)[:2] == pytest.approx((56, 1.797235211809178))


def test_newsvendor_of_any_distribution_is_the_published_one() -> None:
    shares = [0.25, 0.05, 0.1, 0.2, 0.15, 0.1, 0.1, 0.05]
    assert newsvendor_discrete(5e5, 1e6, range(1, 9), shares)[:2] == (5, pytest.approx(1_225_000))
    log_normal = newsvendor_continuous(1, 0.1765, lognorm(0.3, 0, math.exp(6)))
    assert log_normal[:2] == pytest.approx((295.6266448071368, 29.44254358213529))
    # of uniform demand the quantile is linear
    assert newsvendor_continuous(1, 3, uniform(100, 40)).quantity == pytest.approx(130)
    # Nahmias, example 5.1: Mac's newsstand orders the 15 that at least .77 of past weeks sold
    weeks = [
        15,
        19,
        9,
        12,
        9,
        22,
        4,
        7,
        8,
        11,
        14,
        11,
        6,
        11,
        9,
        18,
        10,
        0,
        14,
        12,
        8,
        9,
        5,
        4,
        4,
        17,
    ]
    weeks += [
        18,
        14,
        15,
        8,
        6,
        7,
        12,
        15,
        15,
        19,
        9,
        10,
        9,
        16,
        8,
        11,
        11,
        18,
        15,
        17,
        19,
        14,
        14,
        17,
        13,
        12,
    ]
    assert newsvendor_empirical(25 - 10, 75 - 25, weeks).quantity == 15


def test_rq_normal_is_examples_5_1_to_5_6() -> None:
    i = EXAMPLE_5_1
    assert rq_cost(126.8, 328.5, i) == pytest.approx(78.07116250928294)
    assert rq_cost(100, 250, i) == pytest.approx(87.346478028174985)
    assert [rq_point_for(Q, i) for Q in (318, 150, 750)] == pytest.approx(
        [127.7880348669655, 147.1949581740714, 99.85377339616528], abs=1e-6
    )
    assert rq_by_lost_units(i) == pytest.approx(
        (213.9704421358024, 318.5901810768729, 95.451140222851961)
    )
    assert rq_by_eoq_with_backorders(i)[:2] == pytest.approx((128.637814424271, 308.5737801203754))
    assert rq_by_eoq(i)[:2] == pytest.approx((190.3369965715624, 304.0467800264368))
    assert rq_by_loss(i)[:2] == pytest.approx((126.8670642878315, 328.4491413581765), abs=1e-5)


def test_rq_normal_is_problems_5_1_and_5_3() -> None:
    assert rq_by_lost_units(PROBLEM_5_1) == pytest.approx(
        (17.972649360167715, 162.1231617283653, 531.1189321826714)
    )
    assert rq_by_loss(PROBLEM_5_1)[:2] == pytest.approx((-1.985868645048718, 166.9501022040942))
    assert rq_by_lost_units(PROBLEM_5_3) == pytest.approx(
        (644.8385303830128, 400.7559793125993, 100.627394934774)
    )
    assert rq_by_loss(PROBLEM_5_3)[:2] == pytest.approx((608.5445118000358, 403.8060023373138))


def test_rq_by_lost_units_is_harveys_mustard() -> None:
    """Nahmias, example 5.4: lead-time demand 100 ± 25, (Q, R) = (111, 143)."""
    found = rq_by_lost_units(NormalItem(2, 25, 50, 200, 25 / math.sqrt(0.5), 0.5))
    assert (round(found.Q), round(found.r)) == (111, 143)


def test_service_levels_are_harveys_mustard() -> None:
    """Nahmias, example 5.5: lots of 100; 98 % of the jars need a reorder point of 126."""
    assert round(reorder_point_for_fill_rate(0.98, 100, 100, 25, exact=False)) == 126


def test_rq_exact_costs_least() -> None:
    for item in (EXAMPLE_5_1, PROBLEM_5_1, PROBLEM_5_3, EXAMPLE_5_1._replace(lead_time=0.0)):
        best = rq_exact(item)
        near = [rq_cost(best.r + x, best.Q + y, item) for x in (-1, 0, 1) for y in (-1, 0, 1)]
        assert best.cost <= min(near) + 1e-9
        assert best.cost <= rq_by_eoq_with_backorders(item).cost + 1e-9


def test_rq_without_variance_is_the_lot_with_backorders() -> None:
    sure = EXAMPLE_5_1._replace(demand_sd=0.0)
    lot = rq_by_eoq_with_backorders(sure)
    assert rq_exact(sure)[1:] == pytest.approx(lot[1:], rel=1e-5)


def test_rq_poisson_is_example_5_8_and_problem_5_2() -> None:
    assert rq_exact_poisson(20, 150, 100, 1.5, 2) == pytest.approx((3, 5, 107.9235806331498))
    assert rq_cost_poisson(8, 12, 20, 150, 100, 1.5, 2) == pytest.approx(242.5281637662021)
    assert rq_exact_poisson(4, 28, 4, 12, 0.5) == pytest.approx((6, 7, 28.241312842169155))
    assert rq_cost_poisson(3, 9, 4, 28, 4, 12, 0.5) == pytest.approx(34.264154469469503)


def test_min_max_is_example_4_7_and_problem_4_31() -> None:
    assert min_max_exact(1, 4, 5, poisson_probabilities(6)) == pytest.approx(
        (4, 10, 8.034111561471644)
    )
    assert min_max_cost(6, 18, 1, 4, 5, poisson_probabilities(6)) == pytest.approx(
        10.193798671644046
    )
    found = min_max_exact(40, 125, 150, poisson_probabilities(4))
    assert found == pytest.approx((2, 7, 223.5748295669688))


@pytest.mark.parametrize(
    ("mean", "s", "S", "cost"),
    [
        *((10, 6, 40, 35.022), (15, 10, 49, 42.698), (20, 14, 62, 49.173), (25, 19, 56, 54.262)),
        *((30, 23, 66, 57.819), (35, 28, 77, 61.215), (40, 33, 87, 64.512), (45, 37, 97, 67.776)),
        *(
            (50, 42, 108, 70.975),
            (55, 47, 118, 74.149),
            (60, 52, 129, 77.306),
            (65, 56, 75, 78.518),
        ),
        *((70, 62, 81, 79.037), (75, 67, 86, 79.554), (21, 15, 65, 50.406), (22, 16, 68, 51.632)),
        *((23, 17, 52, 52.757), (24, 18, 54, 53.518), (51, 43, 110, 71.611), (52, 44, 112, 72.246)),
        *((59, 51, 126, 76.679), (61, 52, 131, 77.929), (63, 54, 73, 78.287), (64, 55, 74, 78.402)),
    ],
)
def test_min_max_is_table_1_of_zheng_and_federgruen(mean: int, s: int, S: int, cost: float) -> None:
    found = min_max_exact(1, 9, 64, poisson_probabilities(mean))
    assert (found.s, found.S, round(found.cost, 3)) == (s, S, cost)


def test_min_max_with_a_lead_time_is_the_best_of_its_neighbours() -> None:
    demand = [0.5, 0.2, 0.1, 0.0, 0.2]
    found = min_max_exact(1, 12, 20, demand, lead_time=3)
    s, S = int(found.s), int(found.S)
    around = [(s + x, S + y) for x in range(-3, 4) for y in range(-3, 4)]
    assert found.cost == pytest.approx(
        min(min_max_cost(a, b, 1, 12, 20, demand, lead_time=3) for a, b in around)
    )


def test_min_max_without_order_cost_is_the_base_stock() -> None:
    found = min_max_exact(1, 4, 0, poisson_probabilities(6))
    assert (found.s, found.S, found.cost) == pytest.approx((7, 8, 3.570106945770946))


def test_power_approximation_is_example_4_8_and_problem_4_32() -> None:
    assert min_max_power(0.18, 0.7, 2.5, 50, 8)[:2] == pytest.approx(
        (40.19461695647407, 74.29017010980579)
    )
    assert min_max_power(2, 36, 60, 190, 48)[:2] == pytest.approx(
        (226.6137928222839, 324.3797868133974)
    )


def test_base_stock_is_example_4_4_and_hopp_and_spearman() -> None:
    found = base_stock_normal(0.18, 0.7, 50, 8, lead_time=4, review=1)
    assert found[:2] == pytest.approx((264.7668943741548, 4.466781004149578))
    # base stock levels 15 and 16 for ten a month, replenished in a month
    assert np.round(base_stock_fill_rate([15, 16], 10), 3).tolist() == [0.917, 0.951]
    assert base_stock_for_fill_rate(0.95, 10) == 16
    assert base_stock_poisson(1, 4, 2, lead_time=3).quantity == 8


def test_safety_stock_is_dell_of_chopra_and_meindl() -> None:
    """2,500 a day ± 500, lead time 7 ± 7 days, service 90 %: 17,550 units of deviation, 22,491 units of stock."""
    assert round(lead_time_demand(2500, 500, 7, 7).sd) == 17_550
    assert round(safety_stock(0.9, 2500, 500, 7, 7)) == 22_491
    assert safety_stock(0.9, 2500, 0, 7) == 0


def test_fill_rates_are_b_and_m_of_chopra_and_meindl() -> None:
    """2,500 a week ± 500, two weeks, lots of 10,000: 6,000 give .9214 of cycles and .9975 of units; .975 need 67."""
    mean, sd = lead_time_demand(2500, 500, 2)
    assert cycle_service(6000, mean, sd) == pytest.approx(0.9214, abs=5e-5)
    assert fill_rate(6000, 10_000, mean, sd, exact=False) == pytest.approx(0.9975, abs=5e-5)
    assert round(reorder_point_for_fill_rate(0.975, 10_000, mean, sd, exact=False) - mean) == 67


def test_fill_rate_poisson_averages_the_base_stocks_of_all_positions() -> None:
    found = fill_rate_poisson(4, 3, 5.5)
    assert found == pytest.approx(np.mean(base_stock_fill_rate([5, 6, 7], 5.5)))
    assert fill_rate_poisson(15 - 1, 1, 10) == pytest.approx(0.917, abs=5e-4)
    assert fill_rate_poisson(2, 1, 0) == 1


def test_safety_factors_cost_least() -> None:
    """Where the factor is, the cost of safety stock and shortages is flat."""
    Q, sd, d, h = 60.0, 21.0, 200.0, 0.48
    k = np.linspace(0, 5, 500_001)
    for found, short in (
        (factor_for_occasion_cost(30, Q, sd, d, h), d / Q * 30 * norm.sf(k)),
        (factor_for_unit_cost(2, Q, d, h), d / Q * 2 * sd * standard_loss(k)),
    ):
        assert found == pytest.approx(k[np.argmin(k * sd * h + short)], abs=2e-5)
    assert factor_for_time_between(2, 100, 200) == pytest.approx(norm.ppf(0.75))
    assert factor_for_occasion_cost(1e-6, Q, sd, d, h) == 0


def test_lost_sales_need_a_little_more_than_waiting_customers() -> None:
    waiting, lost = (rq_by_lost_units(EXAMPLE_5_1, lost_sales=one) for one in (False, True))
    ratio = 7.5 * 1300 / (7.5 * 1300 + 0.225 * lost.Q)
    assert norm.cdf((lost.r - 1300 / 12) / EXAMPLE_5_1.sd) == pytest.approx(ratio)
    assert lost.r > waiting.r


@pytest.mark.parametrize("exact", [True, False])
def test_fill_rate_is_inverted(exact: bool) -> None:
    r = reorder_point_for_fill_rate(0.93, 40, 100, 55, exact=exact)
    assert fill_rate(r, 40, 100, 55, exact=exact) == pytest.approx(0.93)


def test_periodic_fill_rate_is_what_a_simulation_counts() -> None:
    rng = np.random.default_rng(2)
    lead, review = rng.normal(80, 20, 200_000), rng.normal(50, 15, 200_000)
    short = np.maximum(lead + review - 140, 0) - np.maximum(lead - 140, 0)
    counted = 1 - short.mean() / 50
    found = periodic_fill_rate(140, Demand(50, 15), Demand(80, 20))
    assert found == pytest.approx(counted, abs=2e-3)


def test_a_random_sum_has_the_moments_of_the_formula() -> None:
    demand, leads = np.array([0.3, 0.4, 0.2, 0.1]), np.array([0.1, 0.0, 0.5, 0.4])
    p = lead_time_probabilities(demand, leads)
    x = np.arange(p.size)
    mean, second = float(p @ x), float(p @ x**2)
    d, n = np.arange(4), np.arange(4)
    of_demand, of_leads = (
        Demand(demand @ d, math.sqrt(demand @ d**2 - (demand @ d) ** 2)),
        leads @ n,
    )
    spread = math.sqrt(leads @ n**2 - of_leads**2)
    assert p.sum() == pytest.approx(1)
    assert (mean, math.sqrt(second - mean**2)) == pytest.approx(
        tuple(lead_time_demand(*of_demand, of_leads, spread))
    )


def test_losses_hold_far_out_and_without_variance() -> None:
    assert standard_loss(0) == pytest.approx(1 / math.sqrt(2 * math.pi))
    assert standard_loss(30) > 0
    assert standard_loss(-30) == 30
    assert inverse_standard_loss(standard_loss(1.3)) == pytest.approx(1.3)
    assert inverse_standard_loss(0.0832) == pytest.approx(1.0, abs=2e-3)
    assert normal_loss([3, 9], 5, 0).tolist() == [2, 0]
    assert poisson_loss([-1, 2.5], 1) == pytest.approx(
        [2, sum((k - 2.5) * poisson.pmf(k, 1) for k in range(3, 40))]
    )


def test_huge_and_empty_demand_have_answers() -> None:
    assert newsvendor_poisson(1, 9, 1e9).quantity == pytest.approx(1e9, rel=1e-3)
    assert newsvendor_poisson(1, 9, 0)[:2] == (0, 0)
    assert newsvendor_normal(1, 9, 40, 0)[:2] == (40, 0)
    assert base_stock_normal(1, 9, 40, 5, lead_time=0).quantity == 0
    assert rq_exact_poisson(1, 9, 5, 0, 2) == (-1, 1, 0)
    assert min_max_exact(1, 9, 5, [1.0]) == (-1, 0, 0)
    big = min_max_exact(1, 9, 64, poisson_probabilities(20_000))
    assert 20_000 < big.S < 20_400


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: newsvendor_normal(-1, 1, 5, 1), "overage"),
        (lambda: newsvendor_normal(1, 1, 5, -1), "sd"),
        (lambda: newsvendor_poisson(1, 1, math.inf), "mean"),
        (lambda: newsvendor_discrete(1, 1, [1, 2], [0.5]), "weight"),
        (lambda: newsvendor_empirical(1, 1, []), "weight"),
        (lambda: margins(5, 6), "unit_cost"),
        (lambda: rq_cost(1, 0, EXAMPLE_5_1), "Q"),
        (lambda: rq_exact(EXAMPLE_5_1._replace(fixed_cost=0.0)), "fixed_cost"),
        (lambda: rq_by_lost_units(EXAMPLE_5_1._replace(shortage_cost=1e-9)), "shortage"),
        (lambda: rq_cost_poisson(1.5, 2, 1, 1, 1, 1, 1), "whole"),
        (lambda: min_max_cost(4, 4, 1, 1, 1, [0.5, 0.5]), "levels_apart"),
        (lambda: min_max_exact(1, 1, 1, [0.5, 0.2]), "sum to 1"),
        (lambda: min_max_exact(1, 1, 1, [0.5, 0.5], lead_time=-1), "lead_time"),
        (lambda: safety_stock(1.0, 5, 1, 1), "service"),
        (lambda: reorder_point_for_fill_rate(0.9, 0, 5, 1), "Q"),
        (lambda: lead_time_demand(1, 1, -1), "lead_mean"),
    ],
)
def test_nonsense_is_refused_by_name(call: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        call()
