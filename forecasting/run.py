"""One forecast run, from the lake to the published forecast."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from forecasting.choosing.contest import Holder
from forecasting.forecast import make_forecast
from forecasting.forecast_finish import silent
from forecasting.forecast_origins import all_origins
from forecasting.forecast_result import Forecast
from forecasting.frames.rhythm_found import calendar_grid
from forecasting.intervals.joint_draw import sum_days
from forecasting.intervals.probabilities import QUANTILES
from forecasting.known_ahead_tables import with_known_ahead
from forecasting.lake_demand import read_demand
from forecasting.lake_successions import read_successions
from forecasting.nodes.demand import Demand
from forecasting.prophet.fit_store import save_fits
from forecasting.publishing.checkpoint import Checkpoint, run_key
from forecasting.publishing.experiment import TrackingStore, log_experiment
from forecasting.publishing.keep_paths import keep_learnt, keep_paths
from forecasting.publishing.pictures import forecast_figure
from forecasting.publishing.publish import Publication, store_run
from forecasting.publishing.registry import Outcome, read_champion
from forecasting.spec import ForecastSpec
from forecasting.structure.hierarchy import Hierarchy, build_hierarchy
from forecasting.structure.levels import KNOWN_KEYS, level_name, parse_levels
from stocktide.errors import Conflict, Transient
from stocktide.lake import Lake
from stocktide.rhythm import rhythm_of
from stocktide.runs import Run, note_progress, recorded_run, single_flight
from stocktide.telemetry import log

Progress = Callable[[str], None]
Array = NDArray[np.float64]

# Paths that readers see of each node.
PATHS_SHOWN = 20
# The steps beside the origins: reading, the reported period, the last fit, paths, logging, publishing.
STEPS_BESIDE_ORIGINS = 6


@dataclass(frozen=True)
class ForecastReport:
    """What a run did. winner: what was fitted in the end. version, published, reason: what became of it.

    horizon_days: periods ahead. frequency: D, W, M or Q; rhythm: why this one was taken, and rhythm_warning: what
    does not fit it.
    warnings: what was pooled under a name.

    wape: by level name, of (the winner, seasonal naive) on the held-out days; empty without a test.
    """

    forecast_run_id: int
    cutoff: date
    lake_version: int
    nodes: int
    leaves: int
    warned: int
    winner: str
    version: int
    published: bool
    reason: str
    wape: dict[str, tuple[float, float]]
    mlflow_run_id: str | None
    seconds: float
    horizon_days: int = 28
    frequency: str = "D"
    rhythm: str = ""
    rhythm_warning: str | None = None
    warnings: tuple[str, ...] = ()


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

    mlflow: where to log (None: nowhere). now: aware, days not over by then are left out. progress: told each step.
    home: where finished steps are kept, so that a killed run goes on (None: nowhere).
    Raises Conflict (`forecast_running`) if a run is under way, NotFound (`lake_empty`), Invalid (bad levels, or a
    method that does not fit them).
    """
    with single_flight(engine, "forecast") as free:
        if not free:
            raise Conflict(
                "forecast_running",
                "A forecast run is under way; wait for it, or see `stocktide status`.",
            )
        with recorded_run(engine, "forecast") as run:
            tell = Teller(engine, run, progress or silent)
            report = _forecast(
                engine, lake, spec, mlflow, now or datetime.now(UTC), tell, run, home
            )
            run.detail.update(asdict(report))
    log("forecast_finished", **run.detail)
    return report


@dataclass
class Teller:
    """Tell each step to the caller and to the pages, with the share of the steps that are behind it."""

    engine: sa.Engine
    run: Run
    progress: Progress
    steps: int = STEPS_BESIDE_ORIGINS
    told: int = 0

    def __call__(self, step: str) -> None:
        note_progress(self.engine, self.run, step, min(self.told / self.steps, 0.99))
        self.told += 1
        self.progress(step)


def _forecast(
    engine: sa.Engine,
    lake: Lake,
    spec: ForecastSpec,
    store: TrackingStore | None,
    now: datetime,
    progress: Teller,
    run: Run,
    home: Path | None,
) -> ForecastReport:
    started = time.monotonic()
    progress("reading demand")
    demand, hierarchy, spec = read_chain(engine, lake, spec, now, run)
    progress.steps += len(all_origins(demand, spec))
    holder = _holder(engine)
    kept = Checkpoint(home, _key(lake, demand, spec))
    made = make_forecast(
        demand, hierarchy, spec, progress=progress, holder=holder, kept=kept.load_or_make
    )
    progress("logging the experiment")
    mlflow_run_id = _log(store, spec, demand, hierarchy, made, run)
    progress("publishing")
    publication = publication_of(demand, hierarchy, made, mlflow_run_id)
    outcome = store_run(engine, publication, run_id=run.run_id, rule=spec.rule)
    keep_paths(engine, lake, demand, hierarchy, made.path_plan, outcome)
    keep_learnt(engine, lake, made.learnt, outcome)
    kept.finish()
    return report_of(demand, hierarchy, made, mlflow_run_id, outcome, time.monotonic() - started)


def read_chain(
    engine: sa.Engine, lake: Lake, spec: ForecastSpec, now: datetime, run: Run
) -> tuple[Demand, Hierarchy, ForecastSpec]:
    """Read the demand and what is known ahead, and build the hierarchy; the spec in the demand's rhythm."""
    levels = parse_levels(spec.levels)
    demand = read_demand(
        lake,
        levels,
        now=now,
        best_sellers=spec.best_sellers,
        frequency=spec.frequency,
        successions=read_successions(engine),
    )
    spec = spec.in_rhythm(demand.frequency)
    demand = with_known_ahead(engine, lake, demand, horizon=spec.horizon_days, now=now)
    for warning in demand.warnings:
        log("demand_incomplete", warning=warning)
    if demand.warnings:
        run.detail["warnings"] = list(demand.warnings)
    if demand.rhythm is not None:
        run.detail["rhythm"] = demand.rhythm.reason
    return demand, build_hierarchy(levels, demand.leaves, known=KNOWN_KEYS), spec


def _holder(engine: sa.Engine) -> Holder | None:
    with engine.connect() as connection:
        champion = read_champion(connection)
    return None if champion is None else Holder(champion.cutoff, champion.choice)


def _key(lake: Lake, demand: Demand, spec: ForecastSpec) -> str:
    """Name the run by what its backtest depends on; a lake made anew may count its versions from 0 again."""
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
    demand: Demand, hierarchy: Hierarchy, made: Forecast, mlflow_run_id: str | None
) -> Publication:
    """Return what a run publishes."""
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
        detail=_detail(demand, hierarchy, made),
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


def _detail(demand: Demand, hierarchy: Hierarchy, made: Forecast) -> dict[str, int]:
    return {
        "nodes": hierarchy.n_nodes,
        "days": demand.days.size,
        "warned": sum(code is not None for code in made.warnings),
    }


def report_of(
    demand: Demand,
    hierarchy: Hierarchy,
    made: Forecast,
    mlflow_run_id: str | None,
    outcome: Outcome,
    seconds: float,
) -> ForecastReport:
    """Say what a run did and what became of it."""
    return ForecastReport(
        forecast_run_id=outcome.forecast_run_id,
        cutoff=demand.cutoff,
        lake_version=demand.lake_version,
        nodes=hierarchy.n_nodes,
        leaves=hierarchy.n_leaves,
        warned=_detail(demand, hierarchy, made)["warned"],
        winner=made.choice.name,
        version=outcome.version,
        published=outcome.published,
        reason=outcome.reason,
        wape=_wape(made.errors),
        mlflow_run_id=mlflow_run_id,
        seconds=round(seconds, 1),
        horizon_days=made.mean.shape[1],
        frequency=demand.frequency,
        rhythm="" if demand.rhythm is None else demand.rhythm.reason,
        rhythm_warning=None if demand.rhythm is None else demand.rhythm.warning,
        warnings=demand.warnings,
    )


def _log(
    store: TrackingStore | None,
    spec: ForecastSpec,
    demand: Demand,
    hierarchy: Hierarchy,
    made: Forecast,
    run: Run,
) -> str | None:
    """Log to MLflow. A store that is away costs the log entry, not the forecast; the run's record says so."""
    if store is None:
        return None
    lineage = {
        "levels": [level_name(level) for level in spec.levels],
        "lake_version": demand.lake_version,
        "cutoff": demand.cutoff,
    }
    params: dict[str, Any] = {n: v for n, v in asdict(spec).items() if n != "levels"}
    params |= {"cutoff": demand.cutoff, "lake_version": demand.lake_version}
    params["rhythm"] = demand.frequency
    params |= {"winner": made.choice.name, "weights": made.choice.as_dict()["weights"]}
    low, high = QUANTILES.index(0.1), QUANTILES.index(0.9)
    grid = calendar_grid("D") if demand.grid is None else demand.grid
    ahead = grid.following(demand.days[-1], made.mean.shape[1])
    picture = forecast_figure(
        demand.days,
        ahead,
        made.history[0],
        made.mean[0],
        made.quantiles[0, :, low],
        made.quantiles[0, :, high],
        unit=rhythm_of(demand.frequency).each(),
    )
    try:
        with tempfile.TemporaryDirectory(prefix="stocktide-models-") as folder:
            save_models(Path(folder), hierarchy, made)
            return log_experiment(
                store,
                params=params,
                errors=made.errors,
                metrics={n: float(v) for n, v in _detail(demand, hierarchy, made).items()},
                lineage=lineage,
                scores=made.scores,
                pictures={"forecast": picture},
                model_dir=Path(folder),
            )
    except Transient as error:
        run.detail["mlflow"] = error.message
        return None


def save_models(folder: Path, hierarchy: Hierarchy, made: Forecast) -> None:
    """Write the fitted models, a Parquet file a response form and kind of model, and which node each row is of."""
    for response, groups in made.models.items():
        for number, group in enumerate(groups):
            name = f"{response}-{number}"
            save_fits(folder / f"{name}.parquet", group.model, group.fits)
            nodes = hierarchy.nodes.iloc[group.rows][["node_id", "level_name", "unique_id"]]
            nodes.to_parquet(folder / f"{name}-nodes.parquet", index=False)


def _wape(errors: pd.DataFrame) -> dict[str, tuple[float, float]]:
    wape = errors[errors["metric"] == "wape"]
    return {
        str(name): (
            float(of.loc[of["model"] == "prophet", "value"].iloc[0]),
            float(of.loc[of["model"] == "seasonal_naive", "value"].iloc[0]),
        )
        for name, of in wape.groupby("level_name", sort=False)
    }
