"""MLflow keeps the newest runs, and those whose forecast is stored."""

from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from forecasting.publishing.experiment import MODEL, TrackingStore, log_experiment, quiet_mlflow
from forecasting.publishing.experiments_kept import prune_experiments
from stocktide.foundation.errors import Transient


def logged(store: TrackingStore, model: Path) -> str:
    columns = ["level", "level_name", "model", "metric", "value"]
    errors = pd.DataFrame([(0, "total", "prophet", "wape", 0.2)], columns=columns)
    return log_experiment(store, params={}, errors=errors, metrics={}, lineage={}, model_dir=model)


def test_old_experiments_go_with_their_files_and_stored_ones_stay(
    database: sa.Engine, tmp_path: Path
) -> None:
    store = TrackingStore(f"sqlite:///{tmp_path / 'mlflow.db'}", (tmp_path / "mlflow").as_uri())
    model = tmp_path / "model"
    model.mkdir()
    (model / "fit.txt").write_text("x")
    runs = [logged(store, model) for _ in range(4)]
    with database.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO forecast_runs (cutoff, horizon_days, method, lake_version, hierarchy, mlflow_run_id)"
                " VALUES ('2026-01-01', 28, 'x', 1, '{}', :run)"
            ),
            {"run": runs[0]},
        )
    assert prune_experiments(store, database, kept=2) == 1
    with quiet_mlflow() as mlflow:
        client = mlflow.MlflowClient(tracking_uri=store.uri)
        everything = mlflow.entities.ViewType.ALL
        ids = [one.experiment_id for one in client.search_experiments()]
        left = {run.info.run_id for run in client.search_runs(ids, run_view_type=everything)}
        assert left == {runs[0], runs[2], runs[3]}
        assert len(client.search_model_versions(f"name = '{MODEL}'")) == 3
    folders = {path.name for path in (tmp_path / "mlflow").iterdir()}
    assert folders == {runs[0], runs[2], runs[3]}
    assert prune_experiments(store, database, kept=2) == 0


def test_a_store_that_is_away_is_transient(database: sa.Engine, tmp_path: Path) -> None:
    (tmp_path / "no").write_text("a file where a folder should be")
    store = TrackingStore(f"sqlite:///{tmp_path / 'no' / 'folder'}/x.db")
    with pytest.raises(Transient, match="did not list"):
        prune_experiments(store, database, kept=1)
