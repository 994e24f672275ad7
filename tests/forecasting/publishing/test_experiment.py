from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from forecasting.publishing.experiment import (
    EXPERIMENT,
    MODEL,
    TrackingStore,
    follow_registry,
    log_experiment,
)
from forecasting.publishing.pictures import forecast_figure
from forecasting.publishing.publish import store_run
from forecasting.publishing.registry import rollback
from stocktide.foundation.errors import Transient
from stocktide.foundation.settings import Settings
from tests.forecasting.publications import publication, scores_of

pytestmark = pytest.mark.usefixtures("store_made")
PNG = b"\x89PNG"

ERRORS = pd.DataFrame(
    {
        "level": [0, 0, 1],
        "level_name": ["total", "total", "region / location"],
        "model": ["prophet", "seasonal_naive", "prophet"],
        "metric": ["wape", "wape", "rmsse"],
        "value": [0.1, 0.2, float("nan")],
    }
)


def test_log_experiment_keeps_params_scores_and_lineage(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    store = TrackingStore.of(Settings(home=home))
    run_id = log_experiment(
        store,
        params={"method": "BU"},
        errors=ERRORS,
        metrics={"nodes": 3.0},
        lineage={"lake_version": 4, "levels": ["total"]},
    )
    import mlflow

    client = mlflow.MlflowClient(tracking_uri=store.uri)
    run = client.get_run(run_id)
    assert run.data.params == {"method": "BU"}
    assert run.data.metrics == {
        "prophet.wape.total": 0.1,
        "seasonal_naive.wape.total": 0.2,
        "nodes": 3.0,
    }
    assert run.data.tags["lake_version"] == "4"
    assert run.info.status == "FINISHED"
    assert client.get_experiment_by_name(EXPERIMENT) is not None
    names = {artifact.path for artifact in client.list_artifacts(run_id)}
    assert names == {"hierarchy.json", "errors.csv", "pictures"}
    assert next(home.rglob("errors.png")).read_bytes().startswith(PNG)
    assert client.search_registered_models() == []


def test_log_experiment_leaves_out_pictures_that_would_show_nothing_when_nothing_was_tested(
    home: Path,
) -> None:
    """The first period of a chain has nothing to test on: no picture, but a run like any other."""
    store = TrackingStore.of(Settings(home=home))
    scores = scores_of({"chosen": 0.5}, origins=("2024-11-01",))
    run_id = log_experiment(
        store,
        params={},
        errors=ERRORS.assign(value=float("nan")),
        metrics={},
        lineage={"lake_version": 4},
        scores=scores.assign(value=float("nan")),
    )
    import mlflow

    client = mlflow.MlflowClient(tracking_uri=store.uri)
    assert client.get_run(run_id).info.status == "FINISHED"
    assert client.list_artifacts(run_id, "pictures") == []


def model_of(home: Path, text: str) -> Path:
    folder = home / "made"
    folder.mkdir(exist_ok=True)
    (folder / "beta.parquet").write_text(text)
    return folder


def log_model(store: TrackingStore, home: Path, text: str = "arrays") -> str:
    days = pd.date_range("2025-01-01", periods=9)
    line = np.arange(3.0)
    ahead = pd.date_range("2025-01-10", periods=3)
    picture = forecast_figure(days, ahead, np.arange(9.0), line, line - 1, line + 1)
    return log_experiment(
        store,
        params={},
        errors=ERRORS,
        metrics={},
        lineage={"lake_version": 4},
        scores=scores_of({"chosen": 0.5, "ets": 0.75}, origins=("2024-11-01", "2024-12-01")),
        pictures={"forecast": picture},
        model_dir=model_of(home, text),
    )


def test_log_experiment_registers_the_model_with_pictures_and_backtest(home: Path) -> None:
    store = TrackingStore.of(Settings(home=home))
    run_id = log_model(store, home)
    import mlflow

    client = mlflow.MlflowClient(tracking_uri=store.uri)
    version = client.get_model_version_by_alias(MODEL, "challenger")
    assert version.run_id == run_id
    assert client.get_run(run_id).data.metrics["backtest.ets.rmsse.location_product"] == 0.75
    kept = home / "mlflow" / run_id / "artifacts"
    assert (kept / "model" / "beta.parquet").read_text() == "arrays"
    pictures = sorted(path.name for path in (kept / "pictures").iterdir())
    assert pictures == ["errors.png", "forecast.png", "scores.png"]
    assert all((kept / "pictures" / name).read_bytes().startswith(PNG) for name in pictures)


def test_aliases_follow_the_tables_through_win_loss_and_rollback(
    database: sa.Engine, home: Path
) -> None:
    store = TrackingStore.of(Settings(home=home))
    assert follow_registry(store, database) == {"champion": None, "challenger": None}
    good = {"scores": scores_of({"chosen": 0.5, "a": 0.5}), "choice": {"winner": "a"}}
    runs = []
    for fields in (good, good, {"scores": scores_of({"chosen": 0.9, "a": 0.5})}):
        runs.append(log_model(store, home))
        store_run(database, publication(mlflow_run_id=runs[-1], **fields), run_id=None)
    assert follow_registry(store, database) == {"champion": runs[1], "challenger": runs[2]}
    with database.begin() as connection:
        rollback(connection, by="anna", reason="a test")
    assert follow_registry(store, database) == {"champion": runs[0], "challenger": runs[2]}
    import mlflow

    client = mlflow.MlflowClient(tracking_uri=store.uri)
    assert client.get_model_version_by_alias(MODEL, "champion").run_id == runs[0]


def test_aliases_are_transient_when_the_store_is_away(database: sa.Engine, tmp_path: Path) -> None:
    (tmp_path / "no").write_text("a file where a folder should be")
    away = TrackingStore(f"sqlite:///{tmp_path / 'no' / 'folder'}/x.db")
    with pytest.raises(Transient, match="did not take the aliases"):
        follow_registry(away, database)


@pytest.mark.slow
def test_log_experiment_is_transient_when_the_store_is_away(tmp_path: Path) -> None:
    away = TrackingStore(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder'}/x.db")
    (tmp_path / "no").write_text("a file where a folder should be")
    with pytest.raises(Transient, match="did not take the run"):
        log_experiment(away, params={}, errors=ERRORS, metrics={}, lineage={})


def test_tracking_store_takes_the_server_that_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example")
    assert TrackingStore.of(Settings(home=home)) == TrackingStore("https://mlflow.example")
