"""A refresh, from the lake to the published forecast: the current version's weights, fitted to newer days."""

import time
from dataclasses import asdict, replace
from datetime import UTC, date, datetime

import numpy as np
import sqlalchemy as sa

from forecasting.contained import forecast_contained
from forecasting.forecast_finish import Progress
from forecasting.nodes.demand import Demand
from forecasting.publishing.keep_run import keep_run, prune_kept
from forecasting.publishing.learnt_store import read_learnt
from forecasting.publishing.publish import next_run_number, store_refresh
from forecasting.publishing.registry import Champion, read_champion
from forecasting.refresh import refresh_forecast
from forecasting.run import publication_of, read_chain, with_warnings
from forecasting.run_record import RunProgress, recorded_alone
from forecasting.run_report import ForecastReport, report_of
from forecasting.spec import ForecastSpec
from stocktide.domain.rhythm import rhythm_of
from stocktide.foundation.errors import Conflict
from stocktide.foundation.lake import Lake

# Reading, the fit, paths, writing, publishing.
STEPS = 5


def run_refresh(
    engine: sa.Engine,
    lake: Lake,
    spec: ForecastSpec,
    *,
    now: datetime | None = None,
    progress: Progress | None = None,
) -> ForecastReport | None:
    """Fit the current version again to newer periods and publish it as a new version; None if there are none.

    Nothing is tested: weights, reconciliation and scores are those of the version. now: aware, days not over by then
    are left out. progress: called with each step. Raises Conflict: `forecast_running`, `nothing_published`,
    `refresh_nothing_learnt`, `refresh_changed` (retrain), `refresh_overtaken`; NotFound (`lake_empty`).
    """
    with recorded_alone(engine, "refresh", progress, steps=STEPS) as tell:
        report = _refresh(engine, lake, spec, now or datetime.now(UTC), tell)
        tell.run.detail.update({"published": False} if report is None else asdict(report))
    return report


def _refresh(
    engine: sa.Engine,
    lake: Lake,
    spec: ForecastSpec,
    now: datetime,
    progress: RunProgress,
) -> ForecastReport | None:
    started, run = time.monotonic(), progress.run
    parent, parent_run = _parent(engine)
    progress("reading demand")
    demand, hierarchy, spec = read_chain(engine, lake, spec, now, run)
    fresh = new_periods(demand, parent.cutoff)
    if not fresh:
        return None
    learnt = read_learnt(lake, parent_run)
    made, failed = forecast_contained(
        demand,
        hierarchy,
        lambda demand: refresh_forecast(demand, hierarchy, spec, learnt, progress=progress),
        lambda demand: refresh_forecast(demand, hierarchy, spec, learnt),
    )
    demand = with_warnings(demand, failed, run)
    progress("writing the paths to the lake")
    number = next_run_number(engine)
    keep_run(lake, demand, hierarchy, made, number=number)
    progress("publishing")
    publication = publication_of(demand, hierarchy, made, None, run)
    more = rhythm_of(demand.frequency).counted(fresh)
    outcome = store_refresh(
        engine,
        replace(publication, detail={**publication.detail, "refreshed_from": parent.version}),
        run_id=run.run_id,
        parent=parent.version,
        reason=f"Refreshed from version {parent.version}: {more} more, the same weights and scores.",
        number=number,
    )
    prune_kept(engine, lake)
    return report_of(demand, hierarchy, made, None, outcome, time.monotonic() - started)


def _parent(engine: sa.Engine) -> tuple[Champion, int]:
    """Read the current version and its run. Raises Conflict (`nothing_published`)."""
    with engine.connect() as connection:
        champion = read_champion(connection)
    if champion is None or champion.forecast_run_id is None:
        raise Conflict(
            "nothing_published",
            "No forecast is published yet, so there is nothing to refresh; run `stocktide forecast`.",
        )
    return champion, champion.forecast_run_id


def new_periods(demand: Demand, cutoff: date) -> int:
    """Count the periods of the demand that end after a day."""
    grid = demand.regular
    return int(np.sum(grid.last_days(demand.days).date > cutoff))
