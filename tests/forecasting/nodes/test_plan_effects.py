"""Learnt effects as a table: what a caller looks at."""

import numpy as np
import pandas as pd

from forecasting import KnownAhead, PlannedRegressor, build_hierarchy, demand_of, from_long
from forecasting.nodes.plan_effects import plan_effects

LEAVES, DAYS, ELASTICITY = 12, 364, -1.8
LEVELS = ((), ("location", "product"))


def long_frame(units: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> pd.DataFrame:
    days = pd.date_range("2024-01-01", periods=DAYS)
    return pd.concat(
        pd.DataFrame({"unique_id": f"p{leaf:02}", "ds": days, "y": row})
        for leaf, row in enumerate(units)
    )


def test_plan_effects_are_those_that_made_the_demand_and_stand_beside_their_leaf() -> None:
    rng = np.random.default_rng(1)
    price = np.repeat(np.log(rng.choice([1.0, 1.0, 0.8, 0.7], (LEAVES, DAYS // 7))), 7, axis=1)
    units = rng.poisson(20 * np.exp(ELASTICITY * price)).astype(np.float64)
    keys = pd.DataFrame(
        {
            "unique_id": [f"p{leaf:02}" for leaf in range(LEAVES)],
            "product": [f"P{leaf:02}" for leaf in range(LEAVES)],
            "location": "S1",
        }
    )
    ahead = KnownAhead(regressors={"price": PlannedRegressor(price)})
    demand = demand_of(from_long(long_frame(units)), keys, ahead=ahead)
    found = plan_effects(demand, build_hierarchy(LEVELS, demand.leaves))
    assert sorted(found["product"]) == sorted(keys["product"])
    np.testing.assert_allclose(found["price"], ELASTICITY, rtol=0.1)


def test_plan_effects_have_no_column_when_nothing_was_planned() -> None:
    units = np.ones((1, DAYS))
    keys = pd.DataFrame({"unique_id": ["p00"], "product": ["P00"], "location": ["S1"]})
    demand = demand_of(from_long(long_frame(units)), keys)
    found = plan_effects(demand, build_hierarchy(LEVELS, demand.leaves))
    assert set(found) <= {"product", "location"}
