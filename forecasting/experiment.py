"""The experiment log: each run's settings, scores and lineage in MLflow."""

import importlib
import json
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd

from stocktide.errors import Transient
from stocktide.settings import Settings

EXPERIMENT = "stocktide-forecast"


@dataclass(frozen=True)
class TrackingStore:
    """uri: MLflow tracking URI, e.g. sqlite:///… or https://…. artifacts: their URI (None: the server says)."""

    uri: str
    artifacts: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> "TrackingStore":
        """Take the server that the settings (or MLFLOW_TRACKING_URI) name, else a local store in the home folder."""
        named = settings.mlflow_tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
        if named:
            return cls(named)
        home = settings.home.resolve()
        return cls(f"sqlite:///{home / 'mlflow.db'}", (home / "mlflow").as_uri())


def log_experiment(
    store: TrackingStore,
    *,
    params: Mapping[str, Any],
    errors: pd.DataFrame,
    metrics: Mapping[str, float],
    lineage: Mapping[str, Any],
) -> str:
    """Log one run and return its MLflow run id.

    errors: frame of `evaluate`, logged as metrics `model.metric.level`, as a table and as a picture. lineage: JSON-able
    (levels, lake version, cutoff). Raises Transient (`mlflow_away`) if the store does not take it.
    """
    with _mlflow() as mlflow:
        try:
            client = mlflow.MlflowClient(tracking_uri=store.uri)
            run_id: str = client.create_run(_experiment_id(client, store)).info.run_id
            for name, value in params.items():
                client.log_param(run_id, name, value)
            for name, value in {**_flat(errors), **metrics}.items():
                client.log_metric(run_id, name, value)
            client.set_tag(run_id, "lake_version", lineage.get("lake_version"))
            client.log_text(
                run_id, json.dumps(dict(lineage), default=str, indent=2), "hierarchy.json"
            )
            client.log_text(run_id, errors.to_csv(index=False), "errors.csv")
            client.log_text(run_id, error_figure(errors).to_html(), "errors.html")
            client.set_terminated(run_id)
        except (mlflow.exceptions.MlflowException, OSError) as error:
            raise Transient(
                "mlflow_away", f"MLflow at {store.uri} did not take the run: {error}"
            ) from error
    return run_id


def _experiment_id(client: Any, store: TrackingStore) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    return str(client.create_experiment(EXPERIMENT, artifact_location=store.artifacts))


def _flat(errors: pd.DataFrame) -> dict[str, float]:
    """Name the scores as MLflow allows: seasonal_naive.wape.region_location."""
    known = errors.dropna(subset=["value"])
    return {
        f"{row.model}.{row.metric}.{str(row.level_name).replace(' / ', '_')}": float(str(row.value))
        for row in known.itertuples()
    }


def error_figure(errors: pd.DataFrame) -> Any:
    """Draw the WAPE per level, a bar per model, as an altair chart."""
    import altair as alt

    wape = errors[errors["metric"] == "wape"][["level_name", "model", "value"]]
    return (
        alt.Chart(alt.Data(values=wape.to_dict("records")))
        .mark_bar()
        .encode(
            x=alt.X("level_name:N", sort=None, title="level"),
            xOffset="model:N",
            y=alt.Y("value:Q", title="WAPE, held-out days"),
            color="model:N",
        )
    )


@contextmanager
def _mlflow() -> Iterator[Any]:
    """Import MLflow quietly and without its reports home: a shop's site may have no way out, and need not tell."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    with warnings.catch_warnings():
        # It uses what SQLAlchemy and pydantic are about to drop; every call in this block is a call into MLflow.
        warnings.simplefilter("ignore", DeprecationWarning)
        mlflow = importlib.import_module("mlflow")
        loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
        before = [logger.level for logger in loggers]
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        try:
            yield mlflow
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
