from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasting.choosing.tables import OriginTable
from forecasting.forecast import make_forecast
from forecasting.forecast_origins import all_origins
from forecasting.forecast_result import Forecast
from forecasting.forecast_setup import make_setup
from forecasting.intervals.probabilities import QUANTILES
from forecasting.nodes.demand import Demand
from forecasting.nodes.lifecycle import COLD_START, DISCONTINUED
from forecasting.nodes.origin import origin_at
from forecasting.spec import ForecastSpec
from forecasting.structure.hierarchy import build_hierarchy
from stocktide.foundation.errors import Invalid
from tests.forecasting.demands import LEAVES, make_demand, weekly_units

pytestmark = pytest.mark.slow

LEVELS = ((), ("region",), ("location",), ("location", "product"))
HIERARCHY = build_hierarchy(LEVELS, LEAVES)
NAMES = ("mixture", "WLSS additive", "seasonal_naive")
SPEC = ForecastSpec(levels=LEVELS, horizon_days=7, candidates=NAMES)
UNITS = weekly_units(100)


@pytest.fixture(scope="module")
def made() -> Forecast:
    return make_forecast(make_demand(UNITS), HIERARCHY, SPEC)


def test_the_choice_is_made_before_the_period_that_is_reported(made: Forecast) -> None:
    days = make_demand(UNITS).days
    assert set(made.scores["origin"]) == {days[known - 1].date() for known in (72, 79, 86)}
    assert {"chosen", *NAMES} <= set(made.scores["candidate"])
    changed = UNITS.copy()
    changed[:, 93:] *= 50
    other = make_forecast(make_demand(changed), HIERARCHY, SPEC)
    # shares of weight are learnt once more with all periods: they may and do change
    assert replace(other.choice, learnt=()) == replace(made.choice, learnt=())
    pd.testing.assert_frame_equal(other.scores, made.scores)
    assert not other.errors.equals(made.errors)


def assert_same_table(one: OriginTable, other: OriginTable, *, came: bool) -> None:
    for level, trial in one.levels.items():
        again = other.levels[level]
        assert trial.names == again.names
        np.testing.assert_array_equal(trial.forecasts, again.forecasts)
        np.testing.assert_array_equal(trial.scale, again.scale)
        np.testing.assert_array_equal(trial.weight, again.weight)
        for split, same in zip(one.splits[level], other.splits[level], strict=True):
            np.testing.assert_array_equal(split.share, same.share)
            np.testing.assert_array_equal(split.profile, same.profile)
    for name, values in one.baselines.items():
        np.testing.assert_array_equal(values, other.baselines[name])
    for name in ("open_ahead", "ended", "classes", "weight", "change", "shares"):
        np.testing.assert_array_equal(getattr(one.facts, name), getattr(other.facts, name))
    assert one.facts.warnings == other.facts.warnings
    assert np.array_equal(one.actual, other.actual) == came


@pytest.mark.parametrize("change", ["units", "empty", "ends"])
def test_what_comes_after_an_origin_changes_nothing_in_its_table(change: str) -> None:
    names = ("mixture", "AHP additive", "ETS", "seasonal_naive")
    spec = replace(SPEC, candidates=names)
    demand = make_demand(UNITS)
    later = {"units": UNITS.copy(), "empty": demand.empty.copy()}
    if change == "units":
        later["units"][:, 79:] = 9e3
    elif change == "empty":
        later["empty"][:, 79:] = True
        later["units"][:, 79:] = 0.0
    else:
        later["units"][:6, 79:] = 0.0
    other = replace(demand, **later)  # type: ignore[arg-type]
    tables = [make_setup(d, HIERARCHY, spec).table(79) for d in (demand, other)]
    assert_same_table(tables[0], tables[1], came=False)


def test_an_origin_s_table_is_that_of_a_demand_that_ends_there() -> None:
    """The whole run's calendar and dates tell an origin nothing."""
    spec = replace(SPEC, holidays_country="GB")
    shorter = make_demand(UNITS[:, :86])
    tables = [make_setup(d, HIERARCHY, spec).table(79) for d in (make_demand(UNITS), shorter)]
    for level, trial in tables[0].levels.items():
        np.testing.assert_allclose(trial.forecasts, tables[1].levels[level].forecasts, rtol=1e-4)


def test_a_forecast_adds_up_and_its_quantiles_rise(made: Forecast) -> None:
    assert made.mean.shape == (HIERARCHY.n_nodes, 7)
    assert (made.mean >= 0).all()
    np.testing.assert_allclose(made.mean, HIERARCHY.S @ made.mean[-HIERARCHY.n_leaves :], rtol=1e-6)
    assert made.quantiles.shape == (HIERARCHY.n_nodes, 7, len(QUANTILES))
    assert (made.quantiles >= 0).all()
    assert (np.diff(made.quantiles, axis=2) >= 0).all()
    # a leaf that sells once in two weeks has 0 as its 97.5 % quantile, and a mean above it
    often = made.mean >= 1.0
    inside = ((made.mean >= made.quantiles[:, :, 0]) & (made.mean <= made.quantiles[:, :, -1]))[
        often
    ]
    assert often.mean() > 0.5
    assert inside.mean() > 0.99
    assert set(made.errors["model"]) == {"prophet", "seasonal_naive"}
    assert len(made.warnings) == HIERARCHY.n_nodes
    assert made.history.shape == (HIERARCHY.n_nodes, 100)


def test_what_was_learnt_is_told_by_level(made: Forecast) -> None:
    learnt = made.choice.learnt
    assert [row["level_name"] for row in learnt] == [
        "total",
        "region",
        "location",
        "location / product",
    ]
    for row in learnt:
        assert 0.9 < sum(row["experts"].values()) <= 1.001
        assert 0.9 < sum(row["windows"].values()) <= 1.001
    rows = {name: {int(r) for g in groups for r in g.rows} for name, groups in made.models.items()}
    assert set().union(*rows.values()) <= set(range(HIERARCHY.n_nodes))
    assert rows["additive recent"] == set(range(HIERARCHY.n_nodes))


def test_paths_of_leaves_are_joint_and_lie_where_the_quantiles_say(made: Forecast) -> None:
    assert made.leaf_paths.shape[1:] == (HIERARCHY.n_leaves, 7)
    assert (made.leaf_paths >= 0).all()
    total = made.leaf_paths.sum(axis=1)
    low, high = made.quantiles[0, :, 0], made.quantiles[0, :, -1]
    held = ((total >= low - 1) & (total <= high + 1)).mean()
    assert held > 0.85


def test_a_forecast_follows_the_unit_of_measure() -> None:
    spec = replace(SPEC, candidates=("WLSS additive",))
    one = make_forecast(make_demand(UNITS * 8.0), HIERARCHY, spec)
    other = make_forecast(make_demand(UNITS), HIERARCHY, spec)
    np.testing.assert_allclose(one.mean, 8.0 * other.mean, rtol=1e-3, atol=1e-3)


def test_one_candidate_is_tested_and_taken() -> None:
    made = make_forecast(
        make_demand(UNITS), HIERARCHY, replace(SPEC, candidates=("seasonal_naive",))
    )
    assert made.choice.name == "seasonal_naive"
    assert made.choice.runner_up is None
    assert made.choice.score is not None
    assert made.choice.learnt == ()
    ours = made.errors.pivot_table(index=["level", "metric"], columns="model", values="value")
    shared = ours.dropna()
    np.testing.assert_allclose(shared["prophet"], shared["seasonal_naive"])


@pytest.mark.parametrize(
    ("days", "origins", "tested"), [(20, 0, False), (40, 3, True), (64, 3, True)]
)
def test_a_young_chain_takes_the_method_of_its_settings(
    days: int, origins: int, tested: bool
) -> None:
    made = make_forecast(make_demand(weekly_units(days)), HIERARCHY, SPEC)
    assert made.choice.origins == origins
    assert made.errors.empty != tested
    if not origins:
        assert made.choice.name == SPEC.default_candidate
        assert made.scores.empty
    np.testing.assert_allclose(made.mean, HIERARCHY.S @ made.mean[-HIERARCHY.n_leaves :], rtol=1e-6)


def test_a_named_candidate_is_taken_untested_where_the_default_is_not_among_them() -> None:
    named = replace(SPEC, candidates=("TSB",))
    assert make_forecast(make_demand(weekly_units(30)), HIERARCHY, named).choice.name == "TSB"


def test_every_origin_is_made_once_and_kept_by_its_name() -> None:
    kept: dict[str, Any] = {}
    made: list[str] = []

    def keep(name: str, make: Any) -> Any:
        if name not in kept:
            made.append(name)
            kept[name] = make()
        return kept[name]

    told: list[str] = []
    demand = make_demand(UNITS)
    first = make_forecast(demand, HIERARCHY, SPEC, kept=keep, progress=told.append)
    days = [demand.days[known - 1].date() for known in all_origins(demand, SPEC)]
    assert made == [f"origin-{day}" for day in days]
    assert len(told) == len(days) + 3
    again = make_forecast(demand, HIERARCHY, SPEC, kept=keep)
    assert len(made) == len(days)
    np.testing.assert_array_equal(again.mean, first.mean)
    np.testing.assert_array_equal(again.quantiles, first.quantiles)


def test_leaves_that_ended_or_began_or_are_shut_are_forecast_by_rule() -> None:
    units = weekly_units(130)
    units[0, 60:] = 0.0
    units[1, :120] = 0.0
    units[(LEAVES["location"] == "S3").to_numpy(), 6::7] = 0.0
    made = make_forecast(make_demand(units), HIERARCHY, replace(SPEC, candidates=("mixture",)))
    first = HIERARCHY.n_nodes - HIERARCHY.n_leaves
    rows = [first + int(np.flatnonzero(HIERARCHY.leaf_rows == row)[0]) for row in (0, 1)]
    assert [made.warnings[row] for row in rows] == [DISCONTINUED, COLD_START]
    assert not made.mean[rows[0]].any()
    assert not made.quantiles[rows[0]].any()
    assert 4.0 < made.mean[rows[1]].mean() < 16.0
    # 130 days from a Monday on end on a Thursday: the third day ahead is the closed Sunday
    shop = HIERARCHY.nodes["unique_id"].tolist().index("S3")
    assert np.flatnonzero(made.mean[shop] == 0).tolist() == [2]
    assert not made.quantiles[shop, 2].any()
    np.testing.assert_allclose(made.mean, HIERARCHY.S @ made.mean[first:], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("method", ["mixture", "WLSS additive", "FP log1p"])
@pytest.mark.parametrize("days_old", [5, 10])
def test_a_product_that_starts_takes_nothing_from_the_others(method: str, days_old: int) -> None:
    """The sums do not know it yet: it is added to them, and not squeezed into what they forecast without it."""
    week = np.resize([20.0, 20.0, 20.0, 20.0, 30.0, 40.0, 10.0], 1200)
    units = np.zeros((2, 1200))
    rng = np.random.default_rng(3)
    units[0] = rng.poisson(week)
    units[1, -days_old:] = rng.poisson(week[-days_old:])
    leaves = LEAVES.iloc[:2].reset_index(drop=True)
    demand = replace(make_demand(units), leaves=leaves)
    levels = ((), ("location",), ("location", "product"))
    hierarchy = build_hierarchy(levels, leaves)
    made = make_forecast(
        demand,
        hierarchy,
        replace(SPEC, levels=levels, candidates=(method,), horizon_days=14, holidays_country=None),
    )
    total, _, old, new = made.mean.mean(axis=1)
    assert abs(old - week[:14].mean()) < 2.0
    assert abs(new - week[:14].mean()) < 5.0
    np.testing.assert_allclose(total, old + new, rtol=1e-9)


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """List the origins that are fitted."""
    seen: list[int] = []

    def watched(demand: Demand, *arguments: Any, days_known: int, **others: Any) -> Any:
        seen.append(days_known)
        return origin_at(demand, *arguments, days_known=days_known, **others)

    monkeypatch.setattr("forecasting.forecast_setup.origin_at", watched)
    return seen


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"method": "PHA"}, "these levels cross"),
        ({"candidates": ("mixture", "AHP log1p")}, "these levels cross"),
        ({"candidates": ("WLS additive",)}, "There is no candidate 'WLS additive'"),
        ({"fit_levels": (("region",), ("department",))}, "is the finest, and does not split"),
        ({"holidays_country": "XX"}, "XX"),
    ],
)
def test_settings_that_do_not_fit_are_named_before_anything_is_fitted(
    fitted: list[int], settings: dict[str, Any], says: str
) -> None:
    levels = ((), ("region",), ("department",), ("location", "product"))
    crossed = build_hierarchy(levels, LEAVES)
    spec = ForecastSpec(levels=levels, horizon_days=7)
    with pytest.raises(Invalid, match=says):
        make_forecast(make_demand(weekly_units(60)), crossed, replace(spec, **settings))
    # an unknown country is named by the first origin, before a model is fitted
    assert len(fitted) <= ("holidays_country" in settings)
