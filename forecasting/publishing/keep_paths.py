"""The joint paths of a run and what it has learnt, kept in the lake for as long as the database keeps its days."""

import pandas as pd
import sqlalchemy as sa

from forecasting.choosing.kept import Learnt
from forecasting.frames.frequency import grid_of
from forecasting.intervals.joint_draw import PathPlan, draw_days, leaf_keys
from forecasting.nodes.demand import Demand
from forecasting.path_store import PathLineage, prune_paths, write_paths
from forecasting.publishing.learnt_store import prune_learnt, write_learnt
from forecasting.publishing.registry import Outcome
from forecasting.structure.hierarchy import Hierarchy
from stocktide.lake import Lake

_KEPT = "SELECT forecast_run_id FROM forecast_runs WHERE pruned_at IS NULL"


def keep_paths(
    engine: sa.Engine,
    lake: Lake,
    demand: Demand,
    hierarchy: Hierarchy,
    plan: PathPlan,
    outcome: Outcome,
) -> list[int]:
    """Draw and write a run's leaf paths, and remove those of runs that are no longer kept; returns the removed runs.

    Leaves that sell whole units get whole paths. Killed before its end, it leaves the run without paths in the lake.
    """
    days = days_ahead(demand, plan.horizon)
    lineage = PathLineage(
        forecast_run_id=outcome.forecast_run_id,
        version=outcome.version,
        cutoff=demand.cutoff.isoformat(),
        lake_version=demand.lake_version,
        frequency=demand.frequency,
        seed=plan.seed,
        horizon=len(days),
    )
    write_paths(lake, lineage, leaf_keys(hierarchy), days, draw_days(plan), plan.whole)
    with engine.connect() as connection:
        kept = connection.execute(sa.text(_KEPT)).scalars().all()
    return prune_paths(lake, {*kept, outcome.forecast_run_id})


def keep_learnt(engine: sa.Engine, lake: Lake, learnt: Learnt, outcome: Outcome) -> list[int]:
    """Write what a run has learnt, and remove that of runs that are no longer kept; returns the removed runs."""
    write_learnt(lake, outcome.forecast_run_id, learnt)
    with engine.connect() as connection:
        kept = connection.execute(sa.text(_KEPT)).scalars().all()
    return prune_learnt(lake, {*kept, outcome.forecast_run_id})


def days_ahead(demand: Demand, horizon: int) -> pd.DatetimeIndex:
    """Return the first days of the periods that follow the demand, (h,)."""
    grid = demand.grid or grid_of(demand.days, "D")
    return grid.following(demand.days[-1], horizon)
