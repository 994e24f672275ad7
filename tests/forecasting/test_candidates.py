from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from forecasting.nodes.base_fit import BaseFits, sibling_group
from forecasting.nodes.prophet_fit import NodeForecasts
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.baselines.baseline import BASELINES
from forecasting.choosing.candidates import (
    auto_names,
    fitted_hierarchy,
    known_names,
    make_candidates,
)
from forecasting.nodes import base_fit
from forecasting.nodes.lifecycle import COLD_START, DISCONTINUED
from forecasting.nodes.origin import Origin, origin_at
from forecasting.structure.hierarchy import Hierarchy, build_hierarchy
from stocktide.errors import Invalid
from tests.forecasting.demands import LEAVES, make_demand, weekly_units

LEVELS = [
    [],
    ["region"],
    ["department"],
    ["location"],
    ["location", "department"],
    ["location", "product"],
]
HIERARCHY = build_hierarchy(LEVELS, LEAVES)
UNITS = weekly_units(130)


def origin_of(units: Any, hierarchy: Hierarchy = HIERARCHY, *, days_known: int = 120) -> Origin:
    return origin_at(make_demand(units), hierarchy, days_known=days_known, horizon=10)


@pytest.fixture
def counted_fits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Fit by the mean of four weeks instead of Prophet; tells the number of nodes of each fit."""
    fitted: list[int] = []

    def fit(Y: Any, days: pd.DatetimeIndex, *, horizon: int, **_other: object) -> NodeForecasts:
        fitted.append(len(Y))
        level = np.nan_to_num(Y[:, -28:]).mean(axis=1)
        known = np.maximum.accumulate(np.isfinite(Y), axis=1)
        values = np.where(known, level[:, None], np.nan)
        assert days.size == Y.shape[1]
        return NodeForecasts(np.repeat(level[:, None], horizon, axis=1), values, (None,) * len(Y))

    for response in base_fit.RESPONSES:
        monkeypatch.setitem(base_fit.RESPONSES, response, fit)
    return fitted


def assert_publishable(hierarchy: Hierarchy, mean: Any) -> None:
    assert (mean >= 0).all()
    np.testing.assert_allclose(mean, hierarchy.S @ mean[-hierarchy.n_leaves :], rtol=1e-6)


def test_every_candidate_is_coherent_and_fits_are_shared(counted_fits: list[int]) -> None:
    names = auto_names(HIERARCHY)
    origin = origin_of(UNITS)
    for candidate in make_candidates(names, BaseFits()):
        forecast = candidate.forecast(origin)
        assert forecast.coherent
        assert_publishable(HIERARCHY, forecast.mean)
        assert forecast.shape.shape == (HIERARCHY.n_nodes, 7)
        assert len(forecast.warnings) == HIERARCHY.n_nodes
    # One fit a response form, however many ways to reconcile.
    assert counted_fits == [HIERARCHY.n_nodes] * len(base_fit.RESPONSES)


def test_auto_is_the_reference_grid_and_more_as_far_as_it_fits_the_levels() -> None:
    tree = build_hierarchy([[], ["region"], ["location"], ["location", "product"]], LEAVES)
    assert {"BU additive", "AHP additive", "BU multiplicative", "AHP multiplicative"} <= set(
        auto_names(tree)
    )
    crossed = auto_names(HIERARCHY)
    assert "AHP additive" not in crossed
    assert {"WLSS additive", "OLS multiplicative", "TDRS additive", *BASELINES} <= set(crossed)
    assert "MO additive" in auto_names(HIERARCHY, split="FP")
    assert set(crossed) <= set(known_names())


@pytest.mark.usefixtures("counted_fits")
def test_every_named_candidate_forecasts_a_tree() -> None:
    tree = build_hierarchy([[], ["region"], ["location"], ["location", "product"]], LEAVES)
    origin = origin_of(UNITS, tree)
    for candidate in make_candidates(known_names(), BaseFits()):
        assert_publishable(tree, candidate.forecast(origin).mean)


def test_levels_that_are_not_fitted_get_no_model(counted_fits: list[int]) -> None:
    fits = BaseFits((0, 3, 4))
    origin = origin_of(UNITS)
    means = {
        name: candidate.forecast(origin).mean
        for name in ("BU additive", "WLSS additive", "TDRS additive")
        for candidate in make_candidates([name], fits)
    }
    assert counted_fits == [1 + 3 + 6]
    for mean in means.values():
        assert_publishable(HIERARCHY, mean)
    np.testing.assert_array_equal(means["TDRS additive"], means["WLSS additive"])
    # The split follows what was sold lately: product 1 sells 20 where product 2 sells 8.
    leaves = means["BU additive"][-HIERARCHY.n_leaves :]
    keys = HIERARCHY.nodes.iloc[-HIERARCHY.n_leaves :]
    one, two = (leaves[(keys["product"] == p).to_numpy()].sum() for p in ("P1", "P2"))
    assert one / two == pytest.approx(20 / 8, rel=0.25)


def test_fitted_levels_need_a_finest_one() -> None:
    with pytest.raises(Invalid, match="location is the finest, and does not split department"):
        fitted_hierarchy(HIERARCHY, (0, 2, 3))
    level, (upper, _) = fitted_hierarchy(HIERARCHY, (0, 2, 3, 4))
    assert (level, len(upper.levels)) == (4, 4)


@pytest.mark.usefixtures("counted_fits")
def test_an_ended_leaf_is_forecast_zero_and_says_why() -> None:
    units = UNITS.copy()
    units[0, 60:] = 0.0
    origin = origin_of(units)
    row = HIERARCHY.n_nodes - HIERARCHY.n_leaves + int(np.flatnonzero(HIERARCHY.leaf_rows == 0)[0])
    for name in ("WLSS additive", "TDRS additive", "OLS additive"):
        (candidate,) = make_candidates([name], BaseFits())
        forecast = candidate.forecast(origin)
        assert not forecast.mean[row].any()
        assert forecast.warnings[row] == DISCONTINUED
        assert_publishable(HIERARCHY, forecast.mean)


@pytest.mark.usefixtures("counted_fits")
def test_a_leaf_that_just_started_is_forecast_by_its_siblings() -> None:
    units = UNITS.copy()
    units[1, :115] = 0.0
    units[1, 115:] = [7, 9, 8, 8, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    row = HIERARCHY.n_nodes - HIERARCHY.n_leaves + int(np.flatnonzero(HIERARCHY.leaf_rows == 1)[0])
    (candidate,) = make_candidates(["BU additive"], BaseFits())
    forecast = candidate.forecast(origin_of(units))
    assert forecast.warnings[row] == COLD_START
    # The mean of its last 28 days would be 1.5; its five days say 8.
    assert 4.0 < forecast.mean[row].mean() < 10.0


@pytest.mark.usefixtures("counted_fits")
def test_an_empty_shelf_does_not_lower_the_share() -> None:
    units, empty = UNITS.copy(), np.zeros(UNITS.shape, dtype=np.bool_)
    units[0, 90:120], empty[0, 90:120] = 0.0, True
    row = HIERARCHY.n_nodes - HIERARCHY.n_leaves + int(np.flatnonzero(HIERARCHY.leaf_rows == 0)[0])

    def forecast(units: Any, empty: Any) -> float:
        demand = replace(make_demand(units), empty=empty)
        origin = origin_at(demand, HIERARCHY, days_known=118, horizon=10)
        (candidate,) = make_candidates(["TDRS additive"], BaseFits((0, 3)))
        return float(candidate.forecast(origin).mean[row].sum())

    # Four weeks without it weigh on the group's forecast and lift the shares of the others, but it is not gone.
    assert forecast(units, empty) > 3 * forecast(units, np.zeros_like(empty))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-2, 1e3]), st.permutations(range(12)))
def test_order_and_unit_of_the_series_change_nothing(
    seed: int, unit: float, order: list[int]
) -> None:
    units = weekly_units(60, seed=seed)
    names = ["seasonal_naive", "TSB", "Croston", "naive"]
    for candidate in make_candidates(names, BaseFits()):
        one = candidate.forecast(origin_of(units, days_known=60)).mean
        scaled = candidate.forecast(origin_of(units * unit, days_known=60)).mean
        np.testing.assert_allclose(scaled, one * unit, rtol=1e-6)
        shuffled = LEAVES.iloc[order].reset_index(drop=True)
        demand = replace(make_demand(units[order]), leaves=shuffled)
        mixed = origin_at(demand, build_hierarchy(LEVELS, shuffled), days_known=60, horizon=10)
        np.testing.assert_allclose(candidate.forecast(mixed).mean, one, rtol=1e-9)


def test_prophet_itself_stands_behind_the_candidates() -> None:
    origin = origin_of(UNITS)
    ours, naive = make_candidates(["WLSS additive", "naive"], BaseFits())
    came = HIERARCHY.sum_leaves(UNITS[HIERARCHY.leaf_rows])[0, 120:]
    error = np.abs(ours.forecast(origin).mean[0] - came).mean()
    assert error < 0.6 * np.abs(naive.forecast(origin).mean[0] - came).mean()


def test_siblings_are_the_leaves_of_a_category_before_any_other_group() -> None:
    assert np.unique(sibling_group(HIERARCHY)).size == 2
    plain = build_hierarchy([[], ["location", "product"]], LEAVES)
    assert not sibling_group(plain).any()


def test_an_unknown_candidate_is_named() -> None:
    with pytest.raises(Invalid, match="'WLS additive'; there are naive"):
        make_candidates(["WLS additive"], BaseFits())
