"""Report of a run: what it did, and its version's change."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from forecasting.forecast_result import Forecast
from forecasting.nodes.demand import Demand
from forecasting.publishing.registry import VersionChange
from forecasting.structure.hierarchy import Hierarchy


@dataclass(frozen=True)
class ForecastReport:
    """Report of a run.

    winner: the choice that was fitted. version, published, reason: what became of it. wape: level name -> (winner,
    seasonal naive) on the reported period; empty without a test. horizon_days: periods ahead. frequency: D, W, M or Q;
    rhythm: why it was taken, and rhythm_warning: what does not fit it. warnings: what was pooled under a name.
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


def report_of(
    demand: Demand,
    hierarchy: Hierarchy,
    made: Forecast,
    mlflow_run_id: str | None,
    outcome: VersionChange,
    seconds: float,
) -> ForecastReport:
    """Report what a run did and what became of its version. seconds: that it took."""
    return ForecastReport(
        forecast_run_id=outcome.forecast_run_id,
        cutoff=demand.cutoff,
        lake_version=demand.lake_version,
        nodes=hierarchy.n_nodes,
        leaves=hierarchy.n_leaves,
        warned=run_counts(hierarchy, made)["warned"],
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


def run_counts(hierarchy: Hierarchy, made: Forecast) -> dict[str, int]:
    """Count the nodes, the days of history, the nodes with a warning, and leaves of whose past nothing is said."""
    return {
        "nodes": hierarchy.n_nodes,
        "days": made.history.shape[1],
        "warned": sum(code is not None for code in made.warnings),
        "past_unknown": int(np.isnan(made.past.expected).all(axis=1).sum()),
    }


def _wape(errors: pd.DataFrame) -> dict[str, tuple[float, float]]:
    wape = errors[errors["metric"] == "wape"]
    return {
        str(name): (
            float(of.loc[of["model"] == "prophet", "value"].iloc[0]),
            float(of.loc[of["model"] == "seasonal_naive", "value"].iloc[0]),
        )
        for name, of in wape.groupby("level_name", sort=False)
    }
