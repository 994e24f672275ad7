"""What goes and what stays: every table has a bound, old rows go in small parts, logs keep their newest lines."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.foundation import retention
from stocktide.foundation.errors import Fatal
from stocktide.foundation.retention import delete_aged, shorten_logs
from stocktide.foundation.settings import Settings
from stocktide.foundation.stores import FOLDERS, TABLES
from tests.ingest.samples import raw

ROOT = Path(__file__).parents[3]
DOCS = (ROOT / "docs" / "stores.md").read_text("utf-8")
SETTINGS = Settings(history_days=40, rejects_days=10)
# tables of the queue and of the migrations belong to their libraries, partitions to their table
FOREIGN = re.compile(r"procrastinate_.*|alembic_version|ledger_.*")


def nothing(_line: str) -> None:
    pass


def test_every_table_has_a_bound(database: sa.Engine) -> None:
    query = "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
    with database.connect() as connection:
        found = set(connection.execute(sa.text(query)).scalars())
    assert {name for name in found if not FOREIGN.fullmatch(name)} == set(TABLES)


def test_the_docs_list_every_store_with_its_bound() -> None:
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (.*?) \|", DOCS, re.MULTILINE))
    bounds = {**{name: store.bound for name, store in TABLES.items()}, **FOLDERS}
    assert {name: rows.get(name) for name in bounds} == bounds


def test_retentions_name_settings_and_columns_that_are_there(database: sa.Engine) -> None:
    for table, store in TABLES.items():
        if store.retention is not None:
            assert store.retention.setting in Settings.model_fields
            kept = store.retention
            # names and conditions are our own
            query = f"SELECT {kept.column} FROM {table} WHERE {kept.where}"  # noqa: S608
            with database.connect() as connection:
                connection.execute(sa.text(query))


def test_old_minutes_runs_and_attempts_go_and_young_ones_stay(
    database: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 7)
    with database.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO feed_minutes (feed, minute, accepted, duplicate, conflict, rejected)"
                " SELECT 'till', date_trunc('minute', now()) - make_interval(days => d), 1, 0, 0, 0"
                " FROM generate_series(1, 60) AS d"
            )
        )
        for days in (1, 100):
            connection.execute(
                sa.text(
                    "INSERT INTO runs (job, status, started_at) VALUES"
                    " ('etl', 'succeeded', now() - make_interval(days => :d)),"
                    " ('etl', 'running', now() - make_interval(days => :d))"
                ),
                {"d": days},
            )
            connection.execute(
                sa.text(
                    "INSERT INTO sign_in_attempts (username, at) VALUES ('a', now() - make_interval(days => :d))"
                ),
                {"d": days},
            )
    said: list[str] = []
    deleted = delete_aged(database, SETTINGS, said.append)
    assert (deleted["feed_minutes"], deleted["runs"], deleted["sign_in_attempts"]) == (21, 1, 1)
    assert any("feed_minutes: 21 rows older than 40 days" in line for line in said)
    assert set(delete_aged(database, SETTINGS, nothing).values()) == {0}


def test_settled_rejects_go_with_their_history_and_open_ones_stay(database: sa.Engine) -> None:
    with database.begin() as connection:
        put_products(connection, [ProductIn("A")])
        put_locations(connection, [LocationIn("S1")])
    recorder = Recorder(database, Settings())
    recorder.record("till", "", [raw(kind="sale", event_id=str(n), product="Z") for n in range(3)])
    with database.begin() as connection:
        connection.execute(
            sa.text(
                "UPDATE rejects SET last_seen_at = now() - INTERVAL '11 days' WHERE event_id IN ('0', '1')"
            )
        )
        connection.execute(
            sa.text("UPDATE rejects SET state = 'dropped' WHERE event_id IN ('0', '2')")
        )
        connection.execute(
            sa.text(
                "INSERT INTO reject_actions (reject_id, action, by, reason)"
                " SELECT reject_id, 'drop', 'ann', 'x' FROM rejects WHERE state = 'dropped'"
            )
        )
    assert delete_aged(database, SETTINGS, nothing)["rejects"] == 1
    with database.connect() as connection:
        left = connection.execute(
            sa.text("SELECT event_id FROM rejects ORDER BY event_id")
        ).scalars()
        assert list(left) == ["1", "2"]
        assert connection.execute(sa.text("SELECT count(*) FROM reject_actions")).scalar_one() == 1


def test_the_history_of_rejects_still_refuses_everybody_else(database: sa.Engine) -> None:
    for change in (
        "DELETE FROM reject_actions",
        "UPDATE reject_actions SET by = 'x'",
        "TRUNCATE reject_actions",
    ):
        with (
            database.connect() as connection,
            pytest.raises(sa.exc.IntegrityError, match="append-only"),
        ):
            connection.execute(sa.text(change))


def test_a_long_log_keeps_its_newest_lines_and_its_writer_goes_on(tmp_path: Path) -> None:
    long, short = tmp_path / "api.log", tmp_path / "worker.log"
    short.write_text("one\n")
    with long.open("a") as writer:
        writer.writelines(f"line {number}\n" for number in range(10_000))
        writer.flush()
        cut = shorten_logs(tmp_path, 10_000, nothing)
        writer.write("after\n")
    lines = long.read_text().splitlines()
    assert cut == {"api.log": pytest.approx(100_000, rel=0.2)}
    assert lines[-2:] == ["line 9999", "after"]
    assert lines[0].startswith("line ")
    assert long.stat().st_size < 6_000
    assert short.read_text() == "one\n"


def test_a_table_that_fails_does_not_keep_the_others(database: sa.Engine) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE rejects RENAME COLUMN last_seen_at TO seen_at")
        connection.exec_driver_sql(
            "INSERT INTO runs (job, started_at, status, finished_at)"
            " VALUES ('etl', now() - interval '99 years', 'succeeded', now())"
        )
    with pytest.raises(Fatal, match="rejects"):
        delete_aged(database, SETTINGS, nothing)
    with database.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM runs").scalar_one() == 0
