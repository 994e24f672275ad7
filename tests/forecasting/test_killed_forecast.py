import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from stocktide.lake import Lake
from tests.forecasting.lakes import chain_rows, write_lake

ROOT = Path(__file__).parents[2]
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


def start(database_url: str, lake: Lake, stop: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.forecasting.killed_forecast",
            database_url,
            lake.root,
            str(stop),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def counts(engine: sa.Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            table: connection.execute(
                sa.text(f"SELECT count(*) FROM {table}")  # noqa: S608 - names of ours
            ).scalar_one()
            for table in TABLES
        }


def test_a_retraining_killed_in_any_of_its_steps_leaves_what_was_published(
    database: sa.Engine, database_url: str, lake: Lake
) -> None:
    whole = start(database_url, lake, -1)
    said, _ = whole.communicate(timeout=120)
    assert whole.returncode == 0
    steps = said.splitlines()
    assert len(steps) >= 4
    before = counts(database)
    assert min(before.values()) > 0
    for number, step in enumerate(steps):
        run = start(database_url, lake, number)
        assert run.stdout is not None
        for _ in range(number + 1):
            line = run.stdout.readline().strip()
        assert line == step
        run.send_signal(signal.SIGKILL)
        run.wait(10)
        run.stdout.close()
        assert counts(database) == before, step
    again = start(database_url, lake, -1)
    again.communicate(timeout=120)
    assert again.returncode == 0
    assert counts(database)["forecast_models"] == 2
    with database.connect() as connection:
        states = connection.execute(
            sa.text("SELECT status, count(*) FROM runs GROUP BY 1 ORDER BY 1")
        )
        assert [tuple(row) for row in states] == [("failed", len(steps)), ("succeeded", 2)]
