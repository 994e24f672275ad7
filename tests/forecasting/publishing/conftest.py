"""MLflow's store with its tables: making them takes MLflow seconds, for which each test of experiments would wait."""

import shutil
from pathlib import Path

import pytest

from forecasting.publishing.experiment import TrackingStore, quiet_mlflow
from stocktide.foundation.settings import Settings


@pytest.fixture(scope="session")
def new_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the database of a store in which nothing was logged yet."""
    home = tmp_path_factory.mktemp("mlflow")
    with quiet_mlflow() as mlflow:
        store = TrackingStore.of(Settings(home=home))
        mlflow.MlflowClient(tracking_uri=store.uri).search_experiments()
    return home / "mlflow.db"


@pytest.fixture
def store_made(home: Path, new_store: Path) -> None:
    """Put such a store into the test's home."""
    shutil.copy2(new_store, home)
