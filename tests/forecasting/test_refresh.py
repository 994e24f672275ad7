"""A refresh: what was learnt stays, models see the newer periods."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecasting.choosing.kept import Learnt
from forecasting.forecast import make_forecast
from forecasting.forecast_result import Forecast
from forecasting.nodes.demand import Demand
from forecasting.publishing.plain_values import pack, unpack
from forecasting.refresh import refresh_forecast
from forecasting.spec import ForecastSpec
from forecasting.structure.hierarchy import Hierarchy, build_hierarchy
from stocktide.foundation.errors import Conflict
from tests.forecasting.demands import LEAVES, make_demand, weekly_units

pytestmark = pytest.mark.slow

LEVELS = ((), ("region",), ("location",), ("location", "product"))
HIERARCHY = build_hierarchy(LEVELS, LEAVES)
SPEC = ForecastSpec(
    levels=LEVELS, horizon_days=7, candidates=("mixture", "WLSS additive", "seasonal_naive")
)
DAYS, NEW = 100, 5
UNITS = weekly_units(DAYS + NEW)


@pytest.fixture(scope="module")
def made() -> Forecast:
    return make_forecast(make_demand(UNITS[:, :DAYS]), HIERARCHY, SPEC)


def some_leaves(
    rows: list[int], units: "np.ndarray[tuple[int, int], np.dtype[np.float64]]"
) -> Demand:
    demand = make_demand(UNITS[:, : units.shape[1]])
    return replace(
        demand,
        leaves=LEAVES.iloc[rows].reset_index(drop=True),
        units=units,
        empty=np.zeros(units.shape, dtype=np.bool_),
        started=np.argmax(units > 0, axis=1),
    )


def hierarchy_of(rows: list[int]) -> Hierarchy:
    return build_hierarchy(LEVELS, LEAVES.iloc[rows].reset_index(drop=True))


def weights_of(learnt: Learnt, level: int) -> "np.ndarray[tuple[int, int], np.dtype[np.floating]]":
    return learnt.candidates[0].weights[level].weights


@pytest.mark.parametrize("candidate", ["mixture", "WLSS additive", "MinT-shrink log1p", "Croston"])
def test_a_refresh_on_no_newer_day_is_the_forecast_itself(candidate: str) -> None:
    demand = make_demand(UNITS[:, :DAYS])
    spec = replace(SPEC, candidates=(candidate,))
    first = make_forecast(demand, HIERARCHY, spec)
    again = refresh_forecast(demand, HIERARCHY, spec, first.learnt)
    # weights are kept in single precision
    np.testing.assert_allclose(again.mean, first.mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(again.quantiles, first.quantiles, rtol=1e-3, atol=1e-4)
    assert again.choice == first.choice
    assert (again.score, again.champion_score) == (first.score, first.champion_score)
    pd.testing.assert_frame_equal(again.scores, first.scores)
    pd.testing.assert_frame_equal(again.errors, first.errors)
    assert set(again.explanation.upper) == set(first.explanation.upper)


def test_a_refresh_fits_the_models_that_the_mixture_owes_to_other_candidates() -> None:
    demand = make_demand(UNITS[:, :DAYS])
    first = make_forecast(
        demand, HIERARCHY, replace(SPEC, candidates=("mixture", "WLSS multiplicative"))
    )
    mixture = next(kept for kept in first.learnt.candidates if kept.name == "mixture")
    names = {name for level in mixture.weights.values() for name in level.names}
    assert any(name.startswith("multiplicative") for name in names)
    again = refresh_forecast(demand, HIERARCHY, SPEC, first.learnt)
    np.testing.assert_allclose(again.mean, first.mean, rtol=1e-5, atol=1e-6)


def test_a_refresh_hears_newer_days_and_learns_no_weights_from_them(made: Forecast) -> None:
    newer = UNITS.copy()
    newer[:, DAYS:] *= 3.0
    quiet = refresh_forecast(make_demand(UNITS), HIERARCHY, SPEC, made.learnt)
    busy = refresh_forecast(make_demand(newer), HIERARCHY, SPEC, made.learnt)
    assert busy.mean[0].mean() > 1.1 * quiet.mean[0].mean()
    assert quiet.history.shape[1] == DAYS + NEW
    for forecast in (quiet, busy):
        assert forecast.learnt is made.learnt
        m = HIERARCHY.n_leaves
        np.testing.assert_allclose(forecast.mean, HIERARCHY.sum_leaves(forecast.mean[-m:]))
        assert (np.diff(forecast.quantiles, axis=2) >= 0).all()
        assert forecast.leaf_paths.shape[1:] == (m, 7)


def test_a_refresh_does_without_origins_that_the_demand_no_longer_reaches(made: Forecast) -> None:
    whole = make_demand(UNITS)
    late = replace(
        whole, days=whole.days[95:], units=whole.units[:, 95:], empty=whole.empty[:, 95:]
    )
    forecast = refresh_forecast(late, HIERARCHY, SPEC, made.learnt)
    assert np.isfinite(forecast.mean).all()
    assert np.isfinite(forecast.quantiles).all()


def test_new_leaves_take_the_mean_weights_of_their_level_and_gone_ones_go() -> None:
    old, now = [*range(11)], [*range(1, 12)]
    first = make_forecast(some_leaves(old, UNITS[old, :DAYS]), hierarchy_of(old), SPEC)
    hierarchy = hierarchy_of(now)
    again = refresh_forecast(some_leaves(now, UNITS[now]), hierarchy, SPEC, first.learnt)
    ids = list(hierarchy.nodes["unique_id"][-11:])
    before = list(hierarchy_of(old).nodes["unique_id"][-11:])
    new = ids.index("S3/P4")
    assert "S3/P4" not in before
    weights, learnt = weights_of(again.learnt, 3), weights_of(first.learnt, 3)
    for place, name in enumerate(ids):
        wanted = learnt.mean(axis=1) if place == new else learnt[:, before.index(name)]
        np.testing.assert_allclose(weights[:, place], wanted, rtol=1e-6)
    for left_out in again.learnt.left_out:
        assert np.isnan(left_out[-11 + new]).all()
        assert np.isfinite(np.delete(left_out, hierarchy.n_nodes - 11 + new, axis=0)).all()
    np.testing.assert_allclose(again.mean, hierarchy.sum_leaves(again.mean[-11:]))
    assert np.isfinite(again.quantiles).all()
    # and once more: what is new now was kept by the refresh
    third = refresh_forecast(some_leaves(now, UNITS[now]), hierarchy, SPEC, again.learnt)
    np.testing.assert_allclose(third.mean, again.mean)


@pytest.mark.parametrize(
    ("spec", "levels", "what"),
    [
        (replace(SPEC, horizon_days=14), LEVELS, "the horizon changed from 7 to 14"),
        (SPEC, ((), ("location",), ("location", "product")), "the levels changed from total"),
        (replace(SPEC, fit_levels=((), ("region",), ("location",))), LEVELS, "the fitted levels"),
    ],
)
def test_a_refresh_of_something_else_is_refused(
    made: Forecast, spec: ForecastSpec, levels: tuple[tuple[str, ...], ...], what: str
) -> None:
    hierarchy = build_hierarchy(levels, LEAVES)
    with pytest.raises(Conflict, match=what) as refused:
        refresh_forecast(make_demand(UNITS), hierarchy, replace(spec, levels=levels), made.learnt)
    assert refused.value.code == "refresh_changed"
    assert "retrain with `stocktide forecast`" in refused.value.message


def test_experts_that_are_all_gone_are_refused(made: Forecast) -> None:
    (kept,) = made.learnt.candidates
    level = replace(
        kept.weights[1], names=tuple(f"x{k}" for k in range(len(kept.weights[1].names)))
    )
    gone = replace(made.learnt, candidates=(replace(kept, weights={**kept.weights, 1: level}),))
    with pytest.raises(Conflict, match="none of the experts of level 1"):
        refresh_forecast(make_demand(UNITS), HIERARCHY, SPEC, gone)


def test_what_was_learnt_is_read_back_from_a_file_as_it_was(made: Forecast) -> None:
    back = unpack(pack(made.learnt))
    assert isinstance(back, Learnt)
    assert replace(back.choice, learnt=()) == replace(made.learnt.choice, learnt=())
    assert (back.levels, back.cutoffs) == (made.learnt.levels, made.learnt.cutoffs)
    np.testing.assert_array_equal(weights_of(back, 3), weights_of(made.learnt, 3))
    one, other = (
        refresh_forecast(make_demand(UNITS), HIERARCHY, SPEC, learnt)
        for learnt in (made.learnt, back)
    )
    np.testing.assert_array_equal(one.mean, other.mean)
    np.testing.assert_array_equal(one.quantiles, other.quantiles)
    pd.testing.assert_frame_equal(one.scores, other.scores)
