"""One forecast run, from the lake to the published forecast."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from forecasting.demand import Demand, read_demand
from forecasting.evaluate import evaluate
from forecasting.experiment import TrackingStore, log_experiment
from forecasting.hierarchy import Hierarchy, build_hierarchy
from forecasting.intervals import HeldOut, quantiles_of, stretch
from forecasting.levels import KNOWN_KEYS, level_name, parse_levels
from forecasting.origin import OriginForecast, forecast_from
from forecasting.publish import Publication, publish
from forecasting.spec import ForecastSpec
from stocktide.errors import Conflict, Transient
from stocktide.lake import Lake
from stocktide.runs import Run, recorded_run, single_flight
from stocktide.telemetry import log

Progress = Callable[[str], None]

# The held-out month is scored; the month before it teaches how wide intervals must be.
ORIGINS_BACK = 2
# A test without this much before it would test nothing.
TRAINING_DAYS_MIN = 28


@dataclass(frozen=True)
class ForecastReport:
    """What a run did. wape: by level name, of (prophet, seasonal naive) on the held-out days; empty without a test."""

    forecast_run_id: int
    cutoff: date
    lake_version: int
    nodes: int
    leaves: int
    warned: int
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
    """Evaluate, fit, reconcile, log and publish; on any error the published forecast stays what it was.

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
                engine, lake, spec, mlflow, now or datetime.now(UTC), progress or _silent, run
            )
            run.detail.update(asdict(report))
    log("forecast_finished", **run.detail)
    return report


def _silent(_step: str) -> None:
    pass


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
    held_out, errors = _backtest(demand, hierarchy, spec, progress)
    progress(f"fitting {hierarchy.n_nodes} nodes up to {demand.cutoff}")
    final = forecast_from(demand, hierarchy, spec, days_known=demand.days.size)
    detail = {
        "nodes": hierarchy.n_nodes,
        "days": demand.days.size,
        "warned": sum(code is not None for code in final.warnings),
    }
    progress("logging the experiment")
    mlflow_run_id = _log(store, spec, demand, errors, detail, run)
    progress("publishing")
    number = publish(
        engine,
        Publication(
            hierarchy=hierarchy,
            days=demand.days,
            history=final.history,
            mean=final.mean,
            quantiles=_quantiles(final, held_out, hierarchy),
            warnings=final.warnings,
            errors=errors,
            names=demand.names,
            method=spec.method,
            lake_version=demand.lake_version,
            mlflow_run_id=mlflow_run_id,
            detail=detail,
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
        wape=_wape(errors),
        mlflow_run_id=mlflow_run_id,
        seconds=round(time.monotonic() - started, 1),
    )


def _backtest(
    demand: Demand, hierarchy: Hierarchy, spec: ForecastSpec, progress: Progress
) -> tuple[list[HeldOut], pd.DataFrame]:
    """Forecast months that are known by now, oldest first; score the newest with intervals learnt on the older."""
    actual = hierarchy.sum_leaves(demand.units[hierarchy.leaf_rows])
    held_out: list[HeldOut] = []
    errors = pd.DataFrame(columns=["level", "level_name", "model", "metric", "value"])
    for back in range(ORIGINS_BACK, 0, -1):
        known = demand.days.size - back * spec.horizon_days
        if known < TRAINING_DAYS_MIN:
            continue
        progress(f"testing on the {spec.horizon_days} days after {demand.days[known - 1].date()}")
        origin = forecast_from(demand, hierarchy, spec, days_known=known)
        came = actual[:, known : known + spec.horizon_days]
        if back == 1:
            errors = evaluate(
                hierarchy,
                actual=came,
                mean=origin.mean,
                quantiles=_quantiles(origin, held_out, hierarchy),
                history=origin.history,
            )
        held_out.append(HeldOut(actual=came, mean=origin.mean, shape=origin.shape))
    return held_out, errors


def _quantiles(
    origin: OriginForecast, held_out: list[HeldOut], hierarchy: Hierarchy
) -> np.ndarray[Any, np.dtype[np.float64]]:
    factors = stretch(held_out, hierarchy.nodes["level"].to_numpy())
    return quantiles_of(origin.mean, origin.shape, factors) * origin.is_open[:, :, None]


def _log(
    store: TrackingStore | None,
    spec: ForecastSpec,
    demand: Demand,
    errors: pd.DataFrame,
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
    metrics = {name: float(value) for name, value in detail.items()}
    try:
        return log_experiment(store, params=params, errors=errors, metrics=metrics, lineage=lineage)
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
