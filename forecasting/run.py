"""One forecast run, from the lake to the published forecast."""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from forecasting.choosing.contest import CurrentVersion
from forecasting.contained import forecast_contained
from forecasting.forecast import make_forecast
from forecasting.forecast_finish import Progress
from forecasting.forecast_origins import all_origins
from forecasting.forecast_result import Forecast
from forecasting.intervals.joint_draw import sum_days
from forecasting.known_ahead_tables import with_known_ahead
from forecasting.lake_demand import read_demand
from forecasting.lake_successions import read_successions
from forecasting.lake_unusual import read_unusual_days
from forecasting.nodes.demand import Demand
from forecasting.not_final import read_not_final
from forecasting.publishing.checkpoint import Checkpoint, run_key
from forecasting.publishing.experiment import TrackingStore
from forecasting.publishing.keep_run import keep_run, prune_kept
from forecasting.publishing.publish import Publication, next_run_number, store_run
from forecasting.publishing.registry import read_champion
from forecasting.run_experiment import log_run
from forecasting.run_record import RunProgress, recorded_alone
from forecasting.run_report import ForecastReport, report_of, run_counts
from forecasting.spec import ForecastSpec
from forecasting.structure.hierarchy import Hierarchy, build_hierarchy
from forecasting.structure.levels import KNOWN_KEYS, parse_levels
from stocktide.foundation.lake import Lake
from stocktide.foundation.runs import Run
from stocktide.foundation.telemetry import log

Array = NDArray[np.float64]

# Paths that readers see of each node.
PATHS_SHOWN = 20
# The steps beside the origins: reading, the reported period, the last fit, paths, logging, writing, publishing.
STEPS_BESIDE_ORIGINS = 7


def run_forecast(
    engine: sa.Engine,
    lake: Lake,
    spec: ForecastSpec,
    *,
    mlflow: TrackingStore | None = None,
    now: datetime | None = None,
    progress: Progress | None = None,
    home: Path | None = None,
) -> ForecastReport:
    """Backtest, choose, fit, reconcile, log and publish; on any error the published forecast stays what it was.

    mlflow: where to log (None: nowhere). now: aware; days that are not over by then are left out. progress: called with
    each step. home: where finished steps are kept, so that a killed run can resume (None: nowhere).
    Raises Conflict (`forecast_running`) if a run is under way, NotFound (`lake_empty`), Invalid (bad levels, or a
    method that does not fit them).
    """
    with recorded_alone(engine, "forecast", progress, steps=STEPS_BESIDE_ORIGINS) as tell:
        report = _forecast(engine, lake, spec, mlflow, now or datetime.now(UTC), tell, home)
        tell.run.detail.update(asdict(report))
    return report


def _forecast(
    engine: sa.Engine,
    lake: Lake,
    spec: ForecastSpec,
    store: TrackingStore | None,
    now: datetime,
    progress: RunProgress,
    home: Path | None,
) -> ForecastReport:
    started, run = time.monotonic(), progress.run
    progress("reading demand")
    demand, hierarchy, spec = read_chain(engine, lake, spec, now, run)
    progress.steps += len(all_origins(demand, spec))
    champion = _champion(engine)
    kept = Checkpoint(home, _key(lake, demand, spec))
    made, failed = forecast_contained(
        demand,
        hierarchy,
        lambda demand: make_forecast(
            demand, hierarchy, spec, progress=progress, champion=champion, kept=kept.load_or_make
        ),
        lambda demand: make_forecast(demand, hierarchy, spec, champion=champion),
    )
    demand = with_warnings(demand, failed, run)
    progress("logging the experiment")
    mlflow_run_id = log_run(store, spec, demand, hierarchy, made, run)
    progress("writing the paths to the lake")
    publication = publication_of(demand, hierarchy, made, mlflow_run_id, run)
    number = next_run_number(engine)
    keep_run(lake, demand, hierarchy, made, number=number)
    progress("publishing")
    outcome = store_run(engine, publication, run_id=run.run_id, rule=spec.rule, number=number)
    prune_kept(engine, lake)
    kept.finish()
    return report_of(demand, hierarchy, made, mlflow_run_id, outcome, time.monotonic() - started)


def read_chain(
    engine: sa.Engine, lake: Lake, spec: ForecastSpec, now: datetime, run: Run
) -> tuple[Demand, Hierarchy, ForecastSpec]:
    """Read the demand and what is known ahead, and build the hierarchy; the spec in the demand's rhythm.

    Days of it that are not final are noted in the run.
    """
    levels = parse_levels(spec.levels)
    demand = read_demand(
        lake,
        levels,
        now=now,
        best_sellers=spec.best_sellers,
        frequency=spec.frequency,
        successions=read_successions(engine),
        unusual=read_unusual_days(engine, at=datetime.now(UTC)),
    )
    spec = spec.in_rhythm(demand.frequency)
    demand = with_known_ahead(engine, lake, demand, horizon=spec.horizon_days, now=now)
    demand = with_warnings(replace(demand, warnings=()), demand.warnings, run)
    if late := read_not_final(engine, cutoff=demand.cutoff, now=now):
        run.detail["not_final"] = late
    if demand.rhythm is not None:
        run.detail["rhythm"] = demand.rhythm.reason
    return demand, build_hierarchy(levels, demand.leaves, known=KNOWN_KEYS), spec


def with_warnings(demand: Demand, more: Sequence[str], run: Run) -> Demand:
    """Return the demand with more warnings for people, which are logged and noted in the run."""
    for warning in more:
        log("forecast_warning", warning=warning)
    warned = replace(demand, warnings=(*demand.warnings, *more))
    if warned.warnings:
        run.detail["warnings"] = list(warned.warnings)
    return warned


def _champion(engine: sa.Engine) -> CurrentVersion | None:
    with engine.connect() as connection:
        champion = read_champion(connection)
    return None if champion is None else CurrentVersion(champion.cutoff, champion.choice)


def _key(lake: Lake, demand: Demand, spec: ForecastSpec) -> str:
    """Return a run's name by what its backtest depends on; a recreated lake may count its versions from 0 again."""
    tested = replace(spec, promotion_margin=0.0, champion_days_max=1)
    return run_key(
        lake=lake.root,
        lake_version=demand.lake_version,
        units=float(demand.units.sum()),
        cutoff=demand.cutoff,
        ahead=demand.ahead.fingerprint(),
        successions=""
        if demand.successions is None
        else demand.successions.table.to_csv(index=False),
        frequency=demand.frequency,
        spec=asdict(tested),
    )


def publication_of(
    demand: Demand, hierarchy: Hierarchy, made: Forecast, mlflow_run_id: str | None, run: Run
) -> Publication:
    """Return what a run publishes."""
    late = {"not_final": run.detail["not_final"]} if "not_final" in run.detail else {}
    return Publication(
        hierarchy=hierarchy,
        days=demand.days,
        history=made.history,
        mean=made.mean,
        quantiles=made.quantiles,
        warnings=made.warnings,
        errors=made.errors,
        names=demand.names,
        method=made.choice.name,
        lake_version=demand.lake_version,
        mlflow_run_id=mlflow_run_id,
        detail={**run_counts(hierarchy, made), **late},
        components=made.explanation.upper,
        component_days=made.explanation.days,
        leaf_components=made.explanation.leaves,
        paths=sum_days(made.path_plan, PATHS_SHOWN),
        scores=made.scores,
        choice=made.choice.as_dict(),
        score=made.score,
        champion_score=made.champion_score,
        grid=demand.grid,
        one_day=demand.rhythm is not None and demand.rhythm.one_day,
    )
