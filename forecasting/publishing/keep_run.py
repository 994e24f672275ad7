"""What a run keeps in the lake as long as the database keeps its days: joint paths, the past, what it has learnt."""

import sqlalchemy as sa

from forecasting.forecast_result import Forecast
from forecasting.intervals.joint_draw import draw_days, leaf_keys
from forecasting.nodes.demand import Demand
from forecasting.past_store import prune_past, write_past
from forecasting.path_store import PathLineage, prune_paths, write_paths
from forecasting.publishing.learnt_store import prune_learnt, write_learnt
from forecasting.structure.hierarchy import Hierarchy
from stocktide.foundation.lake import Lake

_KEPT = "SELECT forecast_run_id FROM forecast_runs WHERE pruned_at IS NULL"


def keep_run(
    lake: Lake, demand: Demand, hierarchy: Hierarchy, made: Forecast, *, number: int
) -> None:
    """Write a run's leaf paths, what it says of the past, and what it has learnt to the lake.

    Called before the run is published: orders and refreshes find at every moment what the published run needs, also
    when the process is killed in between. number: of `next_run_number`. Leaves that sell whole units get whole paths.
    """
    plan = made.path_plan
    lineage = PathLineage(
        forecast_run_id=number,
        cutoff=demand.cutoff.isoformat(),
        lake_version=demand.lake_version,
        frequency=demand.frequency,
        seed=plan.seed,
        horizon=plan.horizon,
    )
    days = demand.following(plan.horizon)
    write_past(lake, number, leaf_keys(hierarchy), made.past)
    write_paths(lake, lineage, leaf_keys(hierarchy), days, draw_days(plan), plan.whole)
    write_learnt(lake, number, made.learnt)


def prune_kept(engine: sa.Engine, lake: Lake) -> None:
    """Remove from the lake what runs left there whose days the database no longer keeps, or that never published."""
    with engine.connect() as connection:
        kept = set(connection.execute(sa.text(_KEPT)).scalars())
    prune_paths(lake, kept)
    prune_learnt(lake, kept)
    prune_past(lake, kept)
