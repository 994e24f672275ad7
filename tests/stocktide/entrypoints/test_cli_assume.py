"""`stocktide forecast --assume` on a real database and lake."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from forecasting import run_forecast
from stocktide.entrypoints.cli.main import cli
from stocktide.foundation.errors import Invalid, NotFound, StocktideError
from stocktide.foundation.lake import Lake
from tests.forecasting.lakes import write_lake
from tests.forecasting.promoted_chain import DAYS, NOW, SPEC, H, day, promoted_rows, put_chain

CONFIG = """
[hierarchy]
levels = [[], ["location"], ["location", "product"]]
[forecast]
horizon_days = 14
candidates = ["WLSS additive"]
"""
PLAN = f"product,location,from,to,discount\nP1,S1,{day(DAYS + 3)},{day(DAYS + 6)},0.2\n"
Command = Callable[..., Result]


@pytest.fixture
def command(database: sa.Engine, home: Path) -> Command:
    """Run `stocktide forecast …` on the test's database; what it raises of ours goes on to the test."""
    put_chain(database)
    home.mkdir(parents=True, exist_ok=True)
    (home / "stocktide.toml").write_text(CONFIG)
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    environment = {
        "STOCKTIDE_HOME": str(home),
        "STOCKTIDE_CONFIG": str(home / "stocktide.toml"),
        "STOCKTIDE_DATABASE_URL": url,
        "STOCKTIDE_REDIS_URL": "redis://localhost",
    }

    def run(*arguments: str) -> Result:
        done = CliRunner().invoke(cli, ["forecast", *arguments], env=environment)
        if isinstance(done.exception, StocktideError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done

    return run


@pytest.fixture
def lake(home: Path) -> Lake:
    return write_lake(home / "lake", promoted_rows())


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "what.csv"
    file.write_text(PLAN)
    return file


def test_assumption_is_told_as_table_json_and_csv(
    command: Command, database: sa.Engine, lake: Lake, plan: Path, tmp_path: Path
) -> None:
    run_forecast(database, lake, SPEC, now=NOW)
    shown = command("--assume", str(plan))
    assert "Version 1 as published and as assumed" in shown.stdout
    assert "S1/P1" in shown.stdout
    last = shown.stdout.splitlines()[-1]
    assert last.startswith("+")
    assert "units over 14 days: " in last
    out = tmp_path / "out.csv"
    told = json.loads(command("--assume", str(plan), "--json", "--out", str(out)).stdout)
    assert (told["version"], told["cutoff"], told["warnings"]) == (1, str(day(DAYS - 1)), [])
    assert told["total"] == last
    assert {row["unique_id"] for row in told["nodes"]} == {"total", "S1", "S1/P1"}
    assert len(told["nodes"]) == 3 * H
    table = pd.read_csv(out)
    assert list(table.columns) == [
        "level_name",
        "unique_id",
        "ds",
        "published",
        "assumed",
        "difference",
    ]
    assert len(table) == (1 + 3 + 12) * H
    total = table.query("unique_id == 'total'")["difference"].sum()
    assert total == pytest.approx(told["difference"])
    with database.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM calendar_plans")).scalar() == 0
        assert connection.execute(sa.text("SELECT count(*) FROM forecast_runs")).scalar() == 1


def test_files_add_up_and_notes_go_to_standard_error(
    command: Command, database: sa.Engine, lake: Lake, plan: Path, tmp_path: Path
) -> None:
    run_forecast(database, lake, SPEC, now=NOW)
    fair = tmp_path / "events.csv"
    fair.write_text(f"name,day\nRegatta,{day(DAYS)}\n")
    done = command("--assume", str(plan), "--assume", str(fair))
    assert "No effect of the event 'Regatta' is known" in done.stderr
    assert done.stdout.splitlines()[-1].startswith("+")
    only = command("--assume", str(fair))
    assert only.stdout.splitlines() == ["No change over 14 days."]


def test_what_is_wrong_is_named_with_what_to_do(
    command: Command, database: sa.Engine, lake: Lake, plan: Path, tmp_path: Path
) -> None:
    with pytest.raises(NotFound, match="make one with `stocktide forecast`"):
        command("--assume", str(plan))
    run_forecast(database, lake, SPEC, now=NOW)
    plan.write_text(PLAN + PLAN.splitlines()[1].replace("P1", "P9") + "\n")
    with pytest.raises(NotFound, match=r"what.csv, row 2, column product: there is no product"):
        command("--assume", str(plan))
    plan.write_text("")
    with pytest.raises(Invalid, match="the file is empty"):
        command("--assume", str(plan))
    with pytest.raises(Invalid, match="there is no such file"):
        command("--assume", str(tmp_path / "none.csv"))
    plan.write_text(PLAN)
    with pytest.raises(Invalid, match=r"--out .* cannot be written"):
        command("--assume", str(plan), "--out", str(tmp_path / "none" / "out.csv"))


def test_options_that_do_not_belong_together_are_refused(command: Command, plan: Path) -> None:
    with pytest.raises(Invalid, match="--out goes with --assume FILE"):
        command("--out", "x.csv")
    with pytest.raises(Invalid, match="history does not take --assume"):
        command("--assume", str(plan), "history")
