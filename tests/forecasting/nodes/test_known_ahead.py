from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.forecast import make_forecast
from forecasting.nodes.demand import Demand
from forecasting.nodes.known_ahead import KnownAhead, PlannedRegressor
from forecasting.nodes.origin import Origin, origin_at
from forecasting.spec import ForecastSpec
from forecasting.structure.hierarchy import build_hierarchy
from tests.forecasting.demands import LEAVES, make_demand, weekly_units

LEVELS = ((), ("location",), ("location", "product"))
HIERARCHY = build_hierarchy(LEVELS, LEAVES)
DAYS, AHEAD, HORIZON = 150, 20, 10
LIFT = 2.0


def promoted(*, recorded: int | None, seed: int = 1) -> tuple[Demand, np.ndarray]:
    """Demand doubled by displays of some days, those in the horizon recorded after `recorded` periods."""
    rng = np.random.default_rng(seed)
    shown = (rng.random((12, DAYS + AHEAD)) < 0.15).astype(np.float64)
    shown[:, DAYS : DAYS + HORIZON] = 0.0
    shown[:6, DAYS + 2 : DAYS + 6] = 1.0
    when = np.full(shown.shape, -1)
    if recorded is not None:
        when[:, DAYS - 40 :] = recorded
    units = weekly_units(DAYS)
    units = np.round(units * np.where(shown[:, :DAYS] > 0, LIFT, 1.0))
    ahead = KnownAhead(regressors={"display": PlannedRegressor(shown, when)})
    return replace(make_demand(units), ahead=ahead), shown


def origin_of(demand: Demand, days_known: int = DAYS) -> Origin:
    return origin_at(demand, HIERARCHY, days_known=days_known, horizon=HORIZON)


@given(
    periods=st.integers(0, 30),
    recorded=st.lists(st.integers(-1, 40), min_size=30, max_size=30),
)
def test_a_plan_counts_from_the_period_after_it_was_recorded(
    periods: int, recorded: list[int]
) -> None:
    values = np.arange(1.0, 31.0)[None, :]
    seen = PlannedRegressor(values, np.array([recorded])).at(periods)[0]
    for at, when in enumerate(recorded):
        # what is over is known; what is ahead only where it was recorded by then
        known = at < periods or when < periods
        assert seen[at] == (values[0, at] if known else 0.0)


def test_a_plan_that_is_always_known_is_seen_as_it_is() -> None:
    values = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(PlannedRegressor(values).at(1), values)


def test_plans_move_the_days_that_they_are_made_for() -> None:
    demand, shown = promoted(recorded=None)
    origin = origin_of(demand)
    assert origin.effects is not None
    np.testing.assert_allclose(origin.effects.own.group, np.log(LIFT), atol=0.12)
    assert origin.moved_ahead is not None
    leaves = origin.moved_ahead[-12:]
    on = shown[HIERARCHY.leaf_rows, DAYS : DAYS + HORIZON] > 0
    np.testing.assert_allclose(leaves[on], LIFT, rtol=0.15)
    np.testing.assert_allclose(leaves[~on], 1.0)
    # the chain moves by what its leaves are worth
    assert 1.0 < origin.moved_ahead[0, 3] < LIFT
    assert origin.moved_ahead[0, 0] == 1.0


@pytest.mark.parametrize("recorded", [DAYS, DAYS + 5])
def test_plans_recorded_after_the_cutoff_are_not_used(recorded: int) -> None:
    demand, shown = promoted(recorded=recorded)
    origin = origin_of(demand)
    assert origin.moved_ahead is not None
    np.testing.assert_array_equal(origin.moved_ahead, 1.0)
    # nor do they matter: other plans give the same origin
    other = shown.copy()
    other[:, DAYS:] = 1.0 - other[:, DAYS:]
    plan = replace(demand.ahead.regressors["display"], values=other)
    same = origin_of(replace(demand, ahead=KnownAhead(regressors={"display": plan})))
    np.testing.assert_array_equal(same.Y, origin.Y)
    np.testing.assert_array_equal(same.plans, origin.plans)


def test_a_plan_recorded_in_time_is_used() -> None:
    origin = origin_of(promoted(recorded=DAYS - 1)[0])
    assert origin.moved_ahead is not None
    assert origin.moved_ahead.max() > 1.5


def test_an_earlier_origin_sees_the_plans_of_its_time() -> None:
    demand, _ = promoted(recorded=DAYS - 1)
    earlier = origin_of(demand, DAYS - HORIZON)
    np.testing.assert_array_equal(earlier.plans, 0.0)
    changed = demand.units.copy()
    changed[:, DAYS - HORIZON :] *= 9
    same = origin_of(replace(demand, units=changed), DAYS - HORIZON)
    np.testing.assert_array_equal(same.Y, earlier.Y)


@pytest.mark.slow
def test_a_published_forecast_rises_on_planned_days_and_says_so() -> None:
    demand, shown = promoted(recorded=None)
    spec = ForecastSpec(
        levels=LEVELS, horizon_days=HORIZON, candidates=("mixture",), backtest_origins=2
    )
    made = make_forecast(demand, HIERARCHY, spec)
    none = shown.copy()
    none[:, DAYS:] = 0.0
    without = replace(demand, ahead=KnownAhead(regressors={"display": PlannedRegressor(none)}))
    plain = make_forecast(without, HIERARCHY, spec)
    m = HIERARCHY.n_leaves
    on = shown[HIERARCHY.leaf_rows, DAYS : DAYS + HORIZON] > 0
    sells = plain.mean[-m:].mean(axis=1) > 2
    ratio = made.mean[-m:] / np.maximum(plain.mean[-m:], 1e-9)
    np.testing.assert_allclose(np.median(ratio[sells][on[sells]]), LIFT, rtol=0.25)
    np.testing.assert_allclose(np.median(ratio[sells][~on[sells]]), 1.0, rtol=0.1)
    assert "display" in made.explanation.leaves
    parts = np.sum(list(made.explanation.leaves.values()), axis=0)
    np.testing.assert_allclose(parts, made.mean[-m:], rtol=1e-6, atol=1e-9)


def test_events_recorded_later_close_no_earlier_day() -> None:
    """A day is closed ahead where its event was always closed; an event of which nobody knew closes nothing."""
    units = weekly_units(120)
    units[:, [40, 75]] = 0.0
    days = pd.date_range("2025-01-06", periods=130)
    events = pd.DataFrame(
        {
            "name": "Stocktaking",
            "day": days[[40, 75, 122]],
            "days_before": 0,
            "days_after": 0,
            "recorded": [pd.NaT, pd.NaT, days[121]],
        }
    )
    late = replace(make_demand(units), ahead=KnownAhead(events=events))
    always = events.assign(recorded=pd.Series([pd.NaT] * 3))
    known = replace(make_demand(units), ahead=KnownAhead(events=always))
    closed = origin_at(known, HIERARCHY, days_known=120, horizon=7).is_open[0, 120:]
    assert np.flatnonzero(~closed).tolist() == [2]
    assert origin_at(late, HIERARCHY, days_known=120, horizon=7).is_open[:, 120:].all()


def test_a_planned_closure_is_forecast_as_nothing() -> None:
    demand = make_demand(weekly_units(100))
    closed = np.zeros((12, 114), dtype=np.bool_)
    closed[:, 103] = True
    closed[LEAVES["location"] == "S1", 105] = True
    spec = ForecastSpec(levels=LEVELS, horizon_days=14, candidates=("mixture",), backtest_origins=1)
    made = make_forecast(replace(demand, ahead=KnownAhead(closed=closed)), HIERARCHY, spec)
    shop = HIERARCHY.nodes["unique_id"].tolist().index("S1")
    assert not made.mean[:, 3].any()
    assert not made.quantiles[:, 3].any()
    assert not made.mean[shop, 5].any()
    assert made.mean[0, 5] > 0
    assert not made.leaf_paths[:, :, 3].any()
