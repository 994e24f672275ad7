import os
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from forecasting import read_lineage
from forecasting.publishing.learnt_store import read_learnt
from stocktide.foundation.errors import NotFound
from stocktide.foundation.lake import Lake
from tests.forecasting import killed_forecast
from tests.forecasting.killed import KilledRun
from tests.forecasting.lakes import chain_rows, write_lake

# In CI so many of a run's steps, the first and the last among them; `FORECAST_KILLS=all` for each.
KILLS = os.environ.get("FORECAST_KILLS", "4")
# Every table that a run writes, in no order.
TABLES = (
    "forecast_runs",
    "forecast_nodes",
    "forecasts",
    "forecast_actuals",
    "forecast_errors",
    "forecast_scores",
    "forecast_models",
    "published_forecast",
)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return write_lake(tmp_path_factory.mktemp("lake"), chain_rows(70))


def start(database_url: str, lake: Lake, home: Path, stop: int) -> KilledRun:
    return KilledRun(killed_forecast.main, database_url, lake.root, str(home), stop)


def kill_at(run: KilledRun, number: int) -> str:
    """Kill a run in its step of this number; gives the step's name."""
    for _ in range(number):
        run.step()
    step = run.step()
    run.kill()
    return step


def finished_steps(home: Path) -> dict[str, int]:
    """When each kept step was written, by its name."""
    found = home.glob("checkpoints/*/*/value.json")
    return {path.parent.name: path.stat().st_mtime_ns for path in found}


def counts(engine: sa.Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            table: connection.execute(
                sa.text(f"SELECT count(*) FROM {table}")  # noqa: S608 - names of ours
            ).scalar_one()
            for table in TABLES
        }


def published(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        number: int = connection.execute(
            sa.text("SELECT forecast_run_id FROM published_forecast")
        ).scalar_one()
    return number


def test_a_retraining_killed_in_any_of_its_steps_leaves_what_was_published(
    database: sa.Engine, database_url: str, lake: Lake, tmp_path: Path
) -> None:
    steps = start(database_url, lake, tmp_path, -1).finish()
    assert len(steps) >= 4
    before = counts(database)
    assert min(before.values()) > 0
    assert not finished_steps(tmp_path)
    made: list[dict[str, int]] = []
    count = len(steps) if KILLS == "all" else int(KILLS)
    chosen = np.unique(np.linspace(0, len(steps) - 1, count).round().astype(int)).tolist()
    for number in chosen:
        step = steps[number]
        assert kill_at(start(database_url, lake, tmp_path, number), number) == step
        assert counts(database) == before, step
        assert read_lineage(lake, published(database)), step
        made.append(finished_steps(tmp_path))
    # what one run had finished the next ones took up: the files are still those of the first
    tested = {name: when for of in reversed(made) for name, when in of.items()}
    assert any(name.startswith("origin-") for name in tested)
    assert made[-1].items() <= tested.items()
    # what orders and a refresh need of a run is in the lake before anybody can see the run
    assert steps[chosen[-1]] == "publishing"
    unpublished = read_lineage(lake).forecast_run_id
    assert unpublished > published(database)
    assert read_learnt(lake, unpublished)
    start(database_url, lake, tmp_path, -1).finish()
    with pytest.raises(NotFound, match="no sample paths"):
        read_lineage(lake, unpublished)
    assert read_lineage(lake, published(database))
    assert not finished_steps(tmp_path)
    assert counts(database)["forecast_models"] == 2
    with database.connect() as connection:
        states = connection.execute(
            sa.text("SELECT status, count(*) FROM runs GROUP BY 1 ORDER BY 1")
        )
        assert [tuple(row) for row in states] == [("failed", len(chosen)), ("succeeded", 2)]
