"""One forecast run, from the lake to the published forecast."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime

import pandas as pd
import sqlalchemy as sa

from forecasting.demand import Demand, read_demand
from forecasting.experiment import TrackingStore, log_experiment
from forecasting.forecast import Forecast, make_forecast, silent
from forecasting.hierarchy import build_hierarchy
from forecasting.levels import KNOWN_KEYS, level_name, parse_levels
from forecasting.publish import Publication, publish
from forecasting.spec import ForecastSpec
from stocktide.errors import Conflict, Transient
from stocktide.lake import Lake
from stocktide.runs import Run, recorded_run, single_flight
from stocktide.telemetry import log

Progress = Callable[[str], None]


@dataclass(frozen=True)
class ForecastReport:
    """What a run did. winner: what the backtest chose.

    wape: by level name, of (the winner, seasonal naive) on the held-out days; empty without a test.
    """

    forecast_run_id: int
    cutoff: date
    lake_version: int
    nodes: int
    leaves: int
    warned: int
    winner: str
    wape: dict[str, tuple[float, float]]
    mlflow_run_id: str | None
    seconds: float


def run_forecast(
    engine: sa.Engine,
    lake: Lake,
    spec: ForecastSpec,
    *,
    mlflow: TrackingStore | None = None,
    now: datetime | None = None,
    progress: Progress | None = None,
) -> ForecastReport:
    """Backtest, choose, fit, reconcile, log and publish; on any error the published forecast stays what it was.

    mlflow: where to log (None: nowhere). now: aware, days not over by then are left out. progress: told each step.
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
            report = _forecast(
                engine, lake, spec, mlflow, now or datetime.now(UTC), progress or silent, run
            )
            run.detail.update(asdict(report))
    log("forecast_finished", **run.detail)
    return report


def _forecast(
    engine: sa.Engine,
    lake: Lake,
    spec: ForecastSpec,
    store: TrackingStore | None,
    now: datetime,
    progress: Progress,
    run: Run,
) -> ForecastReport:
    started = time.monotonic()
    progress("reading demand")
    levels = parse_levels(spec.levels)
    demand = read_demand(lake, levels, now=now, best_sellers=spec.best_sellers)
    hierarchy = build_hierarchy(levels, demand.leaves, known=KNOWN_KEYS)
    made = make_forecast(demand, hierarchy, spec, progress=progress)
    detail = {
        "nodes": hierarchy.n_nodes,
        "days": demand.days.size,
        "warned": sum(code is not None for code in made.warnings),
    }
    progress("logging the experiment")
    mlflow_run_id = _log(store, spec, demand, made, detail, run)
    progress("publishing")
    number = publish(
        engine,
        Publication(
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
            detail=detail,
            scores=made.scores,
            choice=made.choice.as_dict(),
        ),
        run_id=run.run_id,
    )
    return ForecastReport(
        forecast_run_id=number,
        cutoff=demand.cutoff,
        lake_version=demand.lake_version,
        nodes=hierarchy.n_nodes,
        leaves=hierarchy.n_leaves,
        warned=detail["warned"],
        winner=made.choice.name,
        wape=_wape(made.errors),
        mlflow_run_id=mlflow_run_id,
        seconds=round(time.monotonic() - started, 1),
    )


def _log(
    store: TrackingStore | None,
    spec: ForecastSpec,
    demand: Demand,
    made: Forecast,
    detail: dict[str, int],
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
    params = {name: value for name, value in asdict(spec).items() if name != "levels"}
    params |= {"cutoff": demand.cutoff, "lake_version": demand.lake_version}
    params |= {"winner": made.choice.name, "weights": made.choice.as_dict()["weights"]}
    metrics = {name: float(value) for name, value in detail.items()}
    try:
        return log_experiment(
            store,
            params=params,
            errors=made.errors,
            metrics=metrics,
            lineage=lineage,
            scores=made.scores,
        )
    except Transient as error:
        run.detail["mlflow"] = error.message
        return None


def _wape(errors: pd.DataFrame) -> dict[str, tuple[float, float]]:
    wape = errors[errors["metric"] == "wape"]
    return {
        str(name): (
            float(of.loc[of["model"] == "prophet", "value"].iloc[0]),
            float(of.loc[of["model"] == "seasonal_naive", "value"].iloc[0]),
        )
        for name, of in wape.groupby("level_name", sort=False)
    }
