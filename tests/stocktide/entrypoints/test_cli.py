import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forked import run_command
from tests.ingest.tills import TILL, row, write

ROOT = Path(__file__).parents[3]


def stocktide(home: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line in a directory of its own; `settings` without their prefix."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("STOCKTIDE_")
    }
    environment |= {
        f"STOCKTIDE_{name}": value for name, value in {"HOME": str(home), **settings}.items()
    }
    environment["PYTHONPATH"] = str(ROOT)
    return run_command(*arguments, environment=environment, folder=home.parent)


def test_module_is_the_command_line_and_imports_no_stage_that_it_does_not_need(home: Path) -> None:
    """Run once as people do; the other tests here fork, which hides what an interpreter starts with."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "stocktide.entrypoints.cli", "status"],
        env={**os.environ, "STOCKTIDE_HOME": str(home), "PYTHONPATH": str(ROOT)},
        cwd=home.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, f"Not running in {home}. Start it: stocktide up\n")
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "stocktide.foundation.settings" in imported
    assert imported.isdisjoint({"forecasting", "pandas", "duckdb", "streamlit", "mlflow"})


def check_refused(
    done: "subprocess.CompletedProcess[str]", said: str, *, exit_code: int = 2
) -> None:
    """One clear line on standard error, and no traceback."""
    shown = done.stdout + done.stderr
    assert done.returncode == exit_code, shown
    assert "Traceback" not in shown
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, shown
    assert said in errors[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dance"], "No such command 'dance'"),
        (["etl", "--fast"], "No such option"),
        (["import"], "Missing argument 'FILE'"),
        (["import", "till.csv"], "Missing option '--mapping'"),
        (["demo", "--days", "many"], "'many' is not a valid integer"),
        (["keys"], ""),
        (["keys", "create"], "Missing argument 'NAME'"),
        (["users", "fire"], "No such command 'fire'"),
    ],
)
def test_cli_refuses_with_exit_2_when_the_command_line_is_wrong(
    home: Path, arguments: list[str], said: str
) -> None:
    done = stocktide(home, *arguments)
    if said:
        check_refused(done, said)
    else:
        assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"API_PROT": "1"},
            "STOCKTIDE_API_PROT, which is not a setting. Did you mean STOCKTIDE_API_PORT?",
        ),
        ({"API_PORT": "eighty"}, "STOCKTIDE_API_PORT: "),
        ({"DATABASE_URL": "mysql://x", "REDIS_URL": "redis://x"}, "postgresql://, not 'mysql'"),
        ({"HOME": "/dev/null"}, "STOCKTIDE_HOME /dev/null cannot be written"),
    ],
)
def test_cli_names_the_setting_when_it_is_wrong(
    home: Path, settings: dict[str, str], said: str
) -> None:
    check_refused(stocktide(home, "keys", "list", **settings), said)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"ETL_CRON": "sometimes"}, "STOCKTIDE_ETL_CRON 'sometimes' is not a cron line"),
        ({"CONFIG": "nowhere.toml"}, "STOCKTIDE_CONFIG names nowhere.toml, which is not a file"),
    ],
)
def test_up_names_the_setting_when_it_is_wrong(
    home: Path, settings: dict[str, str], said: str
) -> None:
    check_refused(stocktide(home, "up", **settings), said)
    assert not (home / "postgres").exists()


@pytest.mark.parametrize("part", ["api", "worker", "dashboard"])
def test_part_names_the_setting_when_it_is_started_alone(home: Path, part: str) -> None:
    check_refused(stocktide(home, part), "or let `stocktide up` start this part")


def test_part_exits_3_when_its_database_is_away(home: Path) -> None:
    url = f"postgresql://nobody@/nothing?host={home}"
    done = stocktide(home, "keys", "list", DATABASE_URL=url, REDIS_URL=f"unix://{home}/none")
    check_refused(done, "The database does not answer", exit_code=3)


@pytest.mark.parametrize(
    ("name", "mapping", "said"),
    [
        ("nowhere.csv", TILL, "nowhere.csv: there is no such file"),
        ("till.csv", "name = ", "mapping.toml: Invalid value (at"),
        ("till.csv", TILL.replace('kind = "sale"', 'kind = "gift"'), "kind 'gift' is unknown"),
        ("till.csv", TILL.replace("quantity > 0", "quantity >"), "kind[0].when: Parser Error"),
        ("till.csv", None, "mapping.toml: No such file or directory"),
    ],
)
def test_import_names_file_and_place_when_file_or_mapping_is_wrong(
    home: Path, tmp_path: Path, name: str, mapping: str | None, said: str
) -> None:
    write(tmp_path / "till.csv", row())
    if mapping is not None:
        (tmp_path / "mapping.toml").write_text(mapping)
    check_refused(
        stocktide(home, "import", "--dry-run", str(tmp_path / name), "--mapping", "mapping.toml"),
        said,
    )


def test_import_dry_run_prints_json_when_asked(home: Path, tmp_path: Path) -> None:
    write(tmp_path / "till.csv", row(), row("b", "abc"))
    (tmp_path / "mapping.toml").write_text(TILL)
    done = stocktide(home, "import", "--dry-run", "--json", "till.csv", "--mapping", "mapping.toml")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["read"], document["rejected"], len(document["events"])) == (
        2,
        {"wrong_type": 1},
        1,
    )
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[hierarchy\n", "stocktide.toml: "),
        ("[levels]\n", "unknown section [levels]"),
        ('[hierarchy]\nlevels = [["colour"]]\n', "colour"),
        ("[hierarchy]\nlevels = 5\n", "levels"),
        ('[forecast]\nmethod = "MAGIC"\n', "MAGIC"),
        ("[forecast]\nhorizon_days = 0\n", "horizon_days"),
        ("[forecast]\nhorizon = 28\n", "horizon"),
    ],
)
def test_forecast_names_the_key_when_stocktide_toml_is_wrong(
    home: Path, tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / "stocktide.toml").write_text(content)
    check_refused(stocktide(home, "forecast"), said)
    assert not (home / "postgres").exists()


def test_status_exits_3_when_nothing_runs(home: Path) -> None:
    done = stocktide(home, "status")
    assert (done.returncode, done.stdout) == (3, f"Not running in {home}. Start it: stocktide up\n")
    as_json = stocktide(home, "status", "--json")
    assert as_json.returncode == 3
    assert json.loads(as_json.stdout) == {"running": False, "home": str(home)}


def test_keys_are_made_listed_and_revoked(home: Path, database_url: str) -> None:
    given = {"DATABASE_URL": database_url, "REDIS_URL": "redis://localhost"}
    made = stocktide(home, "keys", "create", "till 7", **given)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("stk_")
    assert made.stdout.count("\n") == 1
    assert "till 7 may speak for any source" in made.stderr
    bound = ("--source", "/shops/S1/*", "--source", "/x")
    made_bound = stocktide(home, "keys", "create", "till 8", *bound, **given)
    assert (made_bound.returncode, made_bound.stderr) == (0, "")
    assert "for /shops/S1/* /x" in stocktide(home, "keys", "list", **given).stdout
    revoked = stocktide(home, "keys", "revoke", "till 8", **given)
    assert revoked.returncode == 0
    check_refused(stocktide(home, "keys", "create", "till 7", **given), "'till 7' exists")
    check_refused(
        stocktide(home, "keys", "create", "b", "--scope", "admin", **given), "'admin' is unknown"
    )
    listed = stocktide(home, "keys", "list", "--json", **given)
    assert [(key["name"], key["scope"]) for key in json.loads(listed.stdout)] == [
        ("till 7", "ingest"),
        ("till 8", "ingest"),
    ]
    assert made.stdout.strip() not in listed.stdout
    assert [key["sources"] for key in json.loads(listed.stdout)] == [None, ["/shops/S1/*", "/x"]]
    assert stocktide(home, "keys", "revoke", "till 7", **given).stdout == "till 7 is revoked.\n"
    check_refused(
        stocktide(home, "keys", "revoke", "till 7", **given), "No valid key is named 'till 7'"
    )
    table = stocktide(home, "keys", "list", **given)
    assert (table.returncode, "till 7" in table.stdout) == (0, True)


def test_users_are_added_changed_and_disabled(home: Path, database_url: str) -> None:
    given = {"DATABASE_URL": database_url, "REDIS_URL": "redis://localhost"}
    password = ("--password", "a long password")
    added = stocktide(home, "users", "add", "ann", *password, "--role", "planner", **given)
    assert added.stdout == "ann may sign in as planner.\n"
    [ann] = json.loads(stocktide(home, "users", "list", "--json", **given).stdout)
    assert (ann["username"], ann["role"], ann["personal"]) == ("ann", "planner", False)
    check_refused(stocktide(home, "users", "add", "ann", *password, **given), "'ann' exists")
    check_refused(
        stocktide(home, "users", "add", "bob", "--password", "short", **given), "at least 10"
    )
    check_refused(stocktide(home, "users", "add", "Bob", *password, **given), "in lower case")
    assert stocktide(home, "users", "disable", "ann", **given).stdout == "ann is disabled.\n"
    check_refused(stocktide(home, "users", "disable", "bob", **given), "no user 'bob'")
    changed = stocktide(home, "users", "password", "ann", *password, **given)
    assert changed.stdout.startswith("ann has a new password. ann stays disabled")
    check_refused(
        stocktide(home, "users", "password", "anne", *password, **given), "Did you mean ann?"
    )
    assert "stays disabled" in stocktide(home, "users", "role", "ann", "viewer", **given).stdout
    enabled = stocktide(home, "users", "enable", "ann", **given)
    assert enabled.stdout == "ann may sign in again.\n"
    assert stocktide(home, "users", "role", "ann", "operator", **given).returncode == 0
    why = ("--reason", "helps customers")
    may = stocktide(home, "users", "personal", "ann", *why, **given)
    assert may.stdout == "ann may see who customers are.\n"
    taken = stocktide(home, "users", "personal", "ann", "--take", *why, **given)
    assert taken.stdout == "ann may no longer see who customers are.\n"
    check_refused(stocktide(home, "users", "personal", "anne", *why, **given), "Did you mean ann?")
    log = json.loads(stocktide(home, "users", "personal-log", "--json", **given).stdout)
    assert [(one["username"], one["given"]) for one in log] == [("ann", False), ("ann", True)]


def test_import_exits_1_with_an_example_when_nothing_could_be_recorded(
    home: Path, tmp_path: Path, database_url: str
) -> None:
    given = {"DATABASE_URL": database_url, "REDIS_URL": "redis://localhost"}
    write(tmp_path / "till.csv", row("a", moment="11/8/2018"), row("b", sku="TEST"))
    (tmp_path / "mapping.toml").write_text(TILL)
    for more in ((), ("--dry-run",)):
        done = stocktide(home, "import", "till.csv", "--mapping", "mapping.toml", *more, **given)
        assert (done.returncode, "Nothing could be recorded" in done.stderr) == (1, True)
        assert "Read as: encoding utf-8; delimiter ,;" in done.stdout
        assert (
            "row 1: line 2 of the file: column moment: '11/8/2018' is not a TIMESTAMP"
            in done.stdout
        )
    write(tmp_path / "till.csv", row("a", moment="11/8/2018"), row("b"))
    done = stocktide(home, "import", "till.csv", "--mapping", "mapping.toml", "--json", **given)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["accepted"], set(told["examples"])) == (1, {"wrong_type"})
    assert told["dialect"]["delimiter"] == ","
    done = stocktide(home, "rejects", "drop", "--for", "wrong_type", "--reason", "fixed", **given)
    assert done.stdout == "1 dropped.\n"
    check_refused(stocktide(home, "rejects", "drop", "--reason", "r", **given), "by --for REASON")


def test_a_mapping_is_begun_and_checked(home: Path, tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text("id;date;sku;qty\n1;2026-03-01;A;1,5\n2;2026-03-01;B;2,0\n")
    drafted = stocktide(home, "mapping", "new", "sales.csv")
    assert drafted.returncode == 0, drafted.stderr
    (tmp_path / "sales.toml").write_text(drafted.stdout)
    assert stocktide(home, "mapping", "check", "sales.toml").stdout.startswith("sales.toml: sound.")
    checked = stocktide(home, "mapping", "check", "sales.toml", "sales.csv")
    assert (checked.returncode, '"quantity": "1.5"' in checked.stdout) == (0, True)
    (tmp_path / "sales.csv").write_text(
        "id;date;sku;qty\n1;2026-03-01;A;many\n2;2026-03-01;B;2,0\n"
    )
    checked = stocktide(home, "mapping", "check", "sales.toml", "sales.csv")
    assert (checked.returncode, "'many' is not a DOUBLE" in checked.stdout) == (1, True)
    (tmp_path / "sales.toml").write_text(drafted.stdout.replace("sku = '\"sku\"'", "sku = 'item'"))
    check_refused(stocktide(home, "mapping", "check", "sales.toml"), "product.sku: Binder Error")
    check_refused(
        stocktide(home, "mapping", "new", "sales.csv", "--delimiter", "::"), "--delimiter"
    )


def test_commands_run_on_an_embedded_home_that_is_said_from_here(
    home: Path, tmp_path: Path
) -> None:
    write(tmp_path / "till.csv", row(), row("b", "abc"))
    (tmp_path / "mapping.toml").write_text(TILL)
    imported = stocktide(
        home, "import", "till.csv", "--mapping", "mapping.toml", "--json", HOME=home.name
    )
    assert imported.returncode == 0, imported.stderr
    assert json.loads(imported.stdout)["accepted"] == 1
    assert (home / "postgres" / "PG_VERSION").is_file()
    checked = stocktide(home, "check", "--json")
    assert (checked.returncode, json.loads(checked.stdout)["faults"]["stock"]) == (0, 0), (
        checked.stderr
    )
    assert json.loads(checked.stdout)["waiting"]["lake/movements"] == 1
    rebuilt = stocktide(home, "rebuild", "--json")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert "the lake and what is served from it" in rebuilt.stderr
    shown = json.loads(rebuilt.stdout)
    assert (shown["holds"], shown["repair"], shown["waiting"]["lake/movements"]) == (True, None, 0)
