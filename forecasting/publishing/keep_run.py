"""The joint paths of a run and what it has learnt: kept in the lake as long as the database keeps the run's days."""

import sqlalchemy as sa

from forecasting.forecast_result import Forecast
from forecasting.intervals.joint_draw import draw_days, leaf_keys
from forecasting.nodes.demand import Demand
from forecasting.path_store import PathLineage, prune_paths, write_paths
from forecasting.publishing.learnt_store import prune_learnt, write_learnt
from forecasting.publishing.registry import VersionChange
from forecasting.structure.hierarchy import Hierarchy
from stocktide.foundation.lake import Lake

_KEPT = "SELECT forecast_run_id FROM forecast_runs WHERE pruned_at IS NULL"


def keep_run(
    engine: sa.Engine,
    lake: Lake,
    demand: Demand,
    hierarchy: Hierarchy,
    made: Forecast,
    outcome: VersionChange,
) -> None:
    """Write a run's leaf paths and what it has learnt to the lake, and remove those of runs that are no longer kept.

    Leaves that sell whole units get whole paths. A run that is killed here is published without paths in the lake.
    """
    with engine.connect() as connection:
        kept = {*connection.execute(sa.text(_KEPT)).scalars().all(), outcome.forecast_run_id}
    plan = made.path_plan
    lineage = PathLineage(
        forecast_run_id=outcome.forecast_run_id,
        version=outcome.version,
        cutoff=demand.cutoff.isoformat(),
        lake_version=demand.lake_version,
        frequency=demand.frequency,
        seed=plan.seed,
        horizon=plan.horizon,
    )
    days = demand.following(plan.horizon)
    write_paths(lake, lineage, leaf_keys(hierarchy), days, draw_days(plan), plan.whole)
    prune_paths(lake, kept)
    write_learnt(lake, outcome.forecast_run_id, made.learnt)
    prune_learnt(lake, kept)
