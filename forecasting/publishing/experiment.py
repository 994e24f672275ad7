"""The experiment log: each run's settings, scores, lineage, pictures and model in MLflow, and its model registry."""

import importlib
import json
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from forecasting.publishing.pictures import error_figure, png, score_figure
from forecasting.publishing.promotion import SCORE_METRICS
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Transient
from stocktide.foundation.settings import Settings

EXPERIMENT = "stocktide-forecast"
MODEL = "stocktide-forecast"
ALIASES = ("champion", "challenger")
# MLflow takes no more metrics and no longer parameters in one call.
METRICS_A_CALL = 1_000


@dataclass(frozen=True)
class TrackingStore:
    """uri: MLflow tracking URI, e.g. sqlite:///… or https://…. artifacts: their URI (None: the server says)."""

    uri: str
    artifacts: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> "TrackingStore":
        """Return the server that the settings (or MLFLOW_TRACKING_URI) name, else a local store in the home folder."""
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
    scores: pd.DataFrame | None = None,
    pictures: Mapping[str, Any] | None = None,
    model_dir: Path | None = None,
) -> str:
    """Log one run and return its MLflow run id; with a model, register it as the challenger.

    errors: frame of `evaluate`, logged as metrics `model.metric.level`, as a table and as a picture. scores: the
    backtest of `Publication`, logged alike, means over origins. lineage: JSON-able (levels, lake version, cutoff).
    pictures: Altair charts by name, logged as PNG. model_dir: folder of the model's arrays, logged as artifact `model`.
    Raises Transient (`mlflow_away`) if the store does not take it.
    """
    charts = {"errors": error_figure(errors), **(pictures or {})}
    if scores is not None and not scores.empty:
        charts["scores"] = score_figure(scores, metric=_metric(scores))
    with quiet_mlflow() as mlflow, away_as_transient(mlflow, store, "did not take the run"):
        client = mlflow.MlflowClient(tracking_uri=store.uri)
        run_id: str = client.create_run(_experiment_id(client, store)).info.run_id
        for name, value in params.items():
            client.log_param(run_id, name, value)
        _log_metrics(mlflow, client, run_id, {**_flat(errors), **_flat_scores(scores), **metrics})
        client.set_tag(run_id, "lake_version", lineage.get("lake_version"))
        client.log_text(run_id, json.dumps(dict(lineage), default=str, indent=2), "hierarchy.json")
        client.log_text(run_id, errors.to_csv(index=False), "errors.csv")
        if scores is not None:
            client.log_text(run_id, scores.to_csv(index=False), "scores.csv")
        _log_pictures(client, run_id, charts)
        if model_dir is not None:
            client.log_artifacts(run_id, str(model_dir), "model")
            _register(client, run_id)
        client.set_terminated(run_id)
    return run_id


def follow_registry(store: TrackingStore, engine: sa.Engine) -> dict[str, str | None]:
    """Point MLflow's aliases at what the tables say: `champion`, and `challenger` for a newer version that is not.

    The tables decide; MLflow follows. Returns the MLflow run ids by alias (None: no such model). Raises Transient.
    """
    with engine.connect() as connection:
        row = connection.execute(statement("forecasting/aliases")).mappings().one()
    wanted: dict[str, str | None] = {alias: row[alias] for alias in ALIASES}
    with quiet_mlflow() as mlflow, away_as_transient(mlflow, store, "did not take the aliases"):
        client = mlflow.MlflowClient(tracking_uri=store.uri)
        if not client.search_registered_models(filter_string=f"name = '{MODEL}'"):
            return dict.fromkeys(ALIASES)
        return {alias: _point(client, alias, wanted[alias]) for alias in ALIASES}


def _point(client: Any, alias: str, run_id: str | None) -> str | None:
    found = client.search_model_versions(f"run_id = '{run_id}'") if run_id else []
    if found:
        client.set_registered_model_alias(MODEL, alias, found[0].version)
        return run_id
    client.delete_registered_model_alias(MODEL, alias)
    return None


def _register(client: Any, run_id: str) -> None:
    if not client.search_registered_models(filter_string=f"name = '{MODEL}'"):
        client.create_registered_model(MODEL)
    source = f"{client.get_run(run_id).info.artifact_uri}/model"
    version = client.create_model_version(MODEL, source=source, run_id=run_id)
    client.set_registered_model_alias(MODEL, "challenger", version.version)


def _log_metrics(mlflow: Any, client: Any, run_id: str, values: Mapping[str, float]) -> None:
    now = int(time.time() * 1000)
    named = [mlflow.entities.Metric(name, value, now, 0) for name, value in values.items()]
    for start in range(0, len(named), METRICS_A_CALL):
        client.log_batch(run_id, metrics=named[start : start + METRICS_A_CALL])


def _log_pictures(client: Any, run_id: str, charts: Mapping[str, Any]) -> None:
    """Log charts as PNG; None, a chart without anything to draw, is left out."""
    with tempfile.TemporaryDirectory(prefix="stocktide-pictures-") as folder:
        for name, chart in charts.items():
            if chart is None:
                continue
            (Path(folder) / f"{name}.png").write_bytes(png(chart))
        client.log_artifacts(run_id, folder, "pictures")


@contextmanager
def away_as_transient(mlflow: Any, store: TrackingStore, what: str) -> Iterator[None]:
    """Raise Transient (`mlflow_away`) where the store fails. what: it did not do."""
    try:
        yield
    except (mlflow.exceptions.MlflowException, sa.exc.OperationalError, OSError) as error:
        raise Transient("mlflow_away", f"MLflow at {store.uri} {what}: {error}") from error


def _experiment_id(client: Any, store: TrackingStore) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    return str(client.create_experiment(EXPERIMENT, artifact_location=store.artifacts))


def _flat(errors: pd.DataFrame) -> dict[str, float]:
    """Key the scores as MLflow allows: seasonal_naive.wape.region_location."""
    known = errors.dropna(subset=["value"])
    return {
        f"{row.model}.{row.metric}.{str(row.level_name).replace(' / ', '_')}": float(str(row.value))
        for row in known.itertuples()
    }


def _metric(scores: pd.DataFrame) -> str:
    known = set(scores["metric"])
    return next((name for name in SCORE_METRICS if name in known), str(scores["metric"].iloc[0]))


def _flat_scores(scores: pd.DataFrame | None) -> dict[str, float]:
    """Key the backtest's scores as MLflow allows, mean over origins: backtest.ets.rmsse.region_location."""
    if scores is None:
        return {}
    known = scores[scores["demand_class"] == "all"].dropna(subset=["value"])
    means = known.groupby(["candidate", "metric", "level_name"])["value"].mean().reset_index()
    return {
        f"backtest.{row.candidate}.{row.metric}.{str(row.level_name).replace(' / ', '_')}": float(
            str(row.value)
        )
        for row in means.itertuples()
    }


@contextmanager
def quiet_mlflow() -> Iterator[Any]:
    """Import MLflow quietly and without its telemetry: a shop's site may have no internet access."""
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
