"""Known demand under changed plans, against the rates that it was drawn from."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from forecasting import (
    Assumed,
    Demand,
    ForecastSpec,
    Hierarchy,
    KnownAhead,
    PlannedRegressor,
    assume,
    build_hierarchy,
    demand_of,
    from_long,
    make_forecast,
)
from forecasting.intervals.probabilities import QUANTILES
from tests.forecasting.demands import LEAVES, RATES, make_demand

pytestmark = pytest.mark.slow

Array = NDArray[np.float64]
T, H, M = 420, 28, 12
LEVELS = ((), ("region",), ("department",), ("location",), ("location", "product"))
PROMOTED, OFF, FAIR = np.exp(0.5), np.log(0.7), 1.8
FAIRS = (60, 200, 350)


@dataclass(frozen=True)
class PlanContext:
    """A forecast that is true: the rates themselves, by day and leaf (hierarchy's order)."""

    mean: Array
    quantiles: Array


@dataclass(frozen=True)
class Chain:
    """12 leaves with promotions, prices and a fair in the past, nothing of it planned ahead; and its true forecast."""

    demand: Demand
    hierarchy: Hierarchy
    made: PlanContext
    dates: pd.DatetimeIndex

    def assume(self, **changed: object) -> Assumed:
        ahead = replace(self.demand.ahead, **changed)  # type: ignore[arg-type]  # fields by name
        return assume(self.made, self.demand, self.hierarchy, ahead)

    def regressors(
        self, name: str, leaf: int, days: slice, value: float
    ) -> dict[str, PlannedRegressor]:
        """Plan a value of a regressor for a leaf (demand's order) on days ahead."""
        values = self.demand.ahead.regressors[name].values.copy()
        values[leaf, T:][days] = value
        return {**self.demand.ahead.regressors, name: PlannedRegressor(values)}

    def row(self, leaf: int) -> int:
        """Row of a leaf (demand's order) in the nodes."""
        return self.hierarchy.n_nodes - M + int(np.flatnonzero(self.hierarchy.leaf_rows == leaf)[0])


def events(dates: pd.DatetimeIndex, *days: int, **other: object) -> pd.DataFrame:
    given = {"name": "Fair", "days_before": 0, "days_after": 0, **other}
    return pd.DataFrame({"day": dates[list(days)], "recorded": pd.NaT, **given})


@pytest.fixture(scope="module")
def chain() -> Chain:
    rng = np.random.default_rng(3)
    day = np.arange(T + H)
    promotion = np.zeros((M, T + H))
    for leaf in promotion:
        for start in rng.choice(T - 7, 9, replace=False):
            leaf[start : start + 7] = 1.0
    price = np.where(rng.random((M, 1)) < 0.7, promotion * OFF, 0.0)
    rates = 5 * RATES[:, None] * np.where(day % 7 >= 5, 1.5, 0.8)
    moved = np.exp(0.5 * promotion - 1.5 * price)
    moved[:, list(FAIRS)] *= FAIR
    units = rng.poisson(rates * moved)[:, :T].astype(np.float64)
    demand = make_demand(units)
    dates = pd.date_range(demand.days[0], periods=T + H)
    regressors = {"promotion": PlannedRegressor(promotion), "price": PlannedRegressor(price)}
    ahead = KnownAhead(events=events(dates, *FAIRS), regressors=regressors)
    demand = replace(demand, ahead=ahead)
    hierarchy = build_hierarchy(LEVELS, demand.leaves)
    return Chain(demand, hierarchy, true_forecast(hierarchy, rates[:, T:]), dates)


def true_forecast(hierarchy: Hierarchy, rates: Array) -> PlanContext:
    mean = hierarchy.sum_leaves(rates[hierarchy.leaf_rows])
    spread = np.linspace(0.5, 1.5, len(QUANTILES))
    return PlanContext(mean, mean[:, :, None] * spread)


def test_nothing_changes_when_nothing_else_is_assumed(chain: Chain) -> None:
    made = chain.assume()
    np.testing.assert_array_equal(made.mean, chain.made.mean)
    np.testing.assert_array_equal(made.quantiles, chain.made.quantiles)
    assert made.total == "No change over 28 days."
    assert made.warnings == ()
    assert made.by_node().empty
    assert len(made.table()) == chain.hierarchy.n_nodes * H


def test_nothing_changes_either_where_a_product_is_about_to_replace_another() -> None:
    rng = np.random.default_rng(5)
    keys = pd.DataFrame({"unique_id": ["A", "B"], "product": ["P1", "P2"], "location": "S1"})
    days = pd.date_range("2025-01-01", periods=T)
    promotion = (rng.random((2, T + H)) < 0.2).astype(np.float64)
    promotion[:, T:] = 0.0
    promotion[1, T + 12 : T + 18] = 1.0
    units = rng.poisson(20 * np.exp(0.5 * promotion[:, :T])).astype(np.float64)
    frame = pd.DataFrame(
        {"unique_id": np.repeat(["A", "B"], T), "ds": np.tile(days, 2), "y": units.ravel()}
    )
    soon = days[-1] + pd.Timedelta(days=10)
    demand = demand_of(
        from_long(frame),
        keys,
        ahead=KnownAhead(regressors={"promotion": PlannedRegressor(promotion)}),
        successions=pd.DataFrame(
            {"product": ["P2"], "replaces": ["P1"], "from": [soon], "share": [0.5]}
        ),
    )
    hierarchy = build_hierarchy(((), ("location", "product")), demand.leaves)
    made = true_forecast(hierarchy, np.full((2, H), 20.0))
    again = assume(made, demand, hierarchy, demand.ahead)
    np.testing.assert_allclose(again.mean, made.mean, rtol=1e-12)


def test_promotion_moves_its_leaf_and_all_above_by_the_effect_of_the_past(chain: Chain) -> None:
    made = chain.assume(regressors=chain.regressors("promotion", 0, slice(7, 14), 1.0))
    row = chain.row(0)
    was, now = chain.made.mean[row], made.mean[row]
    np.testing.assert_allclose(now[7:14] / was[7:14], PROMOTED, rtol=0.06)
    np.testing.assert_array_equal(np.delete(now, range(7, 14)), np.delete(was, range(7, 14)))
    more = (now - was).sum()
    assert made.difference == pytest.approx(more)
    changed = made.by_node()
    assert set(changed["unique_id"]) == {"total", "North", "Food", "S1", "S1/P1"}
    np.testing.assert_allclose(changed["difference"], more)
    np.testing.assert_allclose(
        made.quantiles[row, 7:14], chain.made.quantiles[row, 7:14] * (now / was)[7:14, None]
    )
    total = chain.made.mean[-M:].sum()
    assert made.total == (
        f"+{more:,.0f} units over 28 days: {total:,.0f} as published, {total + more:,.0f} as assumed"
        f" (+{100 * more / total:.1f} %)."
    )


def test_price_moves_by_its_elasticity_and_a_plan_taken_back_is_divided_out(chain: Chain) -> None:
    dearer = chain.regressors("price", 4, slice(0, H), 0.1)
    made = chain.assume(regressors=dearer)
    row = chain.row(4)
    factor = made.mean[row] / chain.made.mean[row]
    np.testing.assert_allclose(factor, np.exp(-1.5 * 0.1), rtol=0.03)
    planned = replace(chain.demand, ahead=replace(chain.demand.ahead, regressors=dearer))
    back = assume(chain.made, planned, chain.hierarchy, chain.demand.ahead)
    np.testing.assert_allclose(back.mean[row] / chain.made.mean[row], 1 / factor)


def test_same_change_by_a_run_of_its_own_says_nearly_the_same(chain: Chain) -> None:
    """A run that is told the plan from the start fits and reconciles again; the short cut must not be far from it."""
    spec = ForecastSpec(levels=LEVELS, horizon_days=H, candidates=("WLSS additive",))
    regressors = chain.regressors("promotion", 0, slice(7, 14), 1.0)
    made = make_forecast(chain.demand, chain.hierarchy, spec)
    short = assume(
        made, chain.demand, chain.hierarchy, replace(chain.demand.ahead, regressors=regressors)
    )
    other = replace(chain.demand, ahead=replace(chain.demand.ahead, regressors=regressors))
    again = make_forecast(other, chain.hierarchy, spec)
    row = chain.row(0)
    assert short.mean[row, 7:14].sum() > 1.4 * made.mean[row, 7:14].sum()
    np.testing.assert_allclose(short.mean[row], again.mean[row], rtol=0.1)


def test_fair_sells_as_fairs_did_where_it_takes_place(chain: Chain) -> None:
    there = events(chain.dates, T + 20, location="S2")
    made = chain.assume(events=pd.concat([events(chain.dates, *FAIRS), there], ignore_index=True))
    factor = made.mean[-M:, 20] / chain.made.mean[-M:, 20]
    s2 = chain.demand.leaves["location"].to_numpy()[chain.hierarchy.leaf_rows] == "S2"
    # some 100 units were sold at three fairs: 10 % is one standard error, less what siblings lend
    sold = chain.made.mean[-M:, 20] > 5
    np.testing.assert_allclose(factor[s2 & sold], FAIR, rtol=0.2)
    assert factor[s2 & sold].mean() == pytest.approx(FAIR, rel=0.1)
    np.testing.assert_array_equal(factor[~s2], 1.0)
    assert set(np.flatnonzero((made.mean != chain.made.mean).any(axis=0))) == {20}
    assert made.warnings == ()


def test_fair_that_was_planned_and_is_called_off_is_divided_out(chain: Chain) -> None:
    planned = replace(chain.demand.ahead, events=events(chain.dates, *FAIRS, T + 20))
    demand = replace(chain.demand, ahead=planned)
    off = assume(chain.made, demand, chain.hierarchy, chain.demand.ahead)
    on = chain.assume(events=planned.events)
    factor = off.mean[-M:] / chain.made.mean[-M:]
    np.testing.assert_allclose(factor, chain.made.mean[-M:] / on.mean[-M:])
    assert off.mean[0, 20] / chain.made.mean[0, 20] == pytest.approx(1 / FAIR, rel=0.1)


def test_fair_that_was_never_seen_changes_nothing_and_is_named(chain: Chain) -> None:
    other = events(chain.dates, T + 20, name="Regatta")
    made = chain.assume(events=pd.concat([events(chain.dates, *FAIRS), other], ignore_index=True))
    np.testing.assert_allclose(made.mean, chain.made.mean)
    assert len(made.warnings) == 1
    assert "No effect of the event 'Regatta' is known" in made.warnings[0]
    both = pd.concat([events(chain.dates, *FAIRS, name="Regatta"), other], ignore_index=True)
    assert chain.assume(events=both).mean[0, 20] > 1.5 * chain.made.mean[0, 20]


def test_regressor_that_never_differed_changes_nothing_and_is_named(chain: Chain) -> None:
    flat = np.zeros((M, T + H))
    flat[:, T:] = 30.0
    regressors = {**chain.demand.ahead.regressors, "heat": PlannedRegressor(flat)}
    made = chain.assume(regressors=regressors)
    np.testing.assert_array_equal(made.mean, chain.made.mean)
    assert ["'heat'" in warning for warning in made.warnings] == [True]


def test_closed_leaf_sells_nothing_and_one_that_opens_sells_as_usual(chain: Chain) -> None:
    closed = np.zeros((M, T + H), dtype=np.bool_)
    closed[2, T : T + 10] = True
    made = chain.assume(closed=closed)
    row = chain.row(2)
    np.testing.assert_array_equal(made.mean[row, :10], 0.0)
    np.testing.assert_array_equal(made.quantiles[row, :10], 0.0)
    np.testing.assert_array_equal(made.mean[row, 10:], chain.made.mean[row, 10:])
    shut = replace(chain.demand, ahead=replace(chain.demand.ahead, closed=closed))
    published = PlanContext(made.mean, made.quantiles)
    opened = assume(published, shut, chain.hierarchy, chain.demand.ahead)
    # the true rates repeat every week, and the other weeks of the horizon tell them
    np.testing.assert_allclose(opened.mean, chain.made.mean)
    np.testing.assert_allclose(
        opened.quantiles[row, :10].sum(axis=0), chain.made.quantiles[row, :10].sum(axis=0)
    )


def test_leaf_that_was_to_be_closed_throughout_opens_as_in_the_last_weeks(chain: Chain) -> None:
    closed = np.zeros((M, T + H), dtype=np.bool_)
    closed[0, T:] = True
    shut = replace(chain.demand, ahead=replace(chain.demand.ahead, closed=closed))
    made = chain.assume(closed=closed)
    published = PlanContext(made.mean, made.quantiles)
    opened = assume(published, shut, chain.hierarchy, chain.demand.ahead)
    row = chain.row(0)
    np.testing.assert_allclose(opened.mean[row], chain.made.mean[row], rtol=0.1)
    assert np.isnan(opened.quantiles[row]).all()


@given(
    leaves=st.lists(st.integers(0, M - 1), min_size=1, max_size=4),
    first=st.integers(0, H - 1),
    value=st.floats(-1.0, 1.0),
    shut=st.integers(0, M - 1),
)
def test_assumed_means_add_up_and_quantiles_stay_in_order(
    chain: Chain, leaves: list[int], first: int, value: float, shut: int
) -> None:
    price = chain.demand.ahead.regressors["price"].values.copy()
    price[leaves, T + first :] = value
    closed = np.zeros((M, T + H), dtype=np.bool_)
    closed[shut, T + first :] = True
    regressors = {**chain.demand.ahead.regressors, "price": PlannedRegressor(price)}
    made = chain.assume(regressors=regressors, closed=closed)
    np.testing.assert_allclose(made.mean, chain.hierarchy.S @ made.mean[-M:], atol=1e-9)
    assert (made.mean >= 0).all()
    assert (np.diff(made.quantiles, axis=2) >= 0).all()


def test_weeks_of_a_frame_are_predicted_again_too() -> None:
    weeks, ahead, on = 120, 8, 0.5
    rng = np.random.default_rng(5)
    X = np.zeros((M, weeks + ahead))
    X[:, rng.choice(weeks, 20, replace=False)] = 1.0
    units = rng.poisson(50 * np.exp(on * X[:, :weeks]))
    ids = LEAVES["location"] + LEAVES["product"]
    dates = pd.date_range("2023-01-02", periods=weeks, freq="7D")
    frame = pd.DataFrame(
        {"unique_id": np.repeat(ids, weeks), "ds": np.tile(dates, M), "y": units.ravel()}
    )
    series = from_long(frame, frequency="W")
    keys = LEAVES.assign(unique_id=ids)
    at = [list(ids).index(label) for label in series.labels]
    known = KnownAhead(regressors={"display": PlannedRegressor(X[at])})
    demand = demand_of(series, keys, ahead=known)
    hierarchy = build_hierarchy(LEVELS, demand.leaves)
    made = true_forecast(hierarchy, np.full((M, ahead), 50.0))
    X[0, weeks + 3] = 1.0
    changed = KnownAhead(regressors={"display": PlannedRegressor(X[at])})
    assumed = assume(made, demand, hierarchy, changed)
    assert assumed.difference == pytest.approx(50 * (np.exp(on) - 1), rel=0.1)
    assert assumed.total.startswith("+")
    assert "over 8 weeks" in assumed.total
    assert assumed.days[0] == pd.Timestamp("2023-01-02") + pd.Timedelta(weeks=weeks, days=6)
