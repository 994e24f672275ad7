"""`stocktide sql`: tables for people, documents for programs, files that are complete."""

import csv
import json
import os
from pathlib import Path
from subprocess import CompletedProcess

import pyarrow.parquet as pa_parquet
import pytest
import redis
import sqlalchemy as sa

from query import all_views
from query.metrics import all_metrics
from query.saved import ParameterIn, QueryIn, save
from tests.forked import run_command


@pytest.fixture
def environment(database_url: str, valkey: "redis.Redis", home: Path) -> dict[str, str]:
    """Settings of a command over the test's database."""
    return {
        **os.environ,
        "STOCKTIDE_HOME": str(home),
        "STOCKTIDE_DATABASE_URL": database_url,
        "STOCKTIDE_REDIS_URL": f"unix://{valkey.get_connection_kwargs()['path']}",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


def sql(environment: dict[str, str], *arguments: str) -> "CompletedProcess[str]":
    return run_command(
        "sql", *arguments, environment=environment, folder=Path(environment["STOCKTIDE_HOME"])
    )


def test_sql_answers_as_a_table_as_json_as_csv_and_as_parquet(
    environment: dict[str, str], database: sa.Engine, tmp_path: Path
) -> None:
    cut = sql(environment, "SELECT * FROM range(1200)")
    assert "1,000 of 1,200 rows" in cut.stdout
    listed = sql(environment, "--metric", "net_sales", "--csv")
    assert list(csv.reader(listed.stdout.splitlines())) == [["day", "currency", "net_sales"]]
    path = tmp_path / "all.parquet"
    said = sql(environment, "SELECT * FROM range(1200) t(n)", "--parquet", str(path))
    assert said.stdout == f"1,200 rows in {path}.\n"
    assert pa_parquet.read_table(path)["n"].to_pylist() == list(range(1200))
    given = json.loads(
        sql(environment, "SELECT $day::DATE AS d", "-p", "day=2026-03-01", "--json").stdout
    )
    assert given["rows"] == [["2026-03-01"]]
    with database.begin() as connection:
        days = [ParameterIn("days", "integer", "3")]
        save(connection, "anna", QueryIn("Days", "SELECT $days + 1 AS d", days, shared=True))
    for more, answered in (((), 4), (("--param", "days=7"), 8)):
        saved = sql(environment, "--saved", "Days", *more, "--json").stdout
        assert json.loads(saved)["rows"] == [[answered]]
    with database.connect() as connection:
        outcomes = (
            connection.execute(sa.text("SELECT DISTINCT outcome FROM statements")).scalars().all()
        )
    assert outcomes == ["done"]


def test_sql_says_in_one_line_what_is_wrong(
    environment: dict[str, str], database: sa.Engine
) -> None:
    for arguments, said in (
        (["DELETE FROM ledger"], "Only SELECT, WITH and VALUES run here, and this is DELETE."),
        (["SELECT 1", "--metric", "net_sales"], "Give a statement, --metric NAME or --saved NAME"),
        (["--metric", "profit"], "There is no metric 'profit'. There are average_price"),
        (["SELECT 1", "-p", "day"], "write NAME=VALUE"),
    ):
        done = sql(environment, *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("Error: "), done.stderr
        assert said in done.stderr
    with database.connect() as connection:
        outcomes = connection.execute(sa.text("SELECT outcome FROM statements")).scalars().all()
    assert outcomes == ["query_not_select"]


def test_list_names_every_table_column_and_metric(home: Path) -> None:
    environment = {**os.environ, "STOCKTIDE_HOME": str(home)}
    listed = json.loads(sql(environment, "--list", "--json").stdout)
    assert [table["name"] for table in listed["tables"]] == [view.name for view in all_views()]
    assert [one["name"] for one in listed["metrics"]] == [one.name for one in all_metrics()]
    shown = sql(environment, "--list").stdout
    assert all(view.name in shown for view in all_views())
