from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from forecasting.experts.explain import RECENT_LEVEL, RECONCILIATION, SIMPLE
from forecasting.forecast import make_forecast
from forecasting.forecast_result import Forecast
from forecasting.nodes.known_ahead import KnownAhead, PlannedRegressor
from forecasting.spec import ForecastSpec
from forecasting.structure.hierarchy import build_hierarchy
from tests.forecasting.demands import LEAVES, make_demand, weekly_units

pytestmark = pytest.mark.slow

LEVELS = ((), ("location",), ("location", "product"))
HIERARCHY = build_hierarchy(LEVELS, LEAVES)
M, HORIZON = HIERARCHY.n_leaves, 14


def made_with(*names: str, fit_levels: tuple[tuple[str, ...], ...] | None = None) -> Forecast:
    spec = ForecastSpec(
        levels=LEVELS,
        horizon_days=HORIZON,
        candidates=names,
        backtest_origins=2,
        fit_levels=fit_levels,
        holidays_country="GB",
    )
    return make_forecast(make_demand(weekly_units(120)), HIERARCHY, spec)


def total(parts: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.asarray(np.sum(list(parts.values()), axis=0))


def assert_adds_up(made: Forecast) -> None:
    parts = made.explanation
    np.testing.assert_allclose(total(parts.leaves), made.mean[-M:], rtol=1e-6, atol=1e-6)
    whole = total(parts.upper)
    assert whole.shape == (HIERARCHY.n_nodes - M, len(parts.days))
    np.testing.assert_allclose(whole[:, -HORIZON:], made.mean[:-M], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["mixture", "WLSS log1p", "BU multiplicative", "ETS", "naive"])
def test_parts_add_up_to_the_published_mean(name: str) -> None:
    made = made_with(name)
    assert_adds_up(made)
    assert len(made.explanation.days) == 120 + HORIZON
    parts = set(made.explanation.upper)
    if name in ("ETS", "naive"):
        assert parts == {RECONCILIATION}
    else:
        assert {"trend", "weekly", RECENT_LEVEL, RECONCILIATION} <= parts
        # what only a forecast has is 0 in the past
        for only in parts & {RECENT_LEVEL, RECONCILIATION, SIMPLE}:
            assert not made.explanation.upper[only][:, :-HORIZON].any()
    assert (SIMPLE in parts) == (name == "mixture")


def test_the_past_is_what_the_models_say_of_it() -> None:
    made = made_with("WLSS additive")
    past = total(made.explanation.upper)[:, :-HORIZON]
    came = made.history[:-M, -past.shape[1] :]
    errors = np.abs(past - came).mean(axis=1) / came.mean(axis=1)
    assert (errors < 0.25).all()


def test_levels_without_models_are_what_reconciling_gives_them() -> None:
    made = made_with("mixture", fit_levels=((), ("location",)))
    assert_adds_up(made)
    assert set(made.explanation.leaves) == {RECONCILIATION}


def test_plans_are_parts_of_their_own_at_every_level() -> None:
    rng = np.random.default_rng(0)
    shown = (rng.random((12, 120 + HORIZON)) < 0.2).astype(np.float64)
    units = weekly_units(120) * (1.0 + shown[:, :120])
    ahead = KnownAhead(regressors={"display": PlannedRegressor(shown)})
    demand = replace(make_demand(units), ahead=ahead)
    spec = ForecastSpec(
        levels=LEVELS, horizon_days=HORIZON, candidates=("mixture",), backtest_origins=2
    )
    made = make_forecast(demand, HIERARCHY, spec)
    assert_adds_up(made)
    assert made.explanation.leaves["display"].max() > 0
    assert not made.explanation.upper["display"][:, :-HORIZON].any()
    assert made.explanation.upper["display"][0, -HORIZON:].sum() > 0
