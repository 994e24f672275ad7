from pathlib import Path

import pandas as pd
import pytest

from forecasting.experiment import EXPERIMENT, TrackingStore, log_experiment
from stocktide.errors import Transient
from stocktide.settings import Settings

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
    assert names == {"hierarchy.json", "errors.csv", "errors.html"}
    assert "vega" in (next(home.rglob("errors.html"))).read_text("utf-8")


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
