"""Effects of prices, promotions and other plans on each leaf, as a table to look at."""

import pandas as pd

from forecasting.nodes.demand import Demand
from forecasting.nodes.origin import origin_at
from forecasting.nodes.rivals import RIVALS
from forecasting.structure.hierarchy import Hierarchy


def plan_effects(
    demand: Demand, hierarchy: Hierarchy, *, holidays_country: str | None = None
) -> pd.DataFrame:
    """Learn the effects that a forecast from the end of the demand uses: a row per leaf, in the hierarchy's order.

    Columns: the leaf's keys, and one per regressor of `demand.ahead`. An effect is added to the logarithm of demand: of
    log(price / usual price) it is the elasticity, of a promotion exp(effect) is the factor. No such column where
    nothing was planned in the past. A column "plans of other products" tells what the leaf loses (below 0) or wins
    where plans raise the demand for the rest of its category in its shop: by this share of the change in logarithms.
    Raises Invalid (`country_unknown`).
    """
    origin = origin_at(
        demand,
        hierarchy,
        days_known=demand.days.size,
        horizon=1,
        holidays_country=holidays_country,
    )
    keys = demand.leaves.iloc[hierarchy.leaf_rows].reset_index(drop=True)
    if origin.effects is None:
        return keys
    effects = origin.effects
    learnt = pd.DataFrame(effects.own.leaf, columns=list(effects.names))
    if effects.change_over is not None:
        learnt[RIVALS] = effects.change_over
    return pd.concat([keys, learnt], axis="columns")
