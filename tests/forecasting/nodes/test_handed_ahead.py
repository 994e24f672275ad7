from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from forecasting import Forecast, ForecastSpec, build_hierarchy, make_forecast
from forecasting.nodes.demand import Demand
from forecasting.nodes.handed_ahead import handed_ahead
from forecasting.nodes.succession_table import succession_table
from forecasting.nodes.with_successions import with_successions
from stocktide.foundation.successions import Succession
from tests.forecasting.demands import LEAVES, RATES, make_demand, weekly_units

pytestmark = pytest.mark.slow

LEVELS = ((), ("department",), ("product",), ("location", "product"))
SPEC = ForecastSpec(levels=LEVELS, horizon_days=14, candidates=("WLSS additive", "naive"))
DAYS, FIRST = 120, date(2025, 1, 6)
PRODUCTS = np.array(["P1", "P2", "P3", "P4"])


def demand_of(*rows: Succession, swapped: int | None = None) -> Demand:
    """A chain in which P4 never sold; from day `swapped` on it sells what P1 did, and P1 nothing."""
    units = weekly_units(DAYS)
    units[3::4] = 0.0
    if swapped is not None:
        units[3::4, swapped:], units[0::4, swapped:] = units[0::4, swapped:], 0.0
    return with_successions(make_demand(units), succession_table(rows))


def forecast(demand: Demand) -> Forecast:
    return make_forecast(demand, build_hierarchy(LEVELS, demand.leaves), SPEC)


def named(name: str) -> int:
    nodes = build_hierarchy(LEVELS, LEAVES).nodes
    return int(nodes.index[nodes["unique_id"] == name][0])


def on(day: int) -> date:
    return FIRST + timedelta(days=day)


@pytest.fixture(scope="module")
def plain() -> Forecast:
    """The same chain where the succession lies behind the horizon."""
    return forecast(demand_of(Succession("P1", "P4", on(DAYS + 14))))


def test_a_successor_sells_at_its_predecessors_level_at_once() -> None:
    """Ten days after the swap the new product is forecast as if it had always been there."""
    demand = demand_of(Succession("P1", "P4", on(DAYS - 10)), swapped=DAYS - 10)
    made = forecast(demand)
    new, old = (made.mean[named(name)] for name in ("P4", "P1"))
    # the rate of P1, with the slope of weekly_units, in three shops
    expected = RATES[0::4].sum() * (1 + (DAYS + 7) / 400)
    assert new.mean() == pytest.approx(expected, rel=0.1)
    assert not old.any()
    assert made.warnings[named("P1")] == "replaced"
    assert made.warnings[named("P4")] is None
    leaves = made.warnings[-12:]
    assert [leaves.count(code) for code in ("replaced", "cold_start")] == [3, 0]


def test_a_succession_ahead_begins_on_its_day_and_moves_no_total(plain: Forecast) -> None:
    demand = demand_of(Succession("P1", "P4", on(DAYS + 7)))
    made = forecast(demand)
    old, new, food, home, total = (named(name) for name in ("P1", "P4", "Food", "Home", "total"))
    np.testing.assert_allclose(made.mean[total], plain.mean[total], rtol=1e-9)
    np.testing.assert_allclose(made.mean[old, :7], plain.mean[old, :7])
    assert not made.mean[old, 7:].any()
    assert not made.mean[new, :7].any()
    np.testing.assert_allclose(made.mean[new, 7:], plain.mean[old, 7:])
    # P4 is of another department: what it takes over goes there
    np.testing.assert_allclose(
        made.mean[home, 7:] - plain.mean[home, 7:], plain.mean[old, 7:], rtol=1e-6
    )
    np.testing.assert_allclose(made.mean[food, :7], plain.mean[food, :7])
    np.testing.assert_allclose(made.quantiles[new, 7:], plain.quantiles[old, 7:])
    assert not made.quantiles[old, 7:].any()
    assert (np.diff(made.quantiles, axis=2) >= 0).all()
    said = made.explanation.leaves
    np.testing.assert_allclose(sum(said.values(), np.zeros((12, 14))), made.mean[-12:], atol=1e-6)
    assert said["succession"].sum() == pytest.approx(0.0, abs=1e-6)


def test_paths_go_with_the_forecast() -> None:
    demand = demand_of(Succession("P1", "P4", on(DAYS + 7)))
    made = forecast(demand)
    paths = made.leaf_paths
    names = made.path_plan.hierarchy.nodes["unique_id"].tolist()[-12:]
    old, new = names.index("S1/P1"), names.index("S1/P4")
    assert not paths[:, old, 7:].any()
    assert not paths[:, new, :7].any()
    assert paths[:, new, 7:].mean() == pytest.approx(made.mean[-12 + new, 7:].mean(), rel=0.1)
    # the successor's draws hang together over the days as its predecessor's do: by its past, not by chance
    assert made.path_plan.templates is not None
    missed = made.path_plan.templates.day(8)
    np.testing.assert_array_equal(missed[new], missed[old])


def test_a_share_stays_with_the_predecessor_and_a_split_goes_to_both(plain: Forecast) -> None:
    rows = (Succession("P1", "P4", on(DAYS), 0.25), Succession("P1", "P3", on(DAYS), 0.5))
    demand = demand_of(*rows)
    made = forecast(demand)
    p1, p3, p4 = (named(name) for name in ("P1", "P3", "P4"))
    np.testing.assert_allclose(made.mean[p1], 0.25 * plain.mean[p1])
    np.testing.assert_allclose(made.mean[p4], 0.25 * plain.mean[p1])
    np.testing.assert_allclose(made.mean[p3], plain.mean[p3] + 0.5 * plain.mean[p1], rtol=1e-6)
    assert made.warnings[p1] is None


def test_a_chain_within_the_horizon_hands_on(plain: Forecast) -> None:
    rows = (Succession("P1", "P3", on(DAYS + 2)), Succession("P3", "P4", on(DAYS + 9)))
    demand = demand_of(*rows)
    made = forecast(demand)
    p1, p3, p4 = (named(name) for name in ("P1", "P3", "P4"))
    both = plain.mean[p1] + plain.mean[p3]
    np.testing.assert_allclose(made.mean[p3, 2:9], both[2:9], rtol=1e-6)
    np.testing.assert_allclose(made.mean[p4, 9:], both[9:], rtol=1e-6)
    assert not made.mean[p3, 9:].any()
    assert not made.mean[p4, :9].any()


def test_what_begins_after_the_horizon_changes_nothing(plain: Forecast) -> None:
    assert not plain.mean[named("P4")].any()
    assert plain.mean[named("P1")].min() > 0
    demand = demand_of(Succession("P1", "P4", on(DAYS + 14)))
    hierarchy = build_hierarchy(LEVELS, LEAVES)
    assert handed_ahead(demand, hierarchy, 14) is None
    assert handed_ahead(demand, hierarchy, 15) is not None
    assert handed_ahead(replace(demand, successions=None), hierarchy, 15) is None
