"""A series on which our own code fails stops neither the others nor the publication."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.contained import FAILED, flattened, forecast_contained
from forecasting.forecast import make_forecast
from forecasting.forecast_result import Forecast
from forecasting.nodes.demand import Demand
from forecasting.nodes.known_ahead import KnownAhead, PlannedRegressor
from forecasting.spec import ForecastSpec
from forecasting.structure.hierarchy import build_hierarchy
from stocktide.foundation.errors import Invalid
from tests.forecasting.demands import LEAVES, make_demand, weekly_units

SPEC = ForecastSpec(
    levels=((), ("location",), ("location", "product")),
    candidates=("moving_average",),
    backtest_origins=1,
    horizon_days=7,
)
HIERARCHY = build_hierarchy(SPEC.levels, LEAVES)
DAYS = 80
FIRST_LEAF = HIERARCHY.n_nodes - HIERARCHY.n_leaves


def real(demand: Demand) -> Forecast:
    return make_forecast(demand, HIERARCHY, SPEC)


def failing_on(bad: set[int], true: Demand) -> Callable[[Demand], Forecast]:
    """Stand for a fault of ours that shows on some series only, as they were sold."""

    def make(demand: Demand) -> Forecast:
        if any(np.array_equal(demand.units[row], true.units[row]) for row in bad):
            raise IndexError("index 7 is out of bounds")
        return real(demand)

    return make


def node_of(row: int) -> int:
    return FIRST_LEAF + int(np.flatnonzero(HIERARCHY.leaf_rows == row)[0])


@settings(max_examples=3)
@given(st.sets(st.integers(0, 11), min_size=1, max_size=4))
def test_series_that_fail_are_forecast_as_their_mean_and_named(bad: set[int]) -> None:
    demand = make_demand(weekly_units(DAYS))
    make = failing_on(bad, demand)
    with pytest.raises(IndexError):
        make(demand)
    made, (warning,) = forecast_contained(demand, HIERARCHY, make, make)
    plain = real(demand)
    nodes = {node_of(row) for row in bad}
    assert {n for n, code in enumerate(made.warnings) if code == FAILED} == nodes
    for row in range(12):
        expected = demand.units[row, -28:].mean() if row in bad else plain.mean[node_of(row)]
        np.testing.assert_allclose(made.mean[node_of(row)], expected, rtol=1e-9)
    np.testing.assert_allclose(made.mean[0], made.mean[FIRST_LEAF:].sum(axis=0))
    # what was sold is shown as it was
    np.testing.assert_allclose(made.history, plain.history, atol=1e-6)
    first = LEAVES.iloc[min(bad)]
    assert f"{len(bad)} of 12 series" in warning
    assert f"product {first['product']}, department {first['department']}" in warning
    assert "IndexError: index 7" in warning


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_a_value_that_is_no_number_holds_up_its_series_alone(value: float) -> None:
    units = weekly_units(DAYS)
    units[3, 40] = value
    demand = make_demand(units)
    made, warnings = forecast_contained(demand, HIERARCHY, real, real)
    assert np.isfinite(made.mean).all()
    assert np.isfinite(made.history).all()
    assert len(warnings) <= 1
    assert (made.mean[node_of(4)] > 0).all()


def test_a_fault_of_most_series_is_raised() -> None:
    demand = make_demand(weekly_units(DAYS))
    make = failing_on(set(range(11)), demand)
    with pytest.raises(IndexError):
        forecast_contained(demand, HIERARCHY, make, make)


def test_an_error_that_says_what_to_do_is_raised_as_it_comes() -> None:
    def make(_demand: Demand) -> Forecast:
        raise Invalid("method", "Choose another method.")

    with pytest.raises(Invalid, match="another"):
        forecast_contained(make_demand(weekly_units(DAYS)), HIERARCHY, make, make)


def test_plans_that_fail_are_left_out() -> None:
    demand = make_demand(weekly_units(DAYS))
    planned = PlannedRegressor(np.ones((12, DAYS + 7)))
    demand = replace(demand, ahead=KnownAhead(regressors={"price": planned}))

    def make(given: Demand) -> Forecast:
        if given.ahead.regressors:
            raise ZeroDivisionError("price")
        return real(given)

    made, (warning,) = forecast_contained(demand, HIERARCHY, make, make)
    np.testing.assert_array_equal(made.mean, real(replace(demand, ahead=KnownAhead())).mean)
    assert "fails on the plans (ZeroDivisionError: price)" in warning


def test_flattened_keeps_what_it_is_given() -> None:
    demand = make_demand(weekly_units(DAYS))
    before = demand.units.copy()
    flattened(demand, [0, 5])
    np.testing.assert_array_equal(demand.units, before)


def test_min_trace_of_too_few_errors_weighs_by_variances() -> None:
    """One error a node has no covariance: the forecast was not a number."""
    units = np.zeros((12, 90))
    units[:, 0], units[3, 70] = 3.0, 1e15
    spec = replace(SPEC, candidates=("MinT-shrink log1p",), horizon_days=1)
    made = make_forecast(make_demand(units), HIERARCHY, spec)
    assert np.isfinite(made.mean).all()
    assert np.isfinite(made.quantiles).all()
