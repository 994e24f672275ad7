from typing import Any

import numpy as np
import pandas as pd
import pytest
from forecasting.nodes.prophet_fit import NodeForecasts

from forecasting.forecast import make_forecast
from forecasting.nodes import base_fit
from forecasting.spec import ForecastSpec
from forecasting.structure.hierarchy import build_hierarchy
from stocktide.errors import Invalid
from tests.forecasting.demands import LEAVES, make_demand, weekly_units

LEVELS = ((), ("region",), ("location",), ("location", "product"))
HIERARCHY = build_hierarchy(LEVELS, LEAVES)
SPEC = ForecastSpec(levels=LEVELS, horizon_days=7)


@pytest.fixture(autouse=True)
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """Fit by the last ten weeks (additive) or by nonsense (the other forms); tells how many days each fit saw."""
    days_seen: dict[str, list[int]] = {response: [] for response in base_fit.RESPONSES}

    def fit(response: str, Y: Any, days: pd.DatetimeIndex, horizon: int) -> NodeForecasts:
        days_seen[response].append(days.size)
        known = min(days.size // 7, 10) * 7
        weeks = np.nan_to_num(Y[:, -known:]).reshape(len(Y), -1, 7).mean(axis=1)
        good = np.tile(weeks, -(-horizon // 7))[:, :horizon]
        yhat = good if response == "additive" else np.full_like(good, 1e3)
        fitted = np.repeat(weeks.mean(axis=1)[:, None], days.size, axis=1)
        return NodeForecasts(yhat, fitted, (None,) * len(Y))

    for response in days_seen:
        monkeypatch.setitem(
            base_fit.RESPONSES,
            response,
            lambda Y, days, *, horizon, response=response, **_other: fit(
                response, Y, days, horizon
            ),
        )
    return days_seen


def test_the_choice_is_made_before_the_period_that_is_reported(seen: dict[str, list[int]]) -> None:
    demand = make_demand(weekly_units(100))
    made = make_forecast(demand, HIERARCHY, SPEC)
    assert all("additive" in name for name in made.choice.weights)
    # Three origins choose; the winner's form alone is fitted for the last period and for the future.
    assert seen["multiplicative"] == [72, 79, 86]
    assert seen["additive"] == [72, 79, 86, 93, 100]
    assert set(made.scores["origin"]) == {demand.days[known - 1].date() for known in (72, 79, 86)}
    assert {"chosen", "combination", "ETS", "TSB", "naive"} <= set(made.scores["candidate"])
    changed = demand.units.copy()
    changed[:, 93:] *= 50
    other = make_forecast(make_demand(changed), HIERARCHY, SPEC)
    assert other.choice == made.choice
    pd.testing.assert_frame_equal(other.scores, made.scores)
    assert not other.errors.equals(made.errors)


def test_a_forecast_adds_up_and_its_quantiles_rise() -> None:
    made = make_forecast(make_demand(weekly_units(100)), HIERARCHY, SPEC)
    np.testing.assert_allclose(made.mean, HIERARCHY.S @ made.mean[-HIERARCHY.n_leaves :], rtol=1e-6)
    assert (np.diff(made.quantiles, axis=2) >= 0).all()
    assert set(made.errors["model"]) == {"prophet", "seasonal_naive"}
    assert len(made.warnings) == HIERARCHY.n_nodes


def test_one_candidate_is_tested_and_taken() -> None:
    spec = ForecastSpec(levels=LEVELS, horizon_days=7, candidates=("seasonal_naive",))
    made = make_forecast(make_demand(weekly_units(100)), HIERARCHY, spec)
    assert made.choice.name == "seasonal_naive"
    assert made.choice.runner_up is None
    assert made.choice.score is not None
    ours = made.errors.pivot_table(index=["level", "metric"], columns="model", values="value")
    shared = ours.dropna()
    np.testing.assert_allclose(shared["prophet"], shared["seasonal_naive"])


@pytest.mark.parametrize(
    ("days", "origins", "tested"), [(30, 0, False), (40, 0, True), (43, 1, True)]
)
def test_a_young_chain_takes_the_method_of_its_settings(
    days: int, origins: int, tested: bool
) -> None:
    made = make_forecast(make_demand(weekly_units(days)), HIERARCHY, SPEC)
    assert made.choice.origins == origins
    assert made.errors.empty != tested
    if not origins:
        assert made.choice.name == "WLSS additive"
        assert made.scores.empty
    named = ForecastSpec(levels=LEVELS, horizon_days=7, candidates=("TSB",))
    assert make_forecast(make_demand(weekly_units(30)), HIERARCHY, named).choice.name == "TSB"


def test_settings_that_do_not_fit_the_levels_are_named_before_anything_is_fitted(
    seen: dict[str, list[int]],
) -> None:
    levels = ((), ("region",), ("department",), ("location", "product"))
    crossed = build_hierarchy(levels, LEAVES)
    demand = make_demand(weekly_units(60))
    with pytest.raises(Invalid, match="these levels cross"):
        make_forecast(demand, crossed, ForecastSpec(levels=levels, method="PHA"))
    fit_levels = (("region",), ("department",))
    with pytest.raises(Invalid, match="is the finest, and does not split"):
        make_forecast(demand, crossed, ForecastSpec(levels=levels, fit_levels=fit_levels))
    assert not any(seen.values())
