import json
import os
import pwd
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

import forecasting
from forecasting.publishing.publish import publish
from stocktide.entrypoints.cli.main import cli
from stocktide.foundation.errors import Conflict, Invalid, NotFound, StocktideError
from tests.dashboard.versions import by_period, store_three

TODAY = datetime.now(UTC).date()
PNG = b"\x89PNG"
Command = Callable[..., Result]


@pytest.fixture
def command(database_url: str, home: Path, valkey_server: object) -> Command:
    """Run `stocktide forecast …` on the test's database; what it raises of ours goes on to the test."""
    url = getattr(valkey_server, "url")  # noqa: B009 - an address is all that is needed of it
    environment = {
        "STOCKTIDE_HOME": str(home),
        "STOCKTIDE_DATABASE_URL": database_url,
        "STOCKTIDE_REDIS_URL": url,
        # who decides is the system's word, not the environment's
        **dict.fromkeys(("LOGNAME", "USER", "LNAME", "USERNAME"), "the boss"),
    }

    def run(*arguments: str) -> Result:
        done = CliRunner().invoke(cli, ["forecast", *arguments], env=environment)
        if isinstance(done.exception, StocktideError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done

    return run


@pytest.fixture
def three(database: sa.Engine) -> sa.Engine:
    store_three(database, end=TODAY)
    return database


def test_history_lists_versions_with_who_and_why(command: Command, three: sa.Engine) -> None:
    assert three is not None
    listed = json.loads(command("history", "--json").stdout)
    assert [(one["version"], one["status"], one["kept"]) for one in listed] == [
        (3, "rejected", True),
        (2, "champion", True),
        (1, "retired", True),
    ]
    shown = command("history", "--limit", "1").stdout
    assert "rejected" in shown
    assert "retired" not in shown


def test_rollback_and_promote_tell_what_they_did_and_keep_who(
    command: Command, three: sa.Engine
) -> None:
    said = command("rollback", "--reason", "ordered too much")
    assert "Version 1 (run 1) is published in place of version 2." in said.stdout
    done = json.loads(command("promote", "3", "--json").stdout)
    assert (done["version"], done["replaced"], done["reason"]) == (3, 1, "no reason given")
    with three.connect() as connection:
        who = connection.execute(
            sa.text("SELECT decided_by, reason FROM forecast_decisions WHERE action = 'rollback'")
        ).one()
    assert who.decided_by == f"{pwd.getpwuid(os.getuid()).pw_name} (command line)"
    assert who.reason == "ordered too much"
    assert command("rollback", "--to", "2").stdout.startswith("Version 2")


def test_rollback_refuses_with_a_clear_message_when_there_is_none(command: Command) -> None:
    with pytest.raises(Conflict, match="nothing to roll back"):
        command("rollback")
    with pytest.raises(NotFound, match="`stocktide forecast history` lists them"):
        command("promote", "7")


def test_rollback_says_so_when_mlflow_is_away(
    command: Command, three: sa.Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").write_text("no folder")
    monkeypatch.setenv("STOCKTIDE_MLFLOW_TRACKING_URI", f"sqlite:///{home / 'file' / 'x'}/m.db")
    done = command("rollback")
    assert "Version 1 (run 1) is published" in done.stdout
    assert "Its aliases follow with the next run" in done.stderr
    with three.connect() as connection:
        assert (
            connection.execute(sa.text("SELECT forecast_run_id FROM published_forecast")).scalar()
            == 1
        )


def test_drift_judges_and_asks_the_queue_for_retraining(
    command: Command, database: sa.Engine
) -> None:
    assert "0 days judged, the last one none yet." in command("drift").stdout
    first = TODAY - timedelta(days=11)
    store_three(database, end=first)
    land(database, first, days=11, units=300.0)
    report = json.loads(command("drift", "--json").stdout)
    # the first of them had no sales yet
    assert report["judged"] == 12
    assert report["asked"] is True
    assert {name for name, _ in report["alarmed"]} >= {"total"}
    with database.connect() as connection:
        queued = connection.execute(sa.text("SELECT task_name FROM procrastinate_jobs")).scalars()
        assert queued.all() == ["forecast"]
        ran = connection.execute(
            sa.text("SELECT job, status FROM runs ORDER BY run_id DESC LIMIT 1")
        ).one()
    assert tuple(ran) == ("drift", "succeeded")


def test_drift_and_plot_speak_of_months_when_the_forecast_is_monthly(
    command: Command, database: sa.Engine, tmp_path: Path
) -> None:
    end = TODAY - timedelta(days=62)
    publish(database, by_period("M", end=end), run_id=None)
    assert "0 months judged, the last one none yet." in command("drift").stdout
    land(database, end - timedelta(days=90), days=152, units=1.0)
    assert re.match(
        r"[23] months judged, the last one [A-Z][a-z]{2} 20\d\d\.", command("drift").stdout
    )
    said = command("plot", "S1/Milk", "--out", str(tmp_path / "x.png")).stdout
    assert re.search(r"\d units, \d+ [A-Z]", said)


def land(engine: sa.Engine, first: object, *, days: int, units: float) -> None:
    """Land the same sales of one product in one shop on each of some days."""
    with engine.begin() as connection:
        for query in (
            "INSERT INTO products (product_id, sku) OVERRIDING SYSTEM VALUE VALUES (1, 'Apples')",
            "INSERT INTO locations (location_id, code) OVERRIDING SYSTEM VALUE VALUES (1, 'S1')",
            "INSERT INTO lake_versions (table_name, version, xid_before, rows_total, recorded_through)"
            " VALUES ('movements', 1, '1', 1, now())",
            "INSERT INTO daily_demand SELECT 1, 1, CAST(:first AS date) + day, :milli, 0, 0, 1, NULL, 0, 0, false,"
            " NULL, NULL, false FROM generate_series(0, :days) AS day",
        ):
            connection.execute(
                sa.text(query),
                {"first": first, "days": days, "milli": int(units * 1000)}
                if ":first" in query
                else {},
            )


def test_plot_draws_a_node_with_its_components(
    command: Command, three: sa.Engine, tmp_path: Path
) -> None:
    assert three is not None
    out = tmp_path / "x.png"
    said = command("plot", "S1/Milk", "--out", str(out)).stdout
    assert "High Street · Milk: " in said
    assert re.search(r"\d units, \d+ [A-Z]", said)
    plain = out.read_bytes()
    assert plain.startswith(PNG)
    command("plot", "location/S1", "--out", str(out), "--paths", "--dark")
    assert out.read_bytes().startswith(PNG)
    assert out.read_bytes() != plain


def test_plot_offers_the_nearest_names_when_a_node_is_unknown(
    command: Command, three: sa.Engine, tmp_path: Path
) -> None:
    out = tmp_path / "x.png"
    with pytest.raises(NotFound, match=r"no item s1/mlik. Nearest: S1/Milk"):
        command("plot", "s1/mlik", "--out", str(out))
    with three.begin() as connection:
        connection.execute(
            sa.text("UPDATE forecast_nodes SET unique_id = 'S1' WHERE unique_id = 'S2/Soap'")
        )
    with pytest.raises(Invalid, match="S1 names 2 items: location/S1, location/product/S1"):
        command("plot", "S1", "--out", str(out))
    assert not out.exists()


def test_plot_says_how_to_get_a_forecast_when_there_is_none(
    command: Command, tmp_path: Path
) -> None:
    with pytest.raises(NotFound, match="run `stocktide forecast`"):
        command("plot", "total", "--out", str(tmp_path / "x.png"))


def test_refresh_says_what_became_of_it(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Conflict, match="nothing to refresh; run `stocktide forecast`"):
        command("refresh")
    monkeypatch.setattr(forecasting, "run_refresh", lambda *_given, **_named: None)
    assert "Nothing to refresh" in command("refresh").stdout
    assert json.loads(command("refresh", "--json").stdout) == {"published": False}
    report = forecasting.ForecastReport(
        forecast_run_id=8,
        cutoff=TODAY,
        lake_version=3,
        nodes=20,
        leaves=12,
        warned=0,
        winner="mixture",
        version=5,
        published=True,
        reason="Refreshed from version 4: 2 days more, the same weights and scores.",
        wape={},
        mlflow_run_id=None,
        seconds=12.3,
    )
    monkeypatch.setattr(forecasting, "run_refresh", lambda *_given, **_named: report)
    assert "Version 5 is published, in 12 s. Refreshed from version 4" in command("refresh").stdout
    assert json.loads(command("refresh", "--json").stdout)["version"] == 5


def test_refresh_of_a_version_that_learnt_nothing_asks_to_retrain(
    command: Command, three: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert three is not None
    # what is read of a lake is tested elsewhere
    monkeypatch.setattr("forecasting.refresh_run.read_chain", lambda *_given: (None, None, None))
    monkeypatch.setattr("forecasting.refresh_run.new_periods", lambda *_given: 2)
    with pytest.raises(Conflict, match=r"has learnt is not in the lake.*retrain"):
        command("refresh")
