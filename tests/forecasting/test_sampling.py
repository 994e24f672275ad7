import numpy as np
import pandas as pd

from forecasting import QUANTILES, make_forecast, sample_paths
from forecasting.spec import ForecastSpec
from forecasting.structure.hierarchy import build_hierarchy
from tests.forecasting.demands import LEAVES, make_demand, weekly_units

LEVELS = ((), ("region",), ("location",), ("location", "product"))
SPEC = ForecastSpec(levels=LEVELS, horizon_days=7, candidates=("seasonal_naive",))


def test_paths_of_a_made_forecast_have_its_quantiles_and_belong_together() -> None:
    hierarchy, demand = build_hierarchy(LEVELS, LEAVES), make_demand(weekly_units(100))
    made = make_forecast(demand, hierarchy, SPEC)
    days = pd.date_range(demand.days[-1], periods=8)[1:]
    paths = sample_paths(made, days, count=200, seed=1)
    assert paths.values.shape == (200, hierarchy.n_leaves, 7)
    assert list(paths.leaves.columns) == ["location", "product"]
    plan = made.path_plan
    total = np.median(paths.values.sum(axis=1, dtype=np.float64), axis=0)
    unit = 1.0 if plan.whole.any() else 0.0
    np.testing.assert_allclose(
        total, made.quantiles[0, :, QUANTILES.index(0.5)], rtol=0.05, atol=unit
    )
    one = sample_paths(made, days, leaves=np.array([2]), count=200, seed=1)
    np.testing.assert_array_equal(one.values[:, 0], paths.values[:, 2])
