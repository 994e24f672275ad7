"""Experiments that go: beyond the newest, and never one whose version is published or may be again."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import sqlalchemy as sa

from forecasting.publishing.experiment import MODEL, TrackingStore, away_as_transient, quiet_mlflow
from stocktide.foundation.errors import Transient

_KEPT = sa.text(
    "SELECT mlflow_run_id FROM forecast_runs WHERE pruned_at IS NULL AND mlflow_run_id IS NOT NULL"
)
PAGE = 500


def prune_experiments(store: TrackingStore, engine: sa.Engine, *, kept: int) -> int:
    """Delete MLflow runs beyond the newest `kept`, with their files where the store is local; returns how many.

    Raises Transient (`mlflow_away`).
    """
    with engine.connect() as connection:
        needed = set(connection.execute(_KEPT).scalars())
    with quiet_mlflow() as mlflow, away_as_transient(mlflow, store, "did not list its runs"):
        client = mlflow.MlflowClient(tracking_uri=store.uri)
        experiments = [one.experiment_id for one in client.search_experiments()]
        runs, page = [], None
        while True:
            found = client.search_runs(
                experiments,
                order_by=["attributes.start_time DESC"],
                max_results=PAGE,
                page_token=page,
            )
            runs += [run.info.run_id for run in found]
            page = found.token
            if not page:
                break
        surplus = [run for run in runs[kept:] if run not in needed]
        for run in surplus:
            for version in client.search_model_versions(f"run_id = '{run}'"):
                client.delete_model_version(MODEL, version.version)
            client.delete_run(run)
    if surplus and store.uri.startswith("sqlite:"):
        _collect(store, surplus)
    return len(surplus)


def _collect(store: TrackingStore, runs: Sequence[str]) -> None:
    """Delete the rows and files of deleted runs, by MLflow's own command; a server's are its operator's."""
    words = ["gc", "--backend-store-uri", store.uri, "--tracking-uri", store.uri]
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-m", "mlflow", *words], check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise Transient("mlflow_away", f"MLflow at {store.uri} did not delete its files: {last}")
    if store.artifacts is not None:
        # it leaves the folders that the files were in
        folder = Path(url2pathname(urlsplit(store.artifacts).path))
        for run in runs:
            shutil.rmtree(folder / run, ignore_errors=True)
