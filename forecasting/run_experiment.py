"""A run in MLflow: its settings, errors, picture and fitted models."""

import logging
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.forecast_result import Forecast
from forecasting.intervals.probabilities import QUANTILES
from forecasting.nodes.demand import Demand
from forecasting.prophet.fit_store import save_fits
from forecasting.publishing.experiment import TrackingStore, log_experiment
from forecasting.publishing.pictures import forecast_figure
from forecasting.run_report import run_counts
from forecasting.spec import ForecastSpec
from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.levels import level_name
from stocktide.domain.rhythm import rhythm_of
from stocktide.foundation.database_errors import first_line
from stocktide.foundation.runs import Run
from stocktide.foundation.telemetry import log

Array = NDArray[np.float64]


def log_run(
    store: TrackingStore | None,
    spec: ForecastSpec,
    demand: Demand,
    hierarchy: Hierarchy,
    made: Forecast,
    run: Run,
) -> str | None:
    """Log a run to MLflow and return its id there; None without a store.

    What cannot be logged, as to a store that is away, costs the entry, not the forecast; the run's record says so.
    """
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
    try:
        picture = _picture(demand, made)
        with tempfile.TemporaryDirectory(prefix="stocktide-models-") as folder:
            save_models(Path(folder), hierarchy, made)
            return log_experiment(
                store,
                params=params,
                errors=made.errors,
                metrics={n: float(v) for n, v in run_counts(hierarchy, made).items()},
                lineage=lineage,
                scores=made.scores,
                pictures={"forecast": picture},
                model_dir=Path(folder),
            )
    except Exception as error:  # noqa: BLE001 - whatever fails here, the forecast is published
        run.detail["mlflow"] = f"Not logged: {first_line(error)}"
        log("experiment_not_logged", level=logging.ERROR, error=repr(error)[:2000])
        return None


def _picture(demand: Demand, made: Forecast) -> Any:
    """Draw the chain's forecast."""
    low, high = QUANTILES.index(0.1), QUANTILES.index(0.9)
    return forecast_figure(
        demand.days,
        demand.following(made.mean.shape[1]),
        made.history[0],
        made.mean[0],
        made.quantiles[0, :, low],
        made.quantiles[0, :, high],
        unit=rhythm_of(demand.frequency).each(),
    )


def save_models(folder: Path, hierarchy: Hierarchy, made: Forecast) -> None:
    """Write the fitted models, one Parquet file per kind of model, and beside each the node of every row."""
    for response, groups in made.models.items():
        for number, group in enumerate(groups):
            name = f"{response}-{number}"
            save_fits(folder / f"{name}.parquet", group.model, group.fits)
            nodes = hierarchy.nodes.iloc[group.rows][["node_id", "level_name", "unique_id"]]
            nodes.to_parquet(folder / f"{name}-nodes.parquet", index=False)
